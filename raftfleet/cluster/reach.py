"""How the inventory says a node's API is reached: the variables `api_*`.

They are read from the inventory and the command line, like all that says what a cluster is.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import Mark, SourceError, UsageError, nearest
from raftfleet.inventory.marked import MarkedDict, mark_of

from .ways import DirectWay, HostWay, TlsWay, Way

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from raftfleet.systems.protocol import Node, System
    from raftfleet.transport.protocol import Transport

__all__ = ["Reach", "check_reach", "reach_of", "way_to"]

_PREFIX = "api_"
_VIA = ("direct", "ssh")
_SCHEMES = ("http", "https")
_HIGHEST_PORT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Reach:
    """How one node's ports are reached.

    ``via`` is ``direct`` or ``ssh``. ``address`` overrides where the ports are and ``ports`` their
    numbers, by port name. ``scheme`` maps port names to ``https``; ``*`` stands for the rest.
    ``ca_file`` (PEM, on this machine) replaces the system's CAs, ``server_name`` is whom the
    certificate must be for, and without ``verify`` neither is looked at.
    """

    via: str = "direct"
    address: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    scheme: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""
    server_name: str = ""
    verify: bool = True

    def tls_ports(self, names: Collection[str]) -> frozenset[str]:
        """Return which of a node's ports are spoken to under TLS."""
        rest = self.scheme.get("*", "http")
        return frozenset(name for name in names if self.scheme.get(name, rest) == "https")


_NAMES = tuple(f"{_PREFIX}{one.name}" for one in fields(Reach))


def reach_of(node: Node, ports: Collection[str]) -> Reach:
    """Return what a node's variables say; ``ports`` are the names of its ports.

    Raises `UsageError` for a word nobody knows, with the nearest one.
    """
    variables = node.variables
    for name in variables:
        if name.startswith(_PREFIX) and name not in _NAMES and (close := nearest(name, _NAMES)):
            place = variables.key_mark(name) if isinstance(variables, MarkedDict) else None
            raise _refused(
                f"{node.name}: {name} is not a variable", place, f"did you mean {close}?"
            )
    one = _Reader(node.name, variables, ports)
    return Reach(
        via=one.word("api_via", _VIA, "direct"),
        address=one.text("api_address"),
        ports=one.numbers("api_ports"),
        scheme=one.scheme("api_scheme"),
        ca_file=one.text("api_ca_file"),
        server_name=one.text("api_server_name"),
        verify=one.switch("api_verify", default=True),
    )


def check_reach(system: System, nodes: Sequence[Node]) -> list[str]:
    """Refuse what cannot work, before any host is touched; return what to warn of."""
    warnings = []
    for node in nodes:
        ports = [port.name for port in system.ports(node)]
        reach = reach_of(node, ports)
        tls = reach.tls_ports(ports)
        if tls:
            _context(node, reach)
        if tls and not reach.verify:
            warnings.append(
                f"{node.name}: api_verify is off: whoever answers in its place is believed"
            )
    return warnings


def way_to(node: Node, ports: Collection[str], transport: Transport) -> Way:
    """Return the way to a node's ports, as its variables say."""
    reach = reach_of(node, ports)
    way: Way
    if reach.via == "ssh":
        way = HostWay(transport, reach.address or "127.0.0.1", reach.ports)
    else:
        way = DirectWay(reach.address or node.identity.address, reach.ports)
    tls = reach.tls_ports(ports)
    if tls:
        # Through SSH the address is the host's loopback, which no certificate is for.
        name = reach.server_name or reach.address or node.identity.address
        way = TlsWay(way, node.name, _context(node, reach), name, tls)
    return way


def _context(node: Node, reach: Reach) -> ssl.SSLContext:
    """Return the settings of TLS: certificates of clients are not used, versions are Python's."""
    path = Path(reach.ca_file).expanduser() if reach.ca_file else None
    try:
        context = ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        missing = isinstance(error, FileNotFoundError)
        why = "does not exist on this machine" if missing else f"holds no certificate: {error}"
        raise _refused(
            f"{node.name}: api_ca_file: {path} {why}",
            _value_mark(node.variables, "api_ca_file"),
            "it wants a PEM file with the CA's certificate, on the controller",
        ) from None
    if not reach.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Reader:
    """Reads one node's variables, and says where one is wrong."""

    def __init__(self, node: str, variables: Mapping[str, object], ports: Collection[str]) -> None:
        self._node = node
        self._variables = variables
        self._ports = ports

    def _fails(self, name: str, wants: str, hint: str | None = None) -> UsageError:
        value = self._variables[name]
        return _refused(
            f"{self._node}: {name} wants {wants}, not {value!r}",
            _value_mark(self._variables, name),
            hint,
        )

    def text(self, name: str) -> str:
        value = self._variables.get(name)
        if value is not None and not isinstance(value, str):
            raise self._fails(name, "a text")
        return str(value or "")

    def word(self, name: str, known: Collection[str], default: str) -> str:
        value = self._variables.get(name, default)
        if value not in known:
            raise self._fails(name, " or ".join(known), _meant(str(value), known))
        return str(value)

    def switch(self, name: str, *, default: bool) -> bool:
        value = self._variables.get(name, default)
        words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        if isinstance(value, str) and value.lower() in words:
            return words[value.lower()]
        if not isinstance(value, bool):
            raise self._fails(name, "true or false")
        return value

    def _by_port(self, name: str) -> Mapping[str, object]:
        value = self._variables.get(name) or {}
        if not isinstance(value, dict):
            raise self._fails(name, f"a mapping of ports ({', '.join(self._ports)})")
        for port in value:
            if port not in self._ports:
                raise _refused(
                    f"{self._node}: {name}: the node has no port named {port!r}",
                    value.key_mark(port) if isinstance(value, MarkedDict) else None,
                    _meant(str(port), self._ports) or f"its ports: {', '.join(self._ports)}",
                )
        return value

    def numbers(self, name: str) -> dict[str, int]:
        found = {}
        for port, number in self._by_port(name).items():
            if isinstance(number, bool) or not isinstance(number, int):
                raise self._fails(name, f"a port number for {port}")
            if not 0 < number <= _HIGHEST_PORT:
                raise self._fails(name, f"a port number from 1 to {_HIGHEST_PORT} for {port}")
            found[str(port)] = number
        return found

    def scheme(self, name: str) -> dict[str, str]:
        if isinstance(self._variables.get(name), str):
            return {"*": self.word(name, _SCHEMES, "http")}
        given = {port: str(word) for port, word in self._by_port(name).items()}
        for word in given.values():
            if word not in _SCHEMES:
                raise self._fails(name, "http or https for each port", _meant(word, _SCHEMES))
        return given


def _meant(word: str, known: Collection[str]) -> str | None:
    close = nearest(word, known)
    return f"did you mean {close}?" if close else None


def _value_mark(variables: Mapping[str, object], name: str) -> Mark | None:
    if isinstance(variables, MarkedDict):
        return variables.value_mark(name)
    return mark_of(variables.get(name))


def _refused(message: str, mark: Mark | None, hint: str | None) -> UsageError:
    return SourceError(message, mark, hint=hint) if mark else UsageError(message, hint=hint)
