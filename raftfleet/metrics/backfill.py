"""A finished run second by second, with timestamps, for Prometheus's own storage.

    promtool tsdb create-blocks-from openmetrics metrics.om DATA

What the nodes said is sampled once a second from the picture, as a scrape would have found it. Where
such a series ends a NaN says so: files cannot hold Prometheus's own mark of staleness, and without
any a leader would be shown for five more minutes. Results appear when they came about and are
repeated once a minute.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

from raftfleet.journal import Picture, advance, write_file

from .figures import Figures, Histogram
from .live import Course, live_samples
from .metric import Kind
from .names import METRICS
from .samples import samples
from .spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.checks import Judgement
    from raftfleet.journal import Journal

    from .figures import Labels

__all__ = ["write_openmetrics"]

_REPEATED = 60
"""Seconds after which a result that did not change is written again."""
_STATES = {"raftfleet_raft_role", "raftfleet_node_standing"}
"""Metrics with a series for every state: those that never held are left out."""


def write_openmetrics(judgement: Judgement, journal: Journal, path: Path) -> Path:
    """Write a run's figures with their times; raise `JournalError` when that cannot be done.

    What is on its way to the file lies beside it on the disk: a run of a night fits into no memory.
    """
    return write_file(path, _pieces(judgement, journal, path.parent), mode=0o644)


def _pieces(judgement: Judgement, journal: Journal, folder: Path) -> Iterator[bytes]:
    """Yield the file: every family that has points, in the order of the table."""
    with Spool(folder) as spool:
        events = journal.events
        if events:
            # One offset for the whole run: a wall clock that steps does not tear the graph.
            offset = events[0].wall - events[0].t
            first = math.ceil(events[0].wall)
            last = max(first + 1, math.ceil(max(event.t for event in events) + offset))
            _seconds(spool, journal, range(first, last + 1), offset)
            _results(spool, judgement, journal, range(first, last + 1))
        for name in METRICS:
            yield from spool.family(name)
    yield b"# EOF\n"


def _seconds(spool: Spool, journal: Journal, seconds: range, offset: float) -> None:
    """Add what the nodes said, once a second."""
    said = _Said(spool)
    picture, course, place = Picture(), Course(), 0
    events = journal.events
    for second in seconds:
        now = second - offset
        while place < len(events) and events[place].t <= now:
            picture = advance(picture, events[place])
            course.take(events[place], picture)
            place += 1
        for sample in live_samples(picture, course, now):
            said.add(sample.metric, sample.labels, float(sample.value), second)
    said.end()


class _Said:
    """Series that come and go: their ends are marked, and states that never held left out."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._last: dict[tuple[str, Labels], int] = {}
        self._held: set[tuple[str, Labels]] = set()

    def add(self, name: str, labels: Labels, value: float, second: int) -> None:
        """Add what a series was at a second."""
        last = self._last.get((name, labels), second)
        if second > last + 1:
            self._mark(name, labels, last + 1)
        self._spool.add(name, labels, value, second)
        self._last[name, labels] = second
        if value:
            self._held.add((name, labels))

    def end(self) -> None:
        """Mark the ends of all."""
        for (name, labels), last in self._last.items():
            if name in _STATES and (name, labels) not in self._held:
                self._spool.drop(name, labels)
            else:
                self._mark(name, labels, last + 1)

    def _mark(self, name: str, labels: Labels, second: int) -> None:
        if METRICS[name].kind is not Kind.INFO:
            self._spool.add(name, labels, math.nan, second)


def _results(spool: Spool, judgement: Judgement, journal: Journal, seconds: range) -> None:
    """Add what was measured, from when it was; what counts begins at nothing."""
    live = {sample.metric for sample in live_samples(Picture(), Course(), 0.0)}
    live |= spool.names
    told = [one for one in samples(judgement, journal) if one.metric not in live]
    told.sort(key=lambda sample: min(sample.at, seconds[-1]) or seconds[-1])
    for sample in told:
        kind = METRICS[sample.metric].kind
        fresh = not spool.has(sample.metric, sample.labels)
        if fresh and kind in {Kind.COUNTER, Kind.HISTOGRAM}:
            zero = Histogram() if kind is Kind.HISTOGRAM else 0.0
            spool.add(sample.metric, sample.labels, zero, seconds[0])
    figures, place = Figures(), 0
    for second in seconds[1:]:
        begin = place
        while place < len(told) and (second == seconds[-1] or 0 < told[place].at <= second):
            place += 1
        new = Figures.of(told[begin:place], judgement.run)
        figures.add(new)
        whole = (second - seconds[0]) % _REPEATED == 0 or second == seconds[-1]
        _snapshot(spool, figures, figures if whole else new, second)


def _snapshot(spool: Spool, figures: Figures, shown: Figures, second: int) -> None:
    """Add the values that those series now have which are to be shown."""
    for name, values in shown.values.items():
        for labels in values:
            spool.add(name, labels, figures.values[name][labels], second)
    for name, histograms in shown.histograms.items():
        for labels in histograms:
            spool.add(name, labels, copy.deepcopy(figures.histograms[name][labels]), second)
