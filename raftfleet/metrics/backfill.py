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
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

from raftfleet.journal import Picture, advance, write_file

from .figures import Figures, Histogram
from .live import Course, live_samples
from .metric import Kind
from .names import METRICS
from .samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import Metric as Family

    from raftfleet.checks import Judgement
    from raftfleet.journal import Journal

    from .figures import Labels

__all__ = ["write_openmetrics"]

_REPEATED = 60
"""Seconds after which a result that did not change is written again."""
_STATES = {"raftfleet_raft_role", "raftfleet_node_standing"}
"""Metrics with a series for every state: those that never held are left out."""

Series: TypeAlias = "dict[Labels, list[tuple[float | Histogram, int]]]"
Points: TypeAlias = "dict[str, Series]"


def write_openmetrics(judgement: Judgement, journal: Journal, path: Path) -> Path:
    """Write a run's figures with their times; raise `JournalError` when that cannot be done."""
    from prometheus_client.openmetrics.exposition import generate_latest  # noqa: PLC0415 - slow

    text = generate_latest(_Backfill(judgement, journal))  # type: ignore[no-untyped-call]
    return write_file(path, text, mode=0o644)


class _Backfill:
    """A collector of all points of a run, by metric and series."""

    def __init__(self, judgement: Judgement, journal: Journal) -> None:
        self._judgement = judgement
        self._journal = journal

    def collect(self) -> Iterator[Family]:
        """Yield every family that has points, in the order of the table."""
        from .collector import make_family  # noqa: PLC0415 - slow

        points = self.points()
        for name, metric in METRICS.items():
            if name in points:
                told = (
                    (labels, value, float(at))
                    for labels, series in points[name].items()
                    for value, at in series
                )
                yield make_family(metric, told)

    def points(self) -> Points:
        """Return everything there is, seconds being whole ones of Unix time."""
        points: Points = {}
        events = self._journal.events
        if not events:
            return points
        # One offset for the whole run: a wall clock that steps does not tear the graph.
        offset = events[0].wall - events[0].t
        first = math.ceil(events[0].wall)
        last = max(first + 1, math.ceil(max(event.t for event in events) + offset))
        self._results(points, range(first, last + 1))
        points |= self._seconds(range(first, last + 1), offset)
        return points

    def _seconds(self, seconds: range, offset: float) -> Points:
        """Return what the nodes said, once a second."""
        points: Points = {}
        picture, course, place = Picture(), Course(), 0
        events = self._journal.events
        for second in seconds:
            now = second - offset
            while place < len(events) and events[place].t <= now:
                picture = advance(picture, events[place])
                course.take(events[place], picture)
                place += 1
            for sample in live_samples(picture, course, now):
                _add(points, sample.metric, sample.labels, float(sample.value), second)
        return {name: _said(name, series) for name, series in points.items()}

    def _results(self, points: Points, seconds: range) -> None:
        """Add what was measured, from when it was; what counts begins at nothing."""
        told = sorted(
            samples(self._judgement, self._journal),
            key=lambda sample: min(sample.at, seconds[-1]) or seconds[-1],
        )
        live = {sample.metric for sample in live_samples(Picture(), Course(), 0.0)}
        told = [sample for sample in told if sample.metric not in live]
        for sample in told:
            kind, series = METRICS[sample.metric].kind, points.get(sample.metric, {})
            if sample.labels not in series and kind in {Kind.COUNTER, Kind.HISTOGRAM}:
                zero = Histogram() if kind is Kind.HISTOGRAM else 0.0
                _add(points, sample.metric, sample.labels, zero, seconds[0])
        figures, place = Figures(), 0
        for second in seconds[1:]:
            begin = place
            while place < len(told) and (second == seconds[-1] or 0 < told[place].at <= second):
                place += 1
            fresh = Figures.of(told[begin:place], self._judgement.run)
            figures.add(fresh)
            whole = (second - seconds[0]) % _REPEATED == 0 or second == seconds[-1]
            for shown in (figures,) if whole else (fresh,):
                _snapshot(points, figures, shown, second)


def _said(name: str, series: Series) -> Series:
    """Return the series of a metric with their ends marked."""
    if name in _STATES:
        series = {labels: told for labels, told in series.items() if any(one for one, _ in told)}
    if METRICS[name].kind is Kind.INFO:
        return series
    return {labels: [*_with_ends(told)] for labels, told in series.items()}


def _with_ends(
    told: list[tuple[float | Histogram, int]],
) -> Iterator[tuple[float | Histogram, int]]:
    for one, following in zip_longest(told, told[1:]):
        yield one
        if following is None or following[1] > one[1] + 1:
            yield math.nan, one[1] + 1


def _snapshot(points: Points, figures: Figures, shown: Figures, second: int) -> None:
    """Add the values that those series now have which are to be shown."""
    for name, values in shown.values.items():
        for labels in values:
            _add(points, name, labels, figures.values[name][labels], second)
    for name, histograms in shown.histograms.items():
        for labels in histograms:
            histogram = copy.deepcopy(figures.histograms[name][labels])
            _add(points, name, labels, histogram, second)


def _add(points: Points, name: str, labels: Labels, value: float | Histogram, second: int) -> None:
    points.setdefault(name, {}).setdefault(labels, []).append((value, second))
