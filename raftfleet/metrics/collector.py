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

from .figures import Figures
from .metric import Kind
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric as Family

    from .figures import Histogram, Labels
    from .metric import Metric

__all__ = ["Collector", "Source", "make_registry"]

Source: TypeAlias = "Callable[[], Figures]"
"""Gives the figures as they are now: of a state file, of a run that goes on, of a journal."""


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
            if metric.kind is Kind.HISTOGRAM:
                if figures.histograms.get(name):
                    yield _histogram(metric, figures.histograms[name])
            elif figures.values.get(name):
                yield _MAKERS[metric.kind](metric, figures.values[name])


def make_registry(*sources: Source) -> CollectorRegistry:
    """Return a registry of our own with nothing in it but these sources."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(*sources))
    return registry


def _gauge(metric: Metric, series: Mapping[Labels, float]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in series.items():
        family.add_metric(labels, value)
    return family


def _counter(metric: Metric, series: Mapping[Labels, float]) -> Family:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in series.items():
        family.add_metric(labels, value)
    return family


def _info(metric: Metric, series: Mapping[Labels, float]) -> Family:
    family = InfoMetricFamily(metric.name, metric.help)
    for labels in series:
        family.add_metric([], dict(zip(metric.labels, labels, strict=True)))
    return family


def _histogram(metric: Metric, series: Mapping[Labels, Histogram]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = (*metric.ladder, float("inf"))
    for labels, histogram in series.items():
        counts = accumulate(histogram.counts.get(bound, 0) for bound in bounds)
        buckets: list[Any] = [
            (_bound(bound), count, _example(histogram, bound))
            for bound, count in zip(bounds, counts, strict=True)
        ]
        family.add_metric(labels, buckets=buckets, sum_value=histogram.total)
    return family


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else f"{bound:.4g}"


def _example(histogram: Histogram, bound: float) -> Example | None:
    exemplar = histogram.exemplars.get(bound)
    if exemplar is None:
        return None
    return Example({"run_id": exemplar.run_id}, exemplar.value, exemplar.at or None)


_MAKERS = {Kind.GAUGE: _gauge, Kind.COUNTER: _counter, Kind.INFO: _info}
