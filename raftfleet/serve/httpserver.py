"""A small HTTP server for pages that programs read, made so that no client can hold it up.

Every request has one deadline for all of it, from the first byte to the last; a head may have 8 KiB;
a request with a body, or with another method than GET and HEAD, is refused. There are so many
connections at most, and when all are taken the one that has been slowest to say what it wants makes
room: whoever opens connections and says nothing keeps nobody else out. One request a connection:
that costs a handshake every few seconds and leaves nothing that could idle.
"""

from __future__ import annotations

import http
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Self

from raftfleet import __version__

from .request import LARGEST_HEAD, RefusedError, parsed

if TYPE_CHECKING:
    from .request import Handler, Reply

__all__ = ["HttpServer"]

MOST = 64
"""Connections at once; 20 scrapes at a time are a lot."""

_READING = 10.0
"""Seconds in which a client must have said what it wants, TLS handshake included."""
_WRITING = 10.0
"""Seconds in which it must have taken the answer."""
_LINGER = 0.5
_NO_ROOM = 0.05


class _Connection:
    """One client: its socket, since when it is here, and whether it has said what it wants."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline
        self.heard = False

    def left(self) -> float:
        """Return the seconds until the deadline; raise `TimeoutError` when it has passed."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def drop(self) -> None:
        """End it at once, also under a thread that reads."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class HttpServer:
    """Serves one listening socket with a thread for each connection; a context manager.

    ``tls`` wraps every connection, and may be another for those to come. `replies` counts what was answered by status, `refused` what
    was not even read: ``crowded`` (made room), ``slow`` (its deadline passed) and ``broken``.
    """

    def __init__(
        self,
        listener: socket.socket,
        handler: Handler,
        tls: ssl.SSLContext | None = None,
        *,
        most: int = MOST,
        reading: float = _READING,
        writing: float = _WRITING,
    ) -> None:
        self._listener = listener
        self._handler = handler
        self.tls = tls
        self._most = most
        self._reading = reading
        self._writing = writing
        self._lock = threading.Lock()
        self._open: dict[_Connection, None] = {}
        self._ending = False
        self._pause = threading.Event()
        self.refused: Counter[str] = Counter(crowded=0, slow=0, broken=0)
        self._thread = threading.Thread(target=self._accept, name="http", daemon=True)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._open)

    @property
    def alive(self) -> bool:
        """Whether it still takes connections."""
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._pause.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(_READING)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.drop()

    def _count(self, reason: str) -> None:
        with self._lock:
            self.refused[reason] += 1

    # --- connections -------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._ending:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                if not self._ending:
                    # No descriptor left, or the client went away: others may end meanwhile.
                    self._pause.wait(_NO_ROOM)
                continue
            connection = _Connection(sock, time.monotonic() + self._reading)
            if self._admit(connection):
                self._start(connection)

    def _admit(self, connection: _Connection) -> bool:
        """Make room for a connection; False when all others have been heard and are being served."""
        with self._lock:
            if len(self._open) >= self._most:
                slowest = next((one for one in self._open if not one.heard), None)
                self.refused["crowded"] += 1
                if slowest is None:
                    connection.sock.close()
                    return False
                slowest.drop()
                del self._open[slowest]
            self._open[connection] = None
            return True

    def _start(self, connection: _Connection) -> None:
        thread = threading.Thread(
            target=self._serve, args=(connection,), name="http request", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no thread to be had
            self._end(connection)

    def _end(self, connection: _Connection) -> None:
        with self._lock:
            self._open.pop(connection, None)
        connection.sock.close()

    def _serve(self, connection: _Connection) -> None:
        try:
            self._wrap(connection)
            reply, head_only = self._answer(connection)
            self._send(connection, reply, head_only=head_only)
        except TimeoutError:
            self._count("slow")
        except (OSError, ValueError):
            self._count("broken")
        finally:
            self._end(connection)

    def _wrap(self, connection: _Connection) -> None:
        tls = self.tls
        if tls is None:
            return
        connection.sock.settimeout(connection.left())
        connection.sock = tls.wrap_socket(
            connection.sock, server_side=True, do_handshake_on_connect=False
        )
        connection.sock.do_handshake()

    def _answer(self, connection: _Connection) -> tuple[Reply, bool]:
        """Read and answer one request; whatever is wrong with it becomes an answer too."""
        head_only = False
        try:
            request = parsed(_head(connection))
            head_only = request.method == "HEAD"
            connection.heard = True
            return self._handler(request), head_only
        except RefusedError as refused:
            return refused.reply, head_only

    def _send(self, connection: _Connection, reply: Reply, *, head_only: bool) -> None:
        connection.deadline = time.monotonic() + self._writing
        phrase = http.HTTPStatus(reply.status).phrase
        headers = {
            "Date": formatdate(usegmt=True),
            "Server": f"raftfleet/{__version__}",
            "X-Content-Type-Options": "nosniff",
            **reply.headers,
            "Content-Length": str(len(reply.body)),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        connection.sock.settimeout(connection.left())
        connection.sock.sendall(head if head_only else head + reply.body)
        _linger(connection)


def _head(connection: _Connection) -> bytes:
    """Read until the empty line; the deadline is for all of it."""
    read = b""
    while True:
        end = read.find(b"\r\n\r\n")
        if 0 <= end <= LARGEST_HEAD:
            return read[: end + 4]
        if len(read) > LARGEST_HEAD:
            raise RefusedError(431, f"a request may have {LARGEST_HEAD} bytes of headers")
        connection.sock.settimeout(connection.left())
        part = connection.sock.recv(4096)
        if not part:
            raise ConnectionError
        read += part


def _linger(connection: _Connection) -> None:
    """Wait a moment for the client's end, or what it still sends would tear down our answer."""
    with suppress(OSError):
        connection.sock.settimeout(_LINGER)
        if not isinstance(connection.sock, ssl.SSLSocket):
            connection.sock.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _LINGER
        while time.monotonic() < deadline and connection.sock.recv(65536):
            pass
