"""What marks a graph over the time of a run: its drills, what they broke, and elections.

A pure function of the journal, like every figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal.events import (
    ClusterDescribed,
    ClusterGeneration,
    FaultConfirmed,
    FaultIntent,
    FaultUndone,
    NodeExited,
    NodeSignalled,
    StatusSeen,
)
from raftfleet.journal.values import Role

from .samples import cluster_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.checks import Failover, Judgement
    from raftfleet.journal import Journal
    from raftfleet.journal.events import Event

__all__ = ["Annotation", "marks"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on a graph: at ``begin``, or from there to ``end``, in Unix time."""

    begin: float
    text: str
    tags: tuple[str, ...]
    end: float | None = None


def marks(judgement: Judgement, journal: Journal) -> tuple[Annotation, ...]:
    """Return the marks of a run in the order of time; each is tagged with the run's name."""
    events = journal.events
    if not events:
        return ()
    # One offset for the whole run, as in its figures second by second.
    offset = events[0].wall - events[0].t
    found = [*_drills(judgement), *_broken(events), *_elections(judgement, events)]
    described = journal.of(ClusterDescribed)
    cluster = cluster_name(described[-1]) if described else ""
    common = ("raftfleet", *((cluster,) if cluster else ()))
    return tuple(
        Annotation(
            one.begin + offset,
            one.text,
            (*common, *one.tags, judgement.run),
            one.end + offset if one.end is not None else None,
        )
        for one in sorted(found, key=lambda one: one.begin)
    )


def _drills(judgement: Judgement) -> Iterator[Annotation]:
    for drill in judgement.drills:
        text = f"drill {drill.drill}: {drill.verdict}"
        yield Annotation(drill.start, text, ("drill", drill.drill), drill.end)


def _broken(events: tuple[Event, ...]) -> Iterator[Annotation]:
    """Yield signals to nodes until they exited, crashes, and faults until they were undone."""
    asked: dict[str, NodeSignalled] = {}
    faults: dict[str, tuple[FaultIntent, float | None]] = {}
    for event in events:
        if isinstance(event, NodeSignalled):
            asked[event.node] = event
        elif isinstance(event, NodeExited):
            gone, signalled = event.at.middle, asked.pop(event.node, None)
            if signalled is None:
                yield Annotation(gone, f"{event.node} exited by itself", ("fault", "exit"))
            else:
                text = f"{signalled.signal} to {event.node}, until it exited"
                yield Annotation(signalled.at.middle, text, ("fault", "signal"), gone)
        elif isinstance(event, FaultIntent):
            faults[event.fault] = event, None
        elif isinstance(event, FaultConfirmed) and event.fault in faults:
            faults[event.fault] = faults[event.fault][0], event.at.middle
        elif isinstance(event, FaultUndone) and event.fault in faults:
            yield from _fault(*faults.pop(event.fault), event.at.middle)
    for node, signalled in asked.items():
        text = f"{signalled.signal} to {node}, which did not exit"
        yield Annotation(signalled.at.middle, text, ("fault", "signal"))
    for intent, begin in faults.values():
        yield from _fault(intent, begin, None)


def _fault(intent: FaultIntent, begin: float | None, end: float | None) -> Iterator[Annotation]:
    """Yield a fault that was seen to hold."""
    if begin is not None:
        text = f"{intent.kind} of {', '.join(intent.targets)}"
        text += f" from {', '.join(intent.peers)}" if intent.peers else ""
        text += "" if end is not None else ", not undone in this run"
        yield Annotation(begin, text, ("fault", intent.kind), end)


def _elections(judgement: Judgement, events: tuple[Event, ...]) -> Iterator[Annotation]:
    """Yield whom nodes said to lead in a higher term than any leader before, in one generation."""
    measured = {
        (failover.group, failover.new_term): failover
        for drill in judgement.drills
        for failover in drill.failovers
    }
    terms: dict[str, int] = {}
    for event in events:
        if isinstance(event, ClusterGeneration):
            terms = {}
        elif isinstance(event, StatusSeen):
            for group, status in event.groups.items():
                if status.role is not Role.LEADER or status.term is None:
                    continue
                before = terms.get(group)
                terms[group] = max(status.term, before or 0)
                if before is not None and status.term > before:
                    text = f"{group}: {event.node} leads in term {status.term}"
                    text += _after(measured.get((group, status.term)))
                    yield Annotation((event.since + event.t) / 2, text, ("election", group))


def _after(failover: Failover | None) -> str:
    """Say how long it took, where that was measured."""
    if failover is None or failover.elected is None:
        return ""
    seconds = failover.elected.middle
    return f", {seconds:.2f} s after the {failover.counts_from} of {failover.victim}"
