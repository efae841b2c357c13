"""Figures as Prometheus metric families, made anew at every scrape."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.samples import Exemplar as Example
from prometheus_client.utils import floatToGoString

from .figures import Figures, Histogram
from .metric import Kind
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric as Family

    from .figures import Labels
    from .metric import Metric

__all__ = ["Collector", "Point", "Source", "make_family", "make_registry"]

Source: TypeAlias = "Callable[[], Figures]"
"""Gives the figures as they are now: of a state file, of a run that goes on, of a journal."""

Point: TypeAlias = "tuple[Labels, float | Histogram, float | None]"
"""What one series is: its labels, its value, and when that was (Unix time; None: now)."""


class Collector:
    """Const metrics from any number of sources.

    Every scrape asks the sources anew and nothing is kept between scrapes: a series that no source
    names any more is gone. Where two sources have the same counter or histogram, they add up.
    """

    def __init__(self, *sources: Source) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Family]:
        """Yield every family that has a value, in the order of the table."""
        figures = Figures()
        for source in self._sources:
            figures.add(source())
        for name, metric in METRICS.items():
            points: list[Point] = [
                *((labels, value, None) for labels, value in figures.values.get(name, {}).items()),
                *((labels, one, None) for labels, one in figures.histograms.get(name, {}).items()),
            ]
            if points:
                yield make_family(metric, points)


def make_registry(*sources: Source) -> CollectorRegistry:
    """Return a registry of our own with nothing in it but these sources."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(*sources))
    return registry


def make_family(metric: Metric, points: Iterable[Point]) -> Family:
    """Return a family with these points; those of one series have to follow each other."""
    if metric.kind is Kind.HISTOGRAM:
        return _histograms(metric, points)
    if metric.kind is Kind.INFO:
        return _infos(metric, points)
    maker = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = maker(metric.name, metric.help, labels=metric.labels)
    for labels, value, at in points:
        if isinstance(value, Histogram):
            raise TypeError(f"{metric.name} is no histogram")
        family.add_metric(labels, value, timestamp=at)
    return family


def _infos(metric: Metric, points: Iterable[Point]) -> Family:
    family = InfoMetricFamily(metric.name, metric.help)
    for labels, _, at in points:
        family.add_metric([], dict(zip(metric.labels, labels, strict=True)), timestamp=at)
    return family


def _histograms(metric: Metric, points: Iterable[Point]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = (*metric.bounds, float("inf"))
    for labels, histogram, at in points:
        if not isinstance(histogram, Histogram):
            raise TypeError(f"{metric.name} is a histogram")
        counts = accumulate(histogram.counts.get(bound, 0) for bound in bounds)
        buckets: list[Any] = [
            (_le(bound), count, _example(histogram, bound))
            for bound, count in zip(bounds, counts, strict=True)
        ]
        family.add_metric(labels, buckets=buckets, sum_value=histogram.total, timestamp=at)
    return family


def _le(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # the library's own


def _example(histogram: Histogram, bound: float) -> Example | None:
    exemplar = histogram.exemplars.get(bound)
    if exemplar is None:
        return None
    return Example({"run_id": exemplar.run_id}, exemplar.value, exemplar.at or None)
