"""A way to a host that does not knock again and again where it was not let in.

Whoever watches for weeks asks often. A host that is down is tried again after seconds, a host that
refused our password after minutes, for it may lock the account, or us, out.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from raftfleet.errors import (
    AuthenticationError,
    CertificateError,
    ForwardingError,
    HostKeyError,
    UnreachableError,
)
from raftfleet.transport.around import AroundTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.clock import Clock
    from raftfleet.transport import Transport
    from raftfleet.transport.around import Use

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


class PatientTransport(AroundTransport):
    """Another transport, whose connection is tried for again only after a pause that grows.

    While the pause lasts, calls raise what the last attempt raised. `error` is that, None while
    there is a connection. Any thread may call; one at a time tries to connect.
    """

    def __init__(self, inner: Transport, clock: Clock) -> None:
        super().__init__(inner)
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._again = 0.0
        self.error: UnreachableError | None = None

    @property
    def pause(self) -> float:
        """Seconds until the next attempt, 0 when there is nothing to wait for."""
        return 0.0 if self.error is None else max(0.0, self._again - self._clock.monotonic())

    def connect(self, *, timeout: float) -> None:
        """Open the connection, or say at once that it is too early to try again."""
        with self._connected(timeout):
            return

    def _using(self, use: Use) -> AbstractContextManager[None]:
        return self._connected(use.timeout)

    @contextmanager
    def _connected(self, timeout: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=timeout):
            raise UnreachableError(f"{self.host}: the connection is still being made")
        try:
            if self.error is not None and self._clock.monotonic() < self._again:
                raise self.error
            try:
                self._within.connect(timeout=min(timeout, _CONNECT))
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
