"""The lives of every node's process: started, ready, signalled, gone; in order.

Events of one process find each other by its pid and start time. Checks ask lives and not events,
because a crash may be written long after it happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from raftfleet.journal import events as ev
from raftfleet.journal.fold import same_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.journal.values import Incarnation, Interval

__all__ = ["Life", "Signal", "lives_of"]


@dataclass(slots=True)
class Signal:
    """A signal sent to a life, and that it did not end it in the time it was given, if so."""

    index: int
    sent: ev.NodeSignalled
    resisted: ev.NodeNotExited | None = None
    resisted_index: int = -1


class Sighting(NamedTuple):
    """The host was asked and showed this process alive; ``place`` is the event's index."""

    place: int
    t: float


@dataclass(slots=True)
class Life:
    """One life of a node's process; every index is an event's place in the journal.

    ``vanished``: its host no longer showed it, or showed another process in its place, and
    nobody saw how it ended. ``cleared``: the node's data were removed, so it had ended before,
    and nobody wrote how. ``wiped``: the node's data were removed before it.
    """

    node: str
    incarnation: Incarnation
    index: int
    started: ev.NodeStarted | None = None
    ready: ev.NodeReady | None = None
    signals: list[Signal] = field(default_factory=list)
    exited: ev.NodeExited | None = None
    exited_index: int = -1
    vanished: float | None = None
    vanished_index: int = -1
    cleared: float | None = None
    found: list[Sighting] = field(default_factory=list)
    wiped: bool = False
    not_before: float = float("-inf")

    @property
    def over(self) -> bool:
        """Whether its end is known."""
        ends = (self.exited, self.vanished, self.cleared)
        return any(end is not None for end in ends)

    @property
    def began(self) -> float:
        """When it began, at the earliest; minus infinity when nothing says so."""
        return self.started.at.lo if self.started else self.not_before

    @property
    def ended(self) -> Interval | None:
        """When its process was gone, when that is known."""
        return self.exited.at if self.exited else None

    @property
    def asked(self) -> ev.NodeSignalled | None:
        """The signal that ended it; None when it ended by itself, or has not ended."""
        if self.exited is None:
            return None
        sent = [s.sent for s in self.signals if s.sent.at.lo <= self.exited.at.hi]
        return sent[-1] if sent else None


def lives_of(events: Sequence[ev.Event]) -> dict[str, list[Life]]:
    """Return every node's lives, oldest first."""
    book = _Book()
    for index, event in enumerate(events):
        book.take(index, event)
    return book.lives


class _Book:
    """Collects lives while the events go by."""

    def __init__(self) -> None:
        self.lives: dict[str, list[Life]] = {}
        self.wiped: set[str] = set()

    def take(self, index: int, event: ev.Event) -> None:
        match event:
            case ev.NodeWiped():
                self._wiped(event)
            case ev.NodeFound():
                self._found(index, event)
            case ev.NodeStarted():
                self._life(index, event.node, event.incarnation).started = event
            case ev.NodeReady():
                self._life(index, event.node, event.incarnation).ready = event
            case ev.NodeSignalled():
                life = self._life(index, event.node, event.incarnation)
                life.signals.append(Signal(index, event))
            case ev.NodeNotExited():
                self._resisted(index, event)
            case ev.NodeExited():
                life = self._life(index, event.node, event.incarnation)
                life.exited, life.exited_index = event, index
            case _:
                pass

    def _life(self, index: int, node: str, incarnation: Incarnation) -> Life:
        """Return the life of this process, which may be news."""
        lives = self.lives.setdefault(node, [])
        for life in reversed(lives):
            if same_process(life.incarnation, incarnation):
                return life
        life = Life(node, incarnation, index, wiped=node in self.wiped)
        if lives and lives[-1].ended is not None:
            life.not_before = lives[-1].ended.lo
        lives.append(life)
        self.wiped.discard(node)
        return life

    def _wiped(self, event: ev.NodeWiped) -> None:
        self.wiped.add(event.node)
        for life in self.lives.get(event.node, [])[-1:]:
            if not life.over:
                life.cleared = event.t

    def _resisted(self, index: int, event: ev.NodeNotExited) -> None:
        life = self._life(index, event.node, event.incarnation)
        if life.signals:
            life.signals[-1].resisted = event
            life.signals[-1].resisted_index = index

    def _found(self, index: int, event: ev.NodeFound) -> None:
        before = self.lives.get(event.node, [])[-1:]
        shown = event.incarnation
        for life in before:
            if not life.over and not same_process(life.incarnation, shown):
                life.vanished, life.vanished_index = event.t, index
        if shown is not None:
            life = self._life(index, event.node, shown)
            life.found.append(Sighting(index, event.t))
