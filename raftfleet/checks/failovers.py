"""What a failover is: a group's way from a leader that departed to the next one.

Counted from the moment the leader's process was gone, or from its last contact when it was paused
or cut off, to the first poll in which a survivor says it leads at a higher term. Groups move one
by one. `succession` finds them in a journal.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from raftfleet.journal.values import Interval

__all__ = ["Departed", "Failover", "Move", "Outcome", "Succession"]


class Outcome(enum.StrEnum):
    """What became of a group whose leader departed.

    Only `elected` is a measured failover. `censored`: nobody led when watching ended.
    `not exercised`: the old leader was back before anybody else led. `no quorum`: the voters
    that were left could not elect anybody.
    """

    ELECTED = "elected"
    CENSORED = "censored"
    NOT_EXERCISED = "not exercised"
    NO_QUORUM = "no quorum"


@dataclass(frozen=True, slots=True)
class Failover:
    """A group's way from one leader to the next.

    ``cause`` is stop, kill, crash or the kind of a fault; ``counts_from`` says what the seconds
    count from: exit or last contact. ``elected`` and ``agreed`` are seconds after it: until a
    survivor led, and until a majority of the live voters named it; their ends are infinite when
    it had not happened. ``predicted`` is what the system's timing promises for this number of
    elections, None when it promises nothing. ``counted_from`` and ``t`` are on our clock.
    """

    victim: str
    group: str
    cause: str
    old_term: int
    outcome: Outcome
    counted_from: Interval
    elected: Interval | None = None
    agreed: Interval | None = None
    new_leader: str | None = None
    new_term: int | None = None
    predicted: Interval | None = None
    t: float | None = None
    counts_from: str = "exit"

    @property
    def elections(self) -> int:
        """How many elections it took: more than one means split votes."""
        return 0 if self.new_term is None else self.new_term - self.old_term

    @property
    def place(self) -> str:
        """Where the time lies: below, inside or above the prediction, or empty without one."""
        if self.elected is None or self.predicted is None or self.outcome is not Outcome.ELECTED:
            return ""
        if self.elected.hi < self.predicted.lo:
            return "below"
        return "above" if self.elected.lo > self.predicted.hi else "inside"


@dataclass(frozen=True, slots=True)
class Move:
    """A group whose healthy leader was deposed, or had to be elected anew.

    ``returned`` names the nodes that had come back in the drill before, ``cause`` how the last of
    them had been away.
    """

    group: str
    old: str
    new: str
    old_term: int
    new_term: int
    t: float
    returned: tuple[str, ...]
    cause: str = ""


class Departed(NamedTuple):
    """A node that left: the groups it led then, and whether it was paused or cut off."""

    node: str
    groups: tuple[str, ...]
    isolated: bool


@dataclass(slots=True)
class Succession:
    """All that happened to leadership in one drill.

    ``unknown`` lists (victim, group) where nothing says whether the victim led the group.
    ``departed`` names each node that left.
    """

    failovers: list[Failover] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    departed: list[Departed] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Failover]:
        """Return the failovers that came out so."""
        return [failover for failover in self.failovers if failover.outcome is outcome]
