"""The settings of one node: server.toml with every key checked, and what follows from it.

The default values and the overlay `robustmq_config` come together here; `raft_port_offset` is
added to every port, so that several nodes share a machine.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from raftfleet.journal.values import Port

from .keys import Key, Value, checked, server_keys
from .refusal import meant, place_of, refusal
from .variables import PREFIX, Variables, read_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from raftfleet.errors import Mark
    from raftfleet.systems.protocol import Node

__all__ = ["Settings", "endpoint", "settings_of"]

_OVERLAY = f"{PREFIX}config"
_HIGHEST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Settings:
    """One node's settings. ``values`` holds what is written to server.toml, by dotted key."""

    node: Node
    variables: Variables
    values: Mapping[str, Value]

    def ports(self) -> Iterator[tuple[Key, Port]]:
        """Yield the ports the node holds while it runs, with the keys that decide them."""
        roles = self.values["roles"]
        for key in server_keys().values():
            if key.kind == "port" and isinstance(roles, list) and key.role in roles:
                yield key, Port(key.port, self.number(key.name), key.protocol)

    def number(self, key: str) -> int:
        """Return a whole number by its dotted key."""
        value = self.values[key]
        assert isinstance(value, int)  # noqa: S101 - its kind was checked
        return value

    def path(self, value: Value) -> PurePosixPath:
        """Return a path of the settings as the node sees it: relative ones lie below its home."""
        return PurePosixPath(_normal(self.node.home / str(value)))

    @property
    def data_paths(self) -> tuple[PurePosixPath, ...]:
        """The directories that hold the node's data: Raft's store and the storage engine's."""
        engine = self.values["storage_runtime.data_path"]
        assert isinstance(engine, list)  # noqa: S101 - its kind was checked
        return (self.path(self.values["data_path"]), *(self.path(one) for one in engine))

    @property
    def credentials(self) -> tuple[str, str]:
        """User and password of the admin API: what server.toml says, or the broker's defaults."""
        user, password = (
            str(self.values.get(key, server_keys()[key].default))
            for key in ("admin.username", "admin.password")
        )
        return user, password

    @property
    def log_path(self) -> PurePosixPath:
        """The directory of the node's log files."""
        return self.path(self.values["log.log_path"])


def settings_of(node: Node, nodes: Sequence[Node] = ()) -> Settings:
    """Return a node's settings; raise `UsageError` for a key or a value that cannot be.

    ``nodes`` are all nodes of its cluster, for `meta_addrs`; without them it is left out.
    """
    variables = read_variables(node.name, node.variables)
    values = {key.name: key.write for key in server_keys().values() if key.write is not None}
    for key, value, mark in _flat(node.name, variables.config):
        values[key.name] = _accepted(node.name, key, value, mark)
    values |= {
        "cluster_name": variables.cluster_name,
        "broker_id": _broker_id(node),
        "broker_ip": node.identity.address,
    }
    _check_address(node)
    _check_roles(node, values, variables)
    _shift_ports(node, values, variables.port_offset)
    if nodes:
        values["meta_addrs"] = _meta_addrs(nodes)
    ordered = {name: values[name] for name in server_keys() if name in values}
    return Settings(node, variables, ordered)


def endpoint(node: Node) -> str:
    """Return ``address:port`` of a node's gRPC port, as the others are told it."""
    variables = read_variables(node.name, node.variables)
    number: Value | None = server_keys()["grpc_port"].write
    for key, value, mark in _flat(node.name, variables.config):
        if key.name == "grpc_port":
            number = _accepted(node.name, key, value, mark)
    assert isinstance(number, int)  # noqa: S101 - its kind was checked
    return f"{node.identity.address}:{number + variables.port_offset}"


def _meta_addrs(nodes: Sequence[Node]) -> dict[str, str]:
    """Raft id -> address of every node, in the order the broker itself sorts them: as texts."""
    return {node.identity.id: endpoint(node) for node in sorted(nodes, key=lambda n: n.identity.id)}


