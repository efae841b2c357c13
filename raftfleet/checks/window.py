"""A drill's part of the journal, with what checks ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from raftfleet.journal import events as ev
from raftfleet.journal.fold import advance, fold
from raftfleet.journal.picture import Standing

from .away import Away, FaultSpan, absences, fault_spans
from .catching_up import catch_ups
from .exits import Exit, exits_of
from .lives import Life, lives_of
from .outages import Outage, outages
from .succession import succession

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raftfleet.journal.picture import Picture
    from raftfleet.journal.reader import Journal, Span
    from raftfleet.journal.values import GroupStatus, Interval

    from .failovers import Succession

__all__ = ["View", "Window", "windows"]

E = TypeVar("E", bound=ev.Event)


class View(NamedTuple):
    """What a node said of a group; a change lies in ``(since, t]``.

    ``life`` counts the node's lives: views of different lives are of different processes.
    """

    node: str
    group: str
    since: float
    t: float
    status: GroupStatus
    life: int


@dataclass(frozen=True)
class Window:
    """One drill in a journal.

    ``before`` is the picture when it began; ``lives`` are those of the whole journal.
    """

    journal: Journal
    span: Span
    before: Picture
    lives: Mapping[str, list[Life]]

    @cached_property
    def drill(self) -> ev.DrillStarted:
        """What the drill declared."""
        event = self.journal.events[self.span.start]
        assert isinstance(event, ev.DrillStarted)  # noqa: S101 - that is what a span is
        return event

    @cached_property
    def ended(self) -> ev.DrillEnded | None:
        """Its last event, None when the run was cut short before it."""
        event = None if self.span.end is None else self.journal.events[self.span.end]
        return event if isinstance(event, ev.DrillEnded) else None

    @property
    def cut(self) -> bool:
        """Whether it did not run to its end, so that what is missing proves nothing."""
        return self.ended is None or bool(self.ended.aborted)

    @property
    def last(self) -> int:
        """The index of its last event."""
        return self.span.until - 1 if self.span.end is None else self.span.end

    @property
    def events(self) -> tuple[ev.Event, ...]:
        """Its own events, from `drill.started` to `drill.ended`."""
        return self.journal.events[self.span.start : self.last + 1]

    @property
    def start(self) -> float:
        """When it began."""
        return self.drill.t

    @cached_property
    def end(self) -> float:
        """When it ended, or the last thing known of it."""
        return self.ended.t if self.ended else max(event.t for event in self.events)

    @cached_property
    def after(self) -> Picture:
        """The picture at its end, while it was still watched."""
        return fold(self.events, self.before)

    @property
    def cluster(self) -> ev.ClusterDescribed | None:
        """The description of the cluster that holds for it."""
        return self.after.cluster

    def of(self, kind: type[E]) -> tuple[E, ...]:
        """Return its events of one kind."""
        return tuple(event for event in self.events if isinstance(event, kind))

    def walk(self) -> Iterator[tuple[ev.Event, Picture, Picture]]:
        """Yield each event with the picture before and after it."""
        picture = self.before
        for event in self.events:
            after = advance(picture, event)
            yield event, picture, after
            picture = after

    def inside(self, index: int) -> bool:
        """Whether the event at this index of the journal belongs to the drill."""
        return self.span.start <= index <= self.last

    @cached_property
    def opening(self) -> tuple[View, ...]:
        """What the nodes that were up had last said before the drill began."""
        return tuple(
            View(name, group, sight.since, sight.t, sight.status, self._life_at(name, sight.seen))
            for name, node in sorted(self.before.nodes.items())
            if node.process is not Standing.DOWN
            for group, sight in sorted(node.groups.items())
        )

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Everything nodes said during the drill, in order, without `opening`."""
        return tuple(
            View(event.node, group, event.since, event.t, status, life)
            for event in self.of(ev.StatusSeen)
            for life in [self._life_at(event.node, event.t)]
            for group, status in event.groups.items()
        )

    @cached_property
    def exits(self) -> tuple[Exit, ...]:
        """Every exit of the drill, and every signal that was not followed by one."""
        exits = exits_of(self.journal, self.lives)
        return tuple(one for one in exits if self.inside(one.index))

    @cached_property
    def faults(self) -> tuple[FaultSpan, ...]:
        """The faults that were put in place in the drill."""
        return tuple(one for one in self._all_faults if self.inside(one.index))

    @cached_property
    def _all_faults(self) -> list[FaultSpan]:
        return fault_spans(self.journal.events[: self.span.until])

    @cached_property
    def absences(self) -> tuple[Away, ...]:
        """Every time a node was away, in this drill or before, in order."""
        return tuple(absences(self.lives, self._all_faults))

    @cached_property
    def returns(self) -> tuple[Away, ...]:
        """The absences that ended in the drill, in the order in which they ended."""
        ended = [away for away in self.absences if self.start <= away.hi <= self.end]
        return tuple(sorted(ended, key=lambda away: away.hi))

    def away(self, node: str, t: float, *, seen_from: str = "") -> bool:
        """Whether a node was away at this time, or out of another's sight."""
        return any(
            one.node == node and one.lo <= t < one.hi
            for one in self.absences
            if not seen_from or one.concerns(seen_from)
        )

    @cached_property
    def outages(self) -> tuple[Outage, ...]:
        """When no write was acknowledged, through each node and through any."""
        return tuple(outages(self))

    @cached_property
    def succession(self) -> Succession:
        """What happened to leadership."""
        return succession(self)

    @cached_property
    def caught_up(self) -> Mapping[int, Interval]:
        """When each life had caught up that was ready in the drill, by its index."""
        return catch_ups(self)

    def _life_at(self, node: str, t: float) -> int:
        return sum(life.began <= t for life in self.lives.get(node, ()))

    def started(self) -> list[Life]:
        """Return the lives that began in the drill, in order."""
        return sorted(
            (
                life
                for lives in self.lives.values()
                for life in lives
                if life.started is not None and self.inside(life.index)
            ),
            key=lambda life: life.began,
        )


def windows(journal: Journal) -> list[Window]:
    """Return the drills of a journal, in order."""
    lives = lives_of(journal.events)
    found, position, picture = [], 0, fold(())
    for span in journal.spans():
        picture = fold(journal.events[position : span.start], picture)
        position = span.start
        found.append(Window(journal, span, picture, lives))
    return found
