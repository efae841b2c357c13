"""A way to a host that does not knock again and again where it was not let in.

Whoever watches for weeks asks often. A host that is down is tried again after seconds, a host that
refused our password after minutes, for it may lock the account, or us, out.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raftfleet.errors import (
    AuthenticationError,
    CertificateError,
    ForwardingError,
    HostKeyError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePosixPath

    from raftfleet.clock import Clock
    from raftfleet.transport import Transport
    from raftfleet.transport.protocol import (
        Command,
        Endpoint,
        Outcome,
        Progress,
        Stream,
        Transfer,
        Tunnel,
    )

__all__ = ["REASONS", "PatientTransport", "reason_of"]

_CONNECT = 10.0
_FIRST = 5.0
_LONGEST = 60.0
_REFUSED_FIRST = 60.0
_REFUSED_LONGEST = 1800.0

REASONS = ("unreachable", "authentication", "host_key", "certificate", "forwarding")
"""Why a host or node cannot be asked, as metrics name it."""

_KINDS: dict[type[UnreachableError], str] = {
    AuthenticationError: "authentication",
    HostKeyError: "host_key",
    CertificateError: "certificate",
    ForwardingError: "forwarding",
}


def reason_of(error: UnreachableError) -> str:
    """Return one of `REASONS`."""
    return next((word for kind, word in _KINDS.items() if isinstance(error, kind)), "unreachable")


class PatientTransport:
    """Another transport, whose connection is tried for again only after a pause that grows.

    While the pause lasts, calls raise what the last attempt raised. `error` is that, None while
    there is a connection. Any thread may call; one at a time tries to connect.
    """

    def __init__(self, inner: Transport, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._again = 0.0
        self.error: UnreachableError | None = None

    @property
    def host(self) -> str:
        """The host's inventory name."""
        return self._inner.host

    @property
    def pause(self) -> float:
        """Seconds until the next attempt, 0 when there is nothing to wait for."""
        return 0.0 if self.error is None else max(0.0, self._again - self._clock.monotonic())

    def connect(self, *, timeout: float) -> None:
        """Open the connection, or say at once that it is too early to try again."""
        with self._connected(timeout):
            return

    @contextmanager
    def _connected(self, timeout: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=timeout):
            raise UnreachableError(f"{self.host}: the connection is still being made")
        try:
            if self.error is not None and self._clock.monotonic() < self._again:
                raise self.error
            try:
                self._inner.connect(timeout=min(timeout, _CONNECT))
            except UnreachableError as error:
                self._failed(error)
                raise
            self.error, self._failures = None, 0
        finally:
            self._lock.release()
        yield

    def _failed(self, error: UnreachableError) -> None:
        refused = isinstance(error, AuthenticationError | HostKeyError)
        first, longest = (_REFUSED_FIRST, _REFUSED_LONGEST) if refused else (_FIRST, _LONGEST)
        pause = min(longest, first * 2 ** min(self._failures, 16))
        self.error, self._failures = error, self._failures + 1
        self._again = self._clock.monotonic() + pause

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command to its end."""
        with self._connected(timeout):
            return self._inner.run(command, timeout=timeout, stdin=stdin)

    def open(self, command: Command, *, timeout: float) -> Stream:
        """Start a command and read its output as it comes."""
        with self._connected(timeout):
            return self._inner.open(command, timeout=timeout)

    def put(
        self,
        source: Path | bytes,
        target: PurePosixPath,
        *,
        mode: int,
        timeout: float,
        become: str | None = None,
        progress: Progress | None = None,
    ) -> Transfer:
        """Bring a file to the host."""
        with self._connected(timeout):
            return self._inner.put(
                source, target, mode=mode, timeout=timeout, become=become, progress=progress
            )

    def get(
        self,
        source: PurePosixPath,
        target: Path,
        *,
        offset: int = 0,
        timeout: float,
        become: str | None = None,
    ) -> Transfer:
        """Fetch a file."""
        with self._connected(timeout):
            return self._inner.get(source, target, offset=offset, timeout=timeout, become=become)

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:
        """Reach a TCP port as the host sees it."""
        with self._connected(timeout):
            return self._inner.forward(host, port, timeout=timeout)

    def tunnel(self, host: str, port: int, *, timeout: float) -> Tunnel:
        """Connect to a TCP port as the host sees it."""
        with self._connected(timeout):
            return self._inner.tunnel(host, port, timeout=timeout)

    def close(self) -> None:
        """Let go of the connection."""
        self._inner.close()
