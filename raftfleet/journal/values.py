"""The values every room shares: intervals, what a node says of a group, what timing promises.

Node names are inventory names. A system's own ids are mapped to names where they are observed, so
nothing above an adapter ever sees them; an id the inventory does not know appears as ``#9``.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "GroupStatus",
    "Incarnation",
    "Interval",
    "Lack",
    "Leg",
    "NodeIdentity",
    "Port",
    "Role",
    "Timing",
    "majority",
]


class Interval(msgspec.Struct, frozen=True, array_like=True):
    """Seconds between which the truth lies, both ends included.

    ``hi`` may be infinite: the thing had not happened when watching ended (censored).
    """

    lo: float
    hi: float

    @property
    def width(self) -> float:
        """Seconds of uncertainty."""
        return self.hi - self.lo

    @property
    def middle(self) -> float:
        """The point halfway, for sorting and drawing only."""
        return (self.lo + self.hi) / 2

    def minus(self, earlier: Interval) -> Interval:
        """Return the time that passed since an earlier interval, never negative."""
        return Interval(max(0.0, self.lo - earlier.hi), max(0.0, self.hi - earlier.lo))

    def overlaps(self, other: Interval) -> bool:
        """Whether one truth could lie in both."""
        return self.lo <= other.hi and other.lo <= self.hi

    def __contains__(self, value: float) -> bool:
        return self.lo <= value <= self.hi


class Role(enum.StrEnum):
    """What a node says it is in a group."""

    LEADER = "leader"
    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEARNER = "learner"
    STOPPED = "stopped"


class GroupStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node's own view of one Raft group; anything it does not say is None.

    ``voters`` is a tuple of voter sets (two during a joint change), each sorted by name;
    ``quorum_ack_age`` is seconds since a quorum last acknowledged this leader.
    """

    term: int | None = None
    role: Role | None = None
    leader: str | None = None
    last_log: int | None = None
    last_applied: int | None = None
    voters: tuple[tuple[str, ...], ...] | None = None
    learners: tuple[str, ...] | None = None
    quorum_ack_age: float | None = None


class Incarnation(msgspec.Struct, frozen=True):
    """One life of a node's process.

    ``start_time`` is field 22 of /proc/PID/stat (clock ticks since boot): with the pid it names a
    process for good. ``counter`` counts the lives we started, from 1.
    """

    pid: int
    start_time: int
    counter: int


class Lack(msgspec.Struct, frozen=True, omit_defaults=True):
    """Keys that are not where they should be: how many, and a few of them."""

    count: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, keys: Sequence[str]) -> Self:
        """Return how many there are, and the first five."""
        return cls(len(keys), tuple(keys[:5]))


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request of a write that took several: to which node, from when to when, what came."""

    via: str
    sent: float
    answered: float
    outcome: str
    reason: str = ""


class Port(msgspec.Struct, frozen=True):
    """A port a node must hold while it runs; ``name`` is the system's word for it."""

    name: str
    number: int
    protocol: str = "tcp"


class NodeIdentity(msgspec.Struct, frozen=True):
    """A node as the inventory names it.

    ``id`` is the system's own id, ``address`` where its ports are reached, ``machine`` what two
    nodes share when they live on one machine (its SSH address and port).
    """

    name: str
    id: str
    address: str
    machine: str


class Timing(msgspec.Struct, frozen=True, tag_field="model"):
    """What a system's configuration promises about elections; all in seconds.

    ``implementation`` names the model that predicts (`systems/` holds them): the same heartbeat
    and election timeout mean different failovers in different Raft libraries.
    """

    implementation: str
    heartbeat: float
    election_min: float
    election_max: float
    leader_lease: float = 0.0
    tick: float = 0.0

    def predict(self, elections: int = 1, *, survivors_behind: bool = False) -> Interval:
        """Return the interval from a leader's exit to its successor's election.

        ``elections`` is the term delta: every split vote costs one more round. A survivor that
        has seen a longer log than its own waits ``2 * election_max`` more, where the library does
        so (the adapter names its source). Contact with the leader ends up to one heartbeat before the exit,
        and timeouts are looked at only at ticks, hence half a heartbeat and one tick of slack.
        """
        slack = 1.5 * self.heartbeat
        lo = self.leader_lease + self.election_min - slack
        hi = self.leader_lease + self.election_max + max(slack, self.tick)
        extra = max(0, elections - 1)
        hi += extra * (self.election_max + max(slack, self.tick))
        if survivors_behind:
            hi += 2 * self.election_max
        return Interval(max(0.0, lo), hi)

    @property
    def reaction(self) -> float:
        """The longest the system can take to react to a fault: how long a drill watches on."""
        return self.predict().hi


def majority(size: int) -> int:
    """Return how many of ``size`` voters make a quorum."""
    return size // 2 + 1
