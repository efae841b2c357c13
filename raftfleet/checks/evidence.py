"""What every verdict rests on: that enough happened, and that somebody was watching.

Absence of evidence is not a pass. Whatever is missing is a gap, by name.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .coverage import TICKS_LATE
from .exits import ExitClass
from .failovers import Outcome
from .finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .window import Window

__all__ = ["EVIDENCE", "adds_up", "counted", "evidence_gaps"]

_NAME = "evidence"
_MOVED = frozenset(Outcome) - {Outcome.NOT_EXERCISED}


def _stops(window: Window) -> int:
    return sum(bool(one.signal) and one.kind is not ExitClass.NONE for one in window.exits)


def _kills(window: Window) -> int:
    return sum(one.signal == "KILL" for one in window.exits)


def _leader_stops(window: Window) -> int:
    left = window.succession.departed
    return sum(bool(one.groups) and not one.isolated for one in left)


def _follower_stops(window: Window) -> int:
    left = window.succession.departed
    return sum(not one.groups and not one.isolated for one in left)


def _failovers(window: Window) -> int:
    return len(window.succession.of(Outcome.ELECTED))


def _leader_returns(window: Window) -> int:
    """Count the stopped leaders that led on, in the same terms, every group they had led."""
    found = window.succession
    returned = {(one.victim, one.group) for one in found.of(Outcome.NOT_EXERCISED)}
    returned -= {(f.victim, f.group) for f in found.failovers if f.outcome in _MOVED}
    return sum(
        bool(one.groups) and all((one.node, group) in returned for group in one.groups)
        for one in found.departed
        if not one.isolated
    )


def _starts(window: Window) -> int:
    return sum(life.ready is not None for life in window.started())


def _faults(window: Window, *kinds: str) -> int:
    """Count the faults that were seen to hold, of these kinds or of any."""
    return sum(
        fault.confirmed is not None and (not kinds or fault.kind.startswith(kinds))
        for fault in window.faults
    )


def _acknowledged(window: Window, lo: float = -math.inf, hi: float = math.inf) -> int:
    writes = window.of(ev.WriteEnded)
    return sum(write.outcome == "ok" and lo <= write.t <= hi for write in writes)


def _acted(window: Window) -> tuple[float, float]:
    """Return when the first thing was done to a node, and when the last was back."""
    own = [a for a in window.absences if a.lo <= window.end and a.hi >= window.start]
    first = min((away.lo for away in own), default=math.inf)
    return first, max((away.hi for away in own), default=math.inf)


def _nodes_read(window: Window) -> int:
    return len({event.node for event in window.of(ev.StoreRead)})


def _nodes_seen(window: Window) -> int:
    nodes = {event.node for event in window.of(ev.StatusSeen)}
    for sample in window.of(ev.CoverageSampled):
        nodes |= {name for name, n in sample.polls.items() if n > sample.misses.get(name, 0)}
    return len(nodes)


def _groups_seen(window: Window) -> int:
    return len({view.group for view in (*window.opening, *window.views)})


def _watched_percent(window: Window) -> int:
    """Return how much of the drill somebody watched, by the ticks of its seconds."""
    ticks = [event.t for event in window.of(ev.CoverageSampled)]
    length = window.end - window.start
    gaps = (b - a for a, b in pairwise([window.start, *ticks, window.end]))
    lost = sum(gap for gap in gaps if gap > TICKS_LATE)
    return 0 if not ticks else round(100 * (1 - lost / length)) if length > 0 else 100


def _log_lines(window: Window) -> int:
    return sum(event.lines for event in _collected(window))


EVIDENCE: Mapping[str, Callable[[Window], int]] = {
    "acknowledged_writes": _acknowledged,
    "acknowledged_before": lambda window: _acknowledged(window, hi=_acted(window)[0]),
    "acknowledged_during": lambda window: _acknowledged(window, *_acted(window)),
    "acknowledged_after": lambda window: _acknowledged(window, lo=_acted(window)[1]),
    "failovers": _failovers,
    "faults": _faults,
    "follower_stops": _follower_stops,
    "groups_seen": _groups_seen,
    "kills": _kills,
    "leader_returns": _leader_returns,
    "leader_stops": _leader_stops,
    "log_lines": _log_lines,
    "nodes_read": _nodes_read,
    "nodes_seen": _nodes_seen,
    "partitions": lambda window: _faults(window, "partition"),
    "pauses": lambda window: _faults(window, "pause"),
    "starts": _starts,
    "stops": _stops,
    "watched_percent": _watched_percent,
}
"""What `evidence:` may ask for, and how it is counted."""


def adds_up(name: str) -> bool:
    """Whether counts of this kind may be added over drills: events may, nodes seen may not."""
    return not name.endswith(("_percent", "_seen", "_read"))


def counted(window: Window) -> dict[str, int]:
    """Return how much of everything countable there was."""
    samples = window.of(ev.CoverageSampled)
    return {
        **{name: count(window) for name, count in EVIDENCE.items()},
        "polls": sum(sum(sample.polls.values()) for sample in samples),
        "missed_polls": sum(sum(sample.misses.values()) for sample in samples),
    }


def _collected(window: Window) -> list[ev.LogCollected]:
    events = window.journal.events[window.span.start : window.span.until]
    return [event for event in events if isinstance(event, ev.LogCollected)]


def evidence_gaps(window: Window, counts: Mapping[str, int]) -> Iterator[Finding]:
    """Return everything that keeps a drill from carrying a verdict, whatever it expects."""
    yield from _cut(window)
    for name, wanted in window.drill.evidence.items():
        have = counts.get(name)
        if have is None:
            yield _gap(f"nothing counts {name}, of which the drill needs {wanted}")
        elif have < wanted:
            yield _gap(f"{name}: {have} of the {wanted} that the drill needs")
    if window.cluster is None:
        yield _gap("nothing describes the cluster")
    if not counts["nodes_seen"]:
        yield _gap("no node answered during the drill")
    yield from _unseen_groups(window)
    yield from _watch(window)


def _cut(window: Window) -> Iterator[Finding]:
    if window.ended is None:
        yield _gap("run cut short: the journal ends in the middle of this drill")
    elif window.ended.aborted:
        yield _gap(f"the drill did not run to its end: {window.ended.aborted}")
    yield from _failed_tasks(window)
    first, last = window.drill.seq, window.journal.events[window.span.until - 1].seq
    for low, high in window.journal.holes:
        if low <= last and high >= first:
            yield _gap(f"events {low} to {high} are missing from the journal")


def _failed_tasks(window: Window) -> Iterator[Finding]:
    """A task that failed ended the drill's tasks: whatever was to come was never done.

    Items of a loop do not count by themselves: what they come to is the task's own result.
    """
    names = {task.task: task.name for task in window.of(ev.TaskStarted)}
    for result in window.of(ev.TaskResult):
        failed = result.status in {"failed", "unreachable"}
        if failed and result.item is None and not (result.ignored or result.rescued):
            said = str(result.result.get("msg", "")).partition("\n")[0]
            name = names.get(result.task, f"number {result.task}")
            yield _gap(f"the task {name!r} failed on {result.host}: {said}".rstrip(": "))


def _unseen_groups(window: Window) -> Iterator[Finding]:
    seen = {view.group for view in (*window.opening, *window.views)}
    if not seen:
        yield _gap("no Raft group was seen")
        return
    for group in window.after.groups:
        if group not in seen:
            yield _gap(f"{group}: no node showed this group", group)


def _watch(window: Window) -> Iterator[Finding]:
    """See that watching went on after the last action for as long as the drill said."""
    acted = (ev.NodeSignalled, ev.NodeStarted, ev.NodeExited, ev.FaultUndone, ev.FaultIntent)
    actions = [event for event in window.events if isinstance(event, acted)]
    if window.cut or not actions:
        return
    watched = window.end - max(event.t for event in actions)
    if watched < window.drill.watch - max(0.1, 0.05 * window.drill.watch):
        yield _gap(f"watched for {watched:.1f} s of {window.drill.watch:g} s after the last action")


def _gap(text: str, group: str | None = None) -> Finding:
    return Finding(_NAME, Severity.GAP, text, group=group)
