"""A TCP connection of this machine's own, where no SSH connection lies in between."""

from __future__ import annotations

import contextlib
import select
import socket

__all__ = ["SocketTunnel"]


class SocketTunnel:
    """A socket as a `raftfleet.transport.protocol.Tunnel`."""

    def __init__(self, host: str, port: int, *, timeout: float) -> None:
        self._socket = socket.create_connection((host, port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sendall(self, data: bytes, *, timeout: float) -> None:
        """Send everything."""
        self._socket.settimeout(timeout)
        self._socket.sendall(data)

    def recv(self, size: int, *, timeout: float) -> bytes:
        """Return what has arrived, nothing at the end."""
        self._socket.settimeout(timeout)
        return self._socket.recv(size)

    @property
    def pending(self) -> bool:
        """Whether something waits to be received, the end among it."""
        with contextlib.suppress(ValueError):  # closed by ourselves
            poller = select.poll()
            poller.register(self._socket, select.POLLIN)
            return bool(poller.poll(0))
        return True

    def close(self) -> None:
        """Close, and wake a thread that waits for data."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
