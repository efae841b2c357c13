"""A TCP connection that a host makes for us: a channel of the SSH connection, used as it is.

Going through a listener on this machine instead would cost two threads and three more hand-overs
between threads for every exchange; `tests/bench/bench_api_via.py` compares the two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import paramiko

from raftfleet.transport.link import MOMENT

if TYPE_CHECKING:
    from raftfleet.transport.link import Link

__all__ = ["ChannelTunnel"]


class ChannelTunnel:
    """A connection that the host made for us; what its SSH connection carries."""

    def __init__(self, link: Link, channel: paramiko.Channel) -> None:
        self._link = link
        self._channel = channel

    def sendall(self, data: bytes, *, timeout: float) -> None:
        """Send everything; a peer that does not read cannot hold us up."""
        self._channel.settimeout(timeout)
        try:
            with self._link.wire.limit(time.monotonic() + timeout + MOMENT):
                self._channel.sendall(data)
        except (paramiko.SSHException, EOFError) as error:
            raise ConnectionResetError(str(error) or self._link.reason) from error

    def recv(self, size: int, *, timeout: float) -> bytes:
        """Return what has arrived, nothing at the end."""
        self._channel.settimeout(timeout)
        return self._channel.recv(size)

    @property
    def pending(self) -> bool:
        """Whether something waits to be received, the end among it."""
        channel = self._channel
        ended = channel.closed or channel.eof_received or not self._link.alive
        return bool(ended or channel.recv_ready())

    def close(self) -> None:
        """Close, and wake a thread that waits for data."""
        self._link.shut(self._channel)
