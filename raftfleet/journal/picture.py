"""The picture: what the events so far say about the cluster right now.

It is a value. Live waits, the quorum guard and the offline checks all look at pictures made by the
same fold (`fold.advance`), so what a drill waited for is what its verdict saw.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from .events import ClusterDescribed, DrillStarted, FaultIntent
from .values import GroupStatus, Incarnation, Role, majority

__all__ = ["ISOLATING", "Leader", "NodePicture", "Picture", "Sight", "Standing"]

ISOLATING = frozenset({"pause", "partition", "partition-in", "partition-out"})
"""Kinds of fault that keep a node from doing its part, though its process lives."""
_SILENT_PERIODS = 5
_SILENT_AT_LEAST = 0.25
_STALE = 3.0
"""Seconds without a word, not even the tick of each second, after which a node is unknown."""


class Standing(enum.StrEnum):
    """How a node is doing; whoever counts on nodes counts UNKNOWN and STOPPING as down."""

    ALIVE = "alive"
    STOPPING = "stopping"
    DOWN = "down"
    UNKNOWN = "unknown"


class Sight(msgspec.Struct, frozen=True):
    """A node's own view of one group.

    Its term, role, leader or voters last changed somewhere in ``(since, t]``; ``seen`` is when
    anything of it was last written.
    """

    status: GroupStatus
    since: float
    t: float
    seen: float


class Leader(msgspec.Struct, frozen=True):
    """Who leads a group, and in which term."""

    node: str
    term: int


class NodePicture(msgspec.Struct, frozen=True):
    """What is known of one node.

    ``process`` is what its host said of the process, ``heard`` when its API last answered,
    ``silent_since`` the last answer before the polls that are missing now. ``gone`` is when its
    process was gone at the latest, ``started`` when it existed at the earliest. ``resisted``: it
    was still alive when the grace of its last signal was over.
    """

    name: str
    process: Standing = Standing.UNKNOWN
    incarnation: Incarnation | None = None
    started: float | None = None
    gone: float | None = None
    ready: bool = False
    stopped_by_us: bool = False
    resisted: bool = False
    heard: float | None = None
    silent_since: float | None = None
    groups: Mapping[str, Sight] = {}

    def standing(self, now: float, silence: float) -> Standing:
        """Return how the node is doing at ``now``; ``silence`` seconds unheard make it unknown."""
        if self.process is Standing.DOWN:
            return Standing.DOWN
        if self.heard is None or now - self.heard > _STALE:
            return Standing.UNKNOWN
        if self.silent_since is not None and now - self.silent_since > silence:
            return Standing.UNKNOWN
        return Standing.ALIVE if self.process is Standing.UNKNOWN else self.process


class Picture(msgspec.Struct, frozen=True):
    """The cluster as the events up to ``t`` show it.

    ``claims`` holds, for each group and term of this generation, the nodes that said they led it;
    ``terms`` the highest term anybody showed, ``faults`` those that were meant and are not undone.
    Every ``now`` below defaults to ``t``.
    """

    t: float = 0.0
    generation: int = 0
    cluster: ClusterDescribed | None = None
    drill: DrillStarted | None = None
    nodes: Mapping[str, NodePicture] = {}
    claims: Mapping[str, Mapping[int, tuple[str, ...]]] = {}
    terms: Mapping[str, int] = {}
    faults: Mapping[str, FaultIntent] = {}

    @property
    def isolated(self) -> dict[str, float]:
        """The nodes that are paused or cut off by a fault that is not undone, and since when."""
        standing = [one for one in self.faults.values() if one.kind in ISOLATING]
        standing.sort(key=lambda one: -one.t)
        return {name: one.t for one in standing for name in one.targets}

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group the adapter names or a node showed, sorted."""
        named = set(self.cluster.groups) if self.cluster else set()
        return tuple(sorted(named.union(*(node.groups for node in self.nodes.values()))))

    @property
    def silence(self) -> float:
        """Seconds without an answer after which a node counts as unknown."""
        period = self.cluster.poll_period if self.cluster else 0.0
        return max(_SILENT_PERIODS * period, _SILENT_AT_LEAST)

    def node(self, name: str) -> NodePicture:
        """Return what is known of a node, which may be nothing."""
        return self.nodes.get(name) or NodePicture(name)

    def standing(self, name: str, now: float | None = None) -> Standing:
        """Return how a node is doing."""
        return self.node(name).standing(self.t if now is None else now, self.silence)

    def standing_in(self, *wanted: Standing, now: float | None = None) -> tuple[str, ...]:
        """Return the nodes that are doing so, sorted."""
        return tuple(name for name in sorted(self.nodes) if self.standing(name, now) in wanted)

    def live(self, now: float | None = None) -> tuple[str, ...]:
        """Return the nodes that are up and answering, and were not told to stop."""
        return self.standing_in(Standing.ALIVE, now=now)

    def answering(self, now: float | None = None) -> tuple[str, ...]:
        """Return the nodes whose own view counts: those that answer, on their way out or not."""
        return self.standing_in(Standing.ALIVE, Standing.STOPPING, now=now)

    @property
    def stopped_by_us(self) -> tuple[str, ...]:
        """The nodes we told to stop and have not started since: what an abort must start again."""
        return tuple(name for name in sorted(self.nodes) if self.nodes[name].stopped_by_us)

    def status(self, node: str, group: str) -> GroupStatus | None:
        """Return a node's own view of a group as last seen."""
        sight = self.node(node).groups.get(group)
        return sight.status if sight else None

    def views(self, group: str, now: float | None = None) -> dict[str, GroupStatus]:
        """Return the views of a group that all answering nodes have of it."""
        shown = {name: self.status(name, group) for name in self.answering(now)}
        return {name: status for name, status in shown.items() if status is not None}

    def claimant(self, group: str, now: float | None = None) -> Leader | None:
        """Return the answering node that says it leads a group in the highest term."""
        claims = [
            Leader(name, status.term)
            for name, status in self.views(group, now).items()
            if status.role is Role.LEADER and status.term is not None
        ]
        return max(claims, key=lambda claim: claim.term, default=None)

    def leader(self, group: str, now: float | None = None) -> Leader | None:
        """Return who leads a group: it says so, and a majority of the live voters names it.

        A leader that is gone does not count, though its followers name it until they elect.
        """
        leader = self.claimant(group, now)
        if leader is None:
            return None
        views = self.views(group, now)
        voters = {name for part in views[leader.node].voters or () for name in part} or set(views)
        live = voters & views.keys()
        naming = [n for n in live if (views[n].leader, views[n].term) == (leader.node, leader.term)]
        return leader if live and len(naming) >= majority(len(live)) else None

    def leaders(self, now: float | None = None) -> dict[str, str]:
        """Return the leader of each group that has one."""
        found = {group: self.leader(group, now) for group in self.groups}
        return {group: leader.node for group, leader in found.items() if leader}

    def leads(self, node: str, now: float | None = None) -> dict[str, int]:
        """Return the groups a node leads, with their terms, by its own word.

        A node that has been replaced and does not know it yet leads nothing.
        """
        found = {group: self.claimant(group, now) for group in self.groups}
        return {g: leader.term for g, leader in found.items() if leader and leader.node == node}

    def voters(self, group: str, now: float | None = None) -> tuple[tuple[str, ...], ...] | None:
        """Return a group's voter sets: the leader's view, else the one that all answering share."""
        views = self.views(group, now)
        leader = self.leader(group, now)
        if leader is not None and views[leader.node].voters:
            return views[leader.node].voters
        shown = {status.voters for status in views.values() if status.voters}
        return shown.pop() if len(shown) == 1 else None