def _flat(
    node: str, overlay: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[Key, object, Mark | None]]:
    """Yield key, value and place of everything an overlay sets; refuse what does not exist."""
    known = server_keys()
    for word, value in overlay.items():
        name = f"{prefix}{word}"
        if name in known:
            yield known[name], value, place_of(overlay, word, of_value=True)
        elif any(key.startswith(f"{name}.") for key in known):
            if not isinstance(value, dict):
                raise refusal(
                    f"{node}: {_OVERLAY}: {name} is a section and wants a mapping",
                    place_of(overlay, word, of_value=True),
                )
            yield from _flat(node, value, f"{name}.")
        else:
            raise refusal(
                f"{node}: {_OVERLAY}: {name} is not a key of server.toml",
                place_of(overlay, word),
                _hint(str(word), prefix),
            )


def _hint(word: str, prefix: str) -> str:
    """The nearest name: of the same section first, then anywhere."""
    known = server_keys()
    siblings = {key.removeprefix(prefix).split(".")[0] for key in known if key.startswith(prefix)}
    elsewhere = [key for key in known if key.rsplit(".", 1)[-1] == word]
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere[:3])}?"
    hint = meant(word, sorted(siblings), "")
    if hint:
        return hint.replace("did you mean ", f"did you mean {prefix}")
    return meant(f"{prefix}{word}", known, f"known here: {', '.join(sorted(siblings))}")


def _accepted(node: str, key: Key, value: object, mark: Mark | None) -> Value:
    if key.fixed:
        raise refusal(
            f"{node}: {_OVERLAY}: {key.name} is not set directly",
            mark,
            f"it comes from {key.fixed}",
        )
    try:
        return checked(key, value)
    except ValueError as error:
        raise refusal(f"{node}: {_OVERLAY}: {key.name} {error}", mark) from None


def _broker_id(node: Node) -> int:
    text = node.identity.id
    if not text.isascii() or not text.isdecimal() or text != str(int(text)) or int(text) == 0:
        raise refusal(
            f"{node.name}: raft_node_id wants a whole number from 1, not {text!r}",
            place_of(node.variables, "raft_node_id", of_value=True),
            "the broker's ids are numbers: raft_node_id: 1",
        )
    return int(text)


def _check_address(node: Node) -> None:
    """Refuse an IPv6 address for the broker: its ports listen on 0.0.0.0 alone."""
    try:
        version = ipaddress.ip_address(node.identity.address).version
    except ValueError:
        return
    if version != 4:
        given = next(
            (one for one in ("raft_address", "ansible_host") if node.variables.get(one)), ""
        )
        raise refusal(
            f"{node.name}: the broker listens on IPv4 only, so nobody would reach it at "
            f"{node.identity.address}",
            place_of(node.variables, given, of_value=True),
            "SSH may use IPv6 all the same: set raft_address to the host's IPv4 address",
        )


def _check_roles(node: Node, values: Mapping[str, Value], variables: Variables) -> None:
    roles = values["roles"]
    mark = place_of(variables.config, "roles", of_value=True)
    if not isinstance(roles, list) or "meta" not in roles:
        raise refusal(
            f"{node.name}: {_OVERLAY}: roles leaves out meta: the node would hold no Raft group",
            mark,
            "roles: [meta, broker, engine]",
        )
    if roles == ["meta"]:
        raise refusal(
            f"{node.name}: {_OVERLAY}: a node with the role meta alone exits with status 1",
            mark,
            "roles: [meta, broker, engine]",
        )


def _shift_ports(node: Node, values: dict[str, Value], offset: int) -> None:
    for key in server_keys().values():
        if key.kind != "port":
            continue
        base = values[key.name]
        assert isinstance(base, int)  # noqa: S101 - its kind was checked
        if base + offset > _HIGHEST:
            raise refusal(
                f"{node.name}: {key.name} {base} plus raft_port_offset {offset} is beyond {_HIGHEST}",
                place_of(node.variables, "raft_port_offset", of_value=True),
                "choose a smaller raft_port_offset",
            )
        values[key.name] = base + offset


def _normal(path: PurePosixPath) -> str:
    """Take ``.`` and ``..`` out of a path without looking at any disk."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts[:] = parts[:-1] if len(parts) > 1 else parts
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))
