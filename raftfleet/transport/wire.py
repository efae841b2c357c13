"""The socket under one SSH connection, which lets go when a call on it outstays its deadline.

Some calls of paramiko wait without a limit, and a write to a peer that stopped reading blocks
while it holds the lock all others need. Whoever is stuck in such a call, some thread is inside
this socket's ``send`` or ``recv`` and comes back every 0.1 s (paramiko's own poll), so the
deadlines are checked there: no thread is needed for it, and nothing can hold it up.
"""

from __future__ import annotations

import contextlib
import errno
import math
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.clock import Deadline

__all__ = ["Wire", "dial"]

# A peer that is gone without a word acknowledges nothing; the kernel then ends the connection.
UNACKNOWLEDGED_MS = 30_000


class Wire:
    """What paramiko takes for its socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.Lock()
        self._limits: dict[object, float] = {}
        self._earliest = math.inf
        self._silent_since: float | None = None
        self.heard = time.monotonic()
        self.reason: str | None = None
        self.last_words: str | None = None

    @contextlib.contextmanager
    def limit(self, at: float) -> Iterator[None]:
        """Break the connection if the calls inside still run at this time (monotonic seconds)."""
        key = object()
        with self._lock:
            self._limits[key] = at
            self._earliest = min(self._earliest, at)
        try:
            yield
        finally:
            with self._lock:
                del self._limits[key]
                self._earliest = min(self._limits.values(), default=math.inf)

    def misses(self, asked: float) -> None:
        """Note that what was asked at this time got no answer, as a living peer gives at once."""
        self._silent_since = max(asked, self.heard)

    @property
    def silence(self) -> float:
        """Seconds for which a peer that missed to answer has not sent a single byte."""
        since = self._silent_since
        return 0.0 if since is None else time.monotonic() - since

    def send(self, data: bytes) -> int:
        """Send some of these bytes; TimeoutError after 0.1 s without any room."""
        try:
            return self._socket.send(data)
        except TimeoutError:
            self._check()
            raise

    def recv(self, size: int) -> bytes:
        """Return what has arrived; TimeoutError after 0.1 s without anything."""
        try:
            data = self._socket.recv(size)
        except TimeoutError:
            self._check()
            raise
        self.heard = time.monotonic()
        self._silent_since = None
        if self.heard > self._earliest:
            self._check()
        return data

    def _check(self) -> None:
        if time.monotonic() > self._earliest:
            self.abort("it did not answer in time")
        if self.reason is not None:
            # With a number, as paramiko expects of every error of a socket.
            raise ConnectionAbortedError(errno.ECONNABORTED, self.reason)

    def abort(self, reason: str) -> None:
        """Break the connection at once: every call that waits on it comes back."""
        with self._lock:
            self.reason = self.reason or reason
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket."""
        self.abort("the connection was closed")
        self._socket.close()

    @property
    def _closed(self) -> bool:
        # paramiko asks the socket under this name while it stops its thread.
        return self._socket.fileno() < 0

    def settimeout(self, seconds: float | None) -> None:
        """Set how long `send` and `recv` wait."""
        self._socket.settimeout(seconds)

    def getpeername(self) -> Any:
        """Return the address at the other end."""
        return self._socket.getpeername()


_FAMILIES = {"any": 0, "inet": socket.AF_INET, "inet6": socket.AF_INET6}


def dial(
    address: str,
    port: int,
    deadline: Deadline,
    family: str = "any",
    bind_address: str | None = None,
) -> Wire:
    """Connect to the first of an address's endpoints that accepts; raises OSError.

    ``family`` is ``any``, ``inet`` or ``inet6``; ``bind_address`` is ours to connect from.
    """
    problem: OSError = TimeoutError("no connection in time")
    for found, kind, protocol, _, endpoint in _resolve(address, port, deadline, _FAMILIES[family]):
        if deadline.passed:
            break
        sock = socket.socket(found, kind, protocol)
        try:
            sock.settimeout(max(deadline.left, 0.001))
            if bind_address is not None:
                sock.bind((bind_address, 0))
            sock.connect(endpoint)
        except OSError as error:
            sock.close()
            problem = error
            continue
        # Without this each command waits 40 ms for a delayed acknowledgement (Nagle).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        return Wire(sock)
    raise problem


def _resolve(
    address: str, port: int, deadline: Deadline, family: int
) -> list[tuple[Any, Any, int, str, Any]]:
    """Look a name up within the deadline; the resolver itself knows none."""
    stream = socket.SOCK_STREAM
    with contextlib.suppress(socket.gaierror):
        numeric = socket.AI_NUMERICHOST
        return socket.getaddrinfo(address, port, family=family, type=stream, flags=numeric)
    answers: queue.SimpleQueue[list[tuple[Any, Any, int, str, Any]] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(address, port, family=family, type=stream))
        except OSError as error:
            answers.put(error)

    threading.Thread(target=look_up, name=f"look up {address}", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left)
    except queue.Empty:
        raise TimeoutError(f"the name {address} was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
