"""Figures: values of series, made of samples, that add up over runs."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeAlias

from .metric import Kind
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Exemplar", "Figures", "Histogram", "Labels", "Sample"]

Labels: TypeAlias = tuple[str, ...]
"""The values of a metric's labels, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of one series.

    Several of one series are several observations of a histogram, what a counter adds up, and
    what a gauge was one after another: its last is what it is. ``at`` is when that was (Unix
    time), 0: at the end.
    """

    metric: str
    labels: Labels
    value: float
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One observation of a bucket, and the run it comes from."""

    run_id: str
    value: float
    at: float


@dataclass(slots=True)
class Histogram:
    """Observations in buckets: ``counts`` by upper bound, not cumulative, without empty ones."""

    counts: dict[float, int] = field(default_factory=dict)
    total: float = 0.0
    exemplars: dict[float, Exemplar] = field(default_factory=dict)

    def observe(self, bounds: tuple[float, ...], sample: Sample, run_id: str) -> None:
        """Put one observation into its bucket."""
        place = bisect_left(bounds, sample.value)
        bound = bounds[place] if place < len(bounds) else float("inf")
        self.counts[bound] = self.counts.get(bound, 0) + 1
        self.total += sample.value
        if run_id:
            self.exemplars[bound] = Exemplar(run_id, sample.value, sample.at)

    def add(self, later: Histogram) -> None:
        """Take the observations of another in; its exemplars are the newer ones."""
        for bound, count in later.counts.items():
            self.counts[bound] = self.counts.get(bound, 0) + count
        self.total += later.total
        self.exemplars |= later.exemplars


@dataclass(slots=True)
class Figures:
    """The values of any number of series, by metric and labels.

    ``values`` are those of counters, gauges and infos.
    """

    values: dict[str, dict[Labels, float]] = field(default_factory=dict)
    histograms: dict[str, dict[Labels, Histogram]] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Iterable[Sample], run_id: str = "") -> Self:
        """Return what samples come to; observations carry the run as their exemplar."""
        figures = cls()
        for sample in samples:
            metric = METRICS[sample.metric]
            if metric.kind is Kind.HISTOGRAM:
                series = figures.histograms.setdefault(metric.name, {})
                histogram = series.setdefault(sample.labels, Histogram())
                histogram.observe(metric.bounds, sample, run_id)
            else:
                figures._put(metric.name, sample.labels, float(sample.value))
        return figures

    def add(self, later: Figures) -> None:
        """Take later figures in: counters and histograms add up, gauges and infos are replaced."""
        for name, series in later.values.items():
            for labels, value in series.items():
                self._put(name, labels, value)
        for name, histograms in later.histograms.items():
            own = self.histograms.setdefault(name, {})
            for labels, histogram in histograms.items():
                own.setdefault(labels, Histogram()).add(histogram)

    def _put(self, name: str, labels: Labels, value: float) -> None:
        series = self.values.setdefault(name, {})
        if METRICS[name].kind is Kind.COUNTER:
            value += series.get(labels, 0.0)
        series[labels] = value

    def value(self, name: str, *labels: str) -> float | None:
        """Return the value of one series that is no histogram, None when there is none."""
        return self.values.get(name, {}).get(labels)
