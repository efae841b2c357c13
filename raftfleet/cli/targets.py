"""What a group of the inventory means to a probe of `raftfleet serve`."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet.cli.session import Session
from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.reach import way_to
from raftfleet.errors import UsageError
from raftfleet.serve.patience import PatientTransport
from raftfleet.serve.probe import Target

if TYPE_CHECKING:
    from raftfleet.cli.connections import Connections
    from raftfleet.serve.watch import Watch
    from raftfleet.transport import Transport

__all__ = ["Targets", "no_nodes", "unopened"]


def no_nodes(group: str) -> UsageError:
    """Return the complaint about a group without hosts."""
    return UsageError(
        f"the inventory has no hosts in group {group!r}, so there is no cluster",
        hint="put the nodes' hosts into a group raft, or name theirs: -e raft_group=NAME",
    )


def unopened(session: Session, connections: Connections) -> dict[str, Transport]:
    """Return the ways to the hosts of a session's nodes; none is connected yet."""
    hosts = session.inventory.hosts
    return {
        node.name: connections.unopened(replace(hosts[node.name], variables=node.variables))
        for node in session.fleet.nodes
    }


class Targets:
    """Finds targets by the names of groups; any thread may ask.

    A group is the watched cluster or a part of it, where that has all of the group's hosts;
    otherwise it is a cluster of its own, as ``raft_group`` would name it.
    """

    def __init__(self, session: Session, watch: Watch, connections: Connections) -> None:
        self._session = session
        self._watch = watch
        self._connections = connections
        self._lock = threading.Lock()
        self._others: dict[str, Target] = {}

    def __call__(self, group: str) -> Target:
        """Return the target of this name; raise `UsageError` when it is no cluster."""
        wanted = tuple(host.name for host in self._session.inventory.select(group))
        if not wanted:
            raise no_nodes(group)
        if set(wanted) <= set(self._watch.names):
            cluster = self._watch.cluster
            accesses = {name: cluster.access(name) for name in cluster.names}
            return Target(cluster.name, cluster.system, cluster.nodes, accesses, wanted)
        with self._lock:
            if group not in self._others:
                self._others[group] = self._other(group)
            return self._others[group]

    def _other(self, group: str) -> Target:
        asked = self._session.asked
        extra = {**asked.extra, "raft_group": group}
        session = Session(replace(asked, extra=extra, keep=False))
        transports = unopened(session, self._connections)
        accesses = {}
        for node in session.fleet.nodes:
            ports = {port.name: port for port in session.fleet.system.ports(node)}
            patient = PatientTransport(transports[node.name], session.clock)
            accesses[node.name] = NodeAccess(node, ports, way_to(node, ports, patient))
        return Target(group, session.fleet.system, session.fleet.nodes, accesses, tuple(accesses))
