"""What must differ between the nodes of one cluster, and what must agree.

Two nodes of one machine share its ports and its directories; the broker notices a port that is
taken only seconds after it has said that it is ready, and exits with status 1.
"""

from __future__ import annotations

import ipaddress
from itertools import combinations, product
from typing import TYPE_CHECKING

from .keys import server_keys
from .refusal import place_of, refusal
from .settings import endpoint, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import PurePosixPath

    from raftfleet.systems.protocol import Node

    from .settings import Settings

__all__ = ["check_cluster"]

_HOME = "robustmq_home"
_STEP = 1000
_HIGHEST = 0xFFFF


def check_cluster(nodes: Sequence[Node]) -> None:
    """Raise `UsageError` for the first thing that keeps these nodes from being one cluster."""
    every = [settings_of(node, nodes) for node in nodes]
    _check_addresses(nodes)
    _check_agreement(every)
    for one in every:
        _check_own_ports(one)
        _check_own_paths(one)
    for one, other in combinations(every, 2):
        _check_identity(one.node, other.node)
        if one.node.identity.machine == other.node.identity.machine:
            _check_shared_ports(one, other, every)
            _check_shared_paths(one, other)


def _check_identity(one: Node, other: Node) -> None:
    if one.identity.id == other.identity.id:
        raise refusal(
            f"{one.name} and {other.name} both have raft_node_id {one.identity.id}",
            place_of(other.variables, "raft_node_id", of_value=True),
            "give each node an id of its own, and never reuse one",
        )
    apart = one.identity.machine != other.identity.machine
    if apart and endpoint(one) == endpoint(other):
        raise refusal(
            f"{one.name} and {other.name} are different machines, but both are to be reached "
            f"at {endpoint(one)}",
            place_of(other.variables, "ansible_host", of_value=True),
            "set ansible_host, or raft_address, to each machine's own address",
        )


def _check_addresses(nodes: Sequence[Node]) -> None:
    """An address is advertised to the other nodes, so it must mean the same on every machine."""
    machines = {node.identity.machine for node in nodes}
    for node in nodes:
        address = node.identity.address
        if _is(address, "is_unspecified") or not address:
            raise refusal(
                f"{node.name}: the others cannot reach a node at {address or 'no address'!r}",
                place_of(node.variables, "ansible_host", of_value=True),
                "set ansible_host, or raft_address, to the machine's own address",
            )
        if len(machines) > 1 and (_is(address, "is_loopback") or address == "localhost"):
            raise refusal(
                f"{node.name} advertises {address}, which every machine takes for itself, "
                f"but the nodes live on {len(machines)} machines",
                place_of(node.variables, "ansible_host", of_value=True),
                "set raft_address to an address the other machines can reach",
            )


def _is(address: str, what: str) -> bool:
    try:
        return bool(getattr(ipaddress.ip_address(address), what))
    except ValueError:
        return False


def _check_agreement(every: Sequence[Settings]) -> None:
    names = ["cluster_name", *(key.name for key in server_keys().values() if key.agree)]
    for name in names:
        default = server_keys()[name].default
        values = {one.node.name: one.values.get(name, default) for one in every}
        first = next(iter(values), "")
        for node, value in values.items():
            if value != values[first]:
                raise refusal(
                    f"the nodes of one cluster must agree on {name}: "
                    f"{first} has {values[first]!r}, {node} has {value!r}",
                    None,
                    "set it once, for the whole group",
                )


def _check_own_ports(one: Settings) -> None:
    seen: dict[tuple[str, int], str] = {}
    for key, port in one.ports():
        use = (port.protocol, port.number)
        if use in seen:
            raise refusal(
                f"{one.node.name} uses {port.protocol} port {port.number} twice: "
                f"{seen[use]} and {key.name}",
                place_of(one.node.variables, "robustmq_config"),
                "change one of them in robustmq_config",
            )
        seen[use] = key.name


def _uses(one: Settings) -> dict[tuple[str, int], str]:
    return {(port.protocol, port.number): key.name for key, port in one.ports()}


def _check_shared_ports(one: Settings, other: Settings, every: Sequence[Settings]) -> None:
    mine, theirs = _uses(one), _uses(other)
    both = [use for use in mine if use in theirs]
    if not both:
        return
    protocol, number = both[0]
    more = f" (and {len(both) - 1} more ports)" if len(both) > 1 else ""
    raise refusal(
        f"{one.node.name} and {other.node.name} live on one machine "
        f"({one.node.identity.machine}) and both use {protocol} port {number}{more}: "
        f"{mine[both[0]]} of {one.node.name}, {theirs[both[0]]} of {other.node.name}",
        place_of(other.node.variables, "raft_port_offset"),
        _way_out(other, every),
    )


def _way_out(other: Settings, every: Sequence[Settings]) -> str:
    """The smallest round offset that keeps a node clear of all its neighbours."""
    machine = other.node.identity.machine
    taken = {
        use
        for one in every
        if one is not other and one.node.identity.machine == machine
        for use in _uses(one)
    }
    shift = -other.variables.port_offset
    bases = [(protocol, number + shift) for protocol, number in _uses(other)]
    for offset in range(_STEP, _HIGHEST, _STEP):
        moved = {(protocol, number + offset) for protocol, number in bases}
        if not moved & taken and max(number for _, number in moved) <= _HIGHEST:
            return f"set raft_port_offset: {offset} for {other.node.name}"
    return "give each a raft_port_offset of its own"


def _paths(one: Settings) -> Iterator[tuple[str, PurePosixPath]]:
    yield "data_path", one.data_paths[0]
    for path in one.data_paths[1:]:
        yield "storage_runtime.data_path", path
    yield "log.log_path", one.log_path


def _check_own_paths(one: Settings) -> None:
    node, home = one.node.name, one.node.home
    paths = list(_paths(one))
    for name, path in paths[:-1]:
        if home.is_relative_to(path):
            raise refusal(
                f"{node}: wiping {name} ({path}) would take the whole install root {home} with it",
                place_of(one.node.variables, "robustmq_config"),
                "choose a directory below it: ./data/meta, say",
            )
    for (name, path), (other, inner) in combinations(paths, 2):
        if path.is_relative_to(inner) or inner.is_relative_to(path):
            raise refusal(
                f"{node}: {name} ({path}) and {other} ({inner}) lie in one another, "
                "so that wiping one would take the other",
                place_of(one.node.variables, "robustmq_config"),
                "give each a directory of its own",
            )


def _check_shared_paths(one: Settings, other: Settings) -> None:
    mine = [(_HOME, one.node.home), *_paths(one)]
    theirs = [(_HOME, other.node.home), *_paths(other)]
    for (name, path), (name_there, there) in product(mine, theirs):
        if _swallows(name, path, there) or _swallows(name_there, there, path):
            raise refusal(
                f"{one.node.name} and {other.node.name} live on one machine "
                f"({one.node.identity.machine}) and share a directory: "
                f"{name} of {one.node.name} is {path}, {name_there} of {other.node.name} is {there}",
                place_of(other.node.variables, name_there),
                'robustmq_home: "/opt/robustmq/{{ inventory_hostname }}" keeps them apart',
            )


def _swallows(name: str, path: PurePosixPath, other: PurePosixPath) -> bool:
    """Whether a directory is or holds another; a home may hold the home of another node."""
    return path == other or (name != _HOME and other.is_relative_to(path))
