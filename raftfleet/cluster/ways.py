"""The ways to a node's ports: from this machine, through the connection to its host, under TLS."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Protocol

from raftfleet.transport.direct import SocketTunnel

from .tls import TlsTunnel

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Mapping

    from raftfleet.journal.values import Port
    from raftfleet.transport.protocol import Transport, Tunnel

__all__ = ["DirectWay", "HostWay", "TlsWay", "Way"]

_LOOPBACK = "127.0.0.1"


class Way(Protocol):
    """How the ports of one node are reached."""

    @property
    def over_loopback(self) -> bool:
        """Whether the node sees who connects at a loopback address."""
        ...

    def place(self, port: Port) -> tuple[str, int]:
        """Return the address and port number that connections go to."""
        ...

    def authority(self, port: Port) -> tuple[str, int]:
        """Return the name and port number that requests say they are for (their Host header)."""
        ...

    def connect(self, port: Port, *, timeout: float) -> Tunnel:
        """Connect; raises `OSError` and `raftfleet.errors.UnreachableError`."""
        ...


class DirectWay:
    """From this machine to an address. ``numbers`` overrides port numbers by port name."""

    def __init__(self, address: str, numbers: Mapping[str, int] | None = None) -> None:
        self._address = address
        self._numbers = numbers or {}

    @property
    def over_loopback(self) -> bool:
        """Whether the address is this machine's loopback."""
        return _is_loopback(self._address)

    def place(self, port: Port) -> tuple[str, int]:
        """Return the address and the port's number."""
        return self._address, self._numbers.get(port.name, port.number)

    def authority(self, port: Port) -> tuple[str, int]:
        """Return where connections go."""
        return self.place(port)

    def connect(self, port: Port, *, timeout: float) -> Tunnel:
        """Connect a socket."""
        return SocketTunnel(*self.place(port), timeout=timeout)


class HostWay(DirectWay):
    """From the node's host, through the connection to it; at the host's loopback by default."""

    def __init__(
        self,
        transport: Transport,
        address: str = _LOOPBACK,
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(address, numbers)
        self._transport = transport

    def connect(self, port: Port, *, timeout: float) -> Tunnel:
        """Have the host connect."""
        return self._transport.tunnel(*self.place(port), timeout=timeout)


class TlsWay:
    """Another way, under TLS on the ports named in ``ports``.

    The certificate must be for ``name``, and requests on these ports say so in their Host header:
    a proxy in front of the node may choose by it.
    """

    def __init__(
        self, inner: Way, node: str, context: ssl.SSLContext, name: str, ports: Collection[str]
    ) -> None:
        self._inner = inner
        self._node = node
        self._context = context
        self._name = name
        self._ports = ports

    @property
    def over_loopback(self) -> bool:
        """As the way below says: what ends TLS in front of the node may still be elsewhere."""
        return self._inner.over_loopback

    def place(self, port: Port) -> tuple[str, int]:
        """Return where the way below goes."""
        return self._inner.place(port)

    def authority(self, port: Port) -> tuple[str, int]:
        """Return the name the certificate is for, on ports under TLS."""
        name, number = self._inner.authority(port)
        return self._name if port.name in self._ports else name, number

    def connect(self, port: Port, *, timeout: float) -> Tunnel:
        """Connect and shake hands; raises `raftfleet.errors.CertificateError` too."""
        tunnel = self._inner.connect(port, timeout=timeout)
        if port.name not in self._ports:
            return tunnel
        what = f"{self._node}: the {port.name} port at {':'.join(map(str, self.place(port)))}"
        return TlsTunnel(tunnel, self._context, self._name, what, timeout=timeout)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
