"""Outages: from the last acknowledged write to the next, through each node and through any.

A slow write counts from the slot it was due in, and a slot that could not be sent is part of an
outage, so that a writer that was itself held up hides nothing.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .window import Window

__all__ = ["Outage", "Writing", "outages", "writing"]

_LONG = 1.0
"""Seconds without an acknowledged write that are an outage though nothing was refused."""
_SHORTEST = 0.1
_PERIODS = 4
"""Or this many periods, or as many times as long as it usually takes, where that is more."""


@dataclass(frozen=True, slots=True)
class Outage:
    """No write was acknowledged between ``start`` and ``end``, though some were tried.

    ``via`` is the node written through, empty for all of them together. ``ended`` is false when
    the writers stopped before a write was acknowledged again. ``cause`` is the absence it is
    put down to: the last that had begun. ``lasted`` is for how many seconds nobody took writes:
    the service was still there when the last write that it took was sent, and there again before
    the next was acknowledged; it was not there from the first failure to the last through
    every node.
    """

    via: str
    start: float
    end: float
    failed: int
    lasted: Interval
    cause: str = ""
    ended: bool = True

    @property
    def seconds(self) -> float:
        """How long it lasted, at least."""
        return self.end - self.start

    def overlaps(self, other: Outage) -> bool:
        """Whether both lasted at some moment."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Writing:
    """A stretch of time in which writers were at work; ``period`` is that of the fastest.

    A slow writer beside a fast one says nothing of how long a gap has to be to count.
    """

    lo: float
    hi: float
    period: float


def outages(window: Window) -> list[Outage]:
    """Return the outages of a drill, those through each node first."""
    writes = window.of(ev.WriteEnded)
    vias = sorted({event.via for event in writes} | {e.via for e in window.of(ev.WriteSkipped)})
    return [outage for via in [*vias, ""] for outage in _through(window, via, writes)]


def writing(window: Window, via: str = "") -> list[Writing]:
    """Return when writers were at work in a drill, as spans that do not overlap."""
    began: dict[str, ev.WriterStarted] = {}
    found: list[Writing] = []
    for event in window.journal.events[: window.last + 1]:
        if isinstance(event, ev.WriterStarted) and via in {"", event.via}:
            began[event.writer] = event
        elif isinstance(event, ev.WriterStopped) and event.writer in began:
            first = began.pop(event.writer)
            found.append(Writing(first.t, event.t, first.period))
    found += [Writing(first.t, window.end, first.period) for first in began.values()]
    return _joined([span for span in found if span.hi >= window.start])


def _joined(spans: list[Writing]) -> list[Writing]:
    joined: list[Writing] = []
    for span in sorted(spans, key=lambda span: span.lo):
        if joined and span.lo <= joined[-1].hi:
            last = joined.pop()
            period = min((p for p in (last.period, span.period) if p), default=0.0)
            joined.append(Writing(last.lo, max(last.hi, span.hi), period))
        else:
            joined.append(span)
    return joined


def _through(window: Window, via: str, writes: Sequence[ev.WriteEnded]) -> Iterator[Outage]:
    own = [write for write in writes if via in {"", write.via}]
    skipped = [e for e in window.of(ev.WriteSkipped) if via in {"", e.via}]
    failures = sorted(write.t for write in own if write.outcome != "ok")
    for span in writing(window, via):
        acks = sorted(w.t for w in own if w.outcome == "ok" and span.lo <= w.t <= span.hi)
        points = [max(span.lo, window.start), *(t for t in acks if t > window.start), span.hi]
        usual = _PERIODS * max(span.period, _usual(own, span))
        for place, (start, end) in enumerate(pairwise(points)):
            failed = bisect_right(failures, end) - bisect_right(failures, start)
            failed += sum(e.count for e in skipped if start < e.until and e.intended < end)
            # One node that refuses is no outage as long as the others go on as usual.
            enough = _SHORTEST if via else usual
            if (failed and end - start > enough) or end - start > max(_LONG, usual):
                ended = place < len(points) - 2
                cause = _cause(window, start, end)
                lasted = _lasted(own, start, end if ended else math.inf)
                yield Outage(via, start, end, failed, lasted, cause, ended)


def _lasted(writes: Sequence[ev.WriteEnded], start: float, end: float) -> Interval:
    """Return for how long the service was away that took no write from ``start`` to ``end``."""
    taken = [w.sent for w in writes if w.outcome == "ok" and w.t <= start]
    longest = end - min(max(taken, default=start), start)
    first: dict[str, float] = {}
    last: dict[str, float] = dict.fromkeys((w.via for w in writes), start)
    for write in writes:
        if write.outcome != "ok" and write.t > start and write.sent < end:
            first[write.via] = min(write.t, first.get(write.via, math.inf))
            last[write.via] = max(write.sent, last[write.via])
    if first.keys() < last.keys():
        return Interval(0.0, longest)
    return Interval(max(0.0, min(last.values()) - max(first.values())), longest)


def _usual(writes: Sequence[ev.WriteEnded], span: Writing) -> float:
    """Return the usual time from one acknowledged write to the next through the slowest node."""
    acks: dict[str, list[float]] = {}
    for write in writes:
        if write.outcome == "ok" and span.lo <= write.t <= span.hi:
            acks.setdefault(write.via, []).append(write.t)
    medians = [
        statistics.median(b - a for a, b in pairwise(sorted(times)))
        for times in acks.values()
        if len(times) > 1
    ]
    return max(medians, default=0.0)


def _cause(window: Window, start: float, end: float) -> str:
    begun = [a for a in window.absences if a.hi >= window.start and a.lo <= end and a.known]
    before = [away for away in begun if away.lo <= start + _LONG] or begun[:1]
    if not before:
        return ""
    last = before[-1]
    text = f"{last.kind} of {last.node}"
    return text if last.hi > start else f"{text}, over {start - last.hi:.1f} s before"
