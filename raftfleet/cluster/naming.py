"""Nodes as the inventory names them: identities, addresses, machines, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import UsageError
from raftfleet.journal.values import NodeIdentity
from raftfleet.systems.protocol import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.systems.protocol import System

__all__ = ["identity_of", "make_nodes", "user_to_become"]

_LOOPBACK = "127.0.0.1"


def make_nodes(system: System, hosts: Mapping[str, Mapping[str, object]]) -> tuple[Node, ...]:
    """Return the nodes of a cluster from its inventory hosts and their templated variables.

    Raises `UsageError` for a missing or repeated ``raft_node_id`` and for a cluster without nodes.
    """
    if not hosts:
        raise UsageError("the cluster has no nodes", hint="name an inventory group that has hosts")
    nodes = tuple(
        Node(identity_of(name, variables), system.home(name, variables), variables)
        for name, variables in hosts.items()
    )
    _check_ids(nodes)
    return nodes


def identity_of(name: str, variables: Mapping[str, object]) -> NodeIdentity:
    """Return who a node is: its name, its own id, where its ports are, which machine it is on."""
    number = _text(variables, "raft_node_id")
    if not number:
        raise UsageError(
            f"{name}: raft_node_id is not set",
            hint="every node of a cluster needs its own id, 1 to the number of nodes",
        )
    local = _text(variables, "ansible_connection").removeprefix("ansible.builtin.") == "local"
    host = _text(variables, "ansible_host") or (_LOOPBACK if local else name)
    port = _text(variables, "ansible_port") or "22"
    return NodeIdentity(
        name=name,
        id=number,
        address=_text(variables, "raft_address") or host,
        machine="local" if local else f"{host}:{port}",
    )


def user_to_become(variables: Mapping[str, object]) -> str | None:
    """Return the user that commands on a host become, None when they stay who they are."""
    wanted = variables.get("ansible_become")
    if wanted is True or str(wanted).lower() in {"yes", "true", "1", "on"}:
        return _text(variables, "ansible_become_user") or "root"
    return None


def _text(variables: Mapping[str, object], name: str) -> str:
    value = variables.get(name)
    return "" if value is None else str(value)


def _check_ids(nodes: Sequence[Node]) -> None:
    seen: dict[str, str] = {}
    for node in nodes:
        other = seen.setdefault(node.identity.id, node.name)
        if other != node.name:
            raise UsageError(
                f"{other} and {node.name} have the same raft_node_id {node.identity.id}",
                hint="every node of a cluster needs its own",
            )
