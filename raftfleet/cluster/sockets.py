"""A tunnel as the part of a socket that http.client uses."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftfleet.transport.protocol import Tunnel

__all__ = ["DeadlineSocket", "left"]


def left(until: float) -> float:
    """Return the seconds until an instant of our monotonic clock; `TimeoutError` when it is over."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class DeadlineSocket:
    """The part of a socket that http.client uses, with one deadline for all of it."""

    def __init__(self, tunnel: Tunnel, until: float) -> None:
        self.tunnel = tunnel
        self.until = until

    def sendall(self, data: bytes) -> None:
        """Send everything before the deadline."""
        self.tunnel.sendall(data, timeout=left(self.until))

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the reading end."""
        del mode
        return io.BufferedReader(_Reading(self))

    def close(self) -> None:
        """Do nothing: http.client says so while the answer is still to be read."""


class _Reading(io.RawIOBase):
    """What http.client reads from."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._sock.tunnel.recv(len(buffer), timeout=left(self._sock.until))
        buffer[: len(data)] = data
        return len(data)
