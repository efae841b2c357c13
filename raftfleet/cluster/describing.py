"""The cluster as the journal describes it: everything judging needs of its system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.events import ClusterDescribed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.systems.protocol import Node, System

__all__ = ["described"]


def described(
    name: str, system: System, nodes: Sequence[Node], *, period: float, build: str
) -> ClusterDescribed:
    """Return the description; bounds are the most generous of all nodes'.

    ``name`` is that of the nodes' inventory group; `raft_cluster` of the first node wins over it.
    """
    rules = [system.exit_rules(node) for node in nodes]
    watchdogs = [rule.watchdog for rule in rules if rule.watchdog is not None]
    return ClusterDescribed(
        system=system.name,
        nodes=tuple(node.identity for node in nodes),
        groups=tuple(system.groups),
        timing=system.timing(nodes[0]),
        ports={node.name: tuple(system.ports(node)) for node in nodes},
        markers=dict(rules[0].markers),
        exit_bound=max(rule.bound for rule in rules),
        watchdog=max(watchdogs, default=None),
        poll_period=period,
        build=build,
        cluster=str(nodes[0].variables.get("raft_cluster", name)),
        log_rules=tuple(system.log_rules()),
    )
