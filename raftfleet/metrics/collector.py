"""The samples of a run as Prometheus metric families, made anew whenever they are asked for."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

from .names import LADDER, METRICS, Kind
from .samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric as Family

    from raftfleet.checks import Judgement
    from raftfleet.journal import Journal

    from .names import Metric

__all__ = ["RunCollector"]

Series: TypeAlias = dict[tuple[str, ...], list[float]]
_BOUNDS = tuple(f"{bound:.4g}" for bound in LADDER)
_EDGES = tuple(map(float, _BOUNDS))


class RunCollector:
    """A collector for a registry: const metrics of one run."""

    def __init__(self, judgement: Judgement, journal: Journal) -> None:
        self._values: dict[str, Series] = {}
        for sample in samples(judgement, journal):
            series = self._values.setdefault(sample.metric, {})
            series.setdefault(sample.labels, []).append(float(sample.value))

    def collect(self) -> Iterator[Family]:
        """Yield every family that has a value."""
        for name, metric in METRICS.items():
            if name in self._values:
                yield _MAKERS[metric.kind](metric, self._values[name])


def _gauge(metric: Metric, series: Series) -> Family:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, values in series.items():
        family.add_metric(labels, values[-1])
    return family


def _counter(metric: Metric, series: Series) -> Family:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, values in series.items():
        family.add_metric(labels, sum(values))
    return family


def _info(metric: Metric, series: Series) -> Family:
    family = InfoMetricFamily(metric.name, metric.help)
    for labels in series:
        family.add_metric([], dict(zip(metric.labels, labels, strict=True)))
    return family


def _histogram(metric: Metric, series: Series) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, values in series.items():
        family.add_metric(labels, buckets=_buckets(values), sum_value=sum(values))
    return family


def _buckets(values: Iterable[float]) -> list[tuple[str, float]]:
    """Return the cumulative counts up to each bound of the ladder, and of all."""
    counts = [0.0] * (len(_EDGES) + 1)
    for value in values:
        counts[bisect_left(_EDGES, value)] += 1
    return list(zip((*_BOUNDS, "+Inf"), accumulate(counts), strict=True))


_MAKERS = {
    Kind.GAUGE: _gauge,
    Kind.COUNTER: _counter,
    Kind.INFO: _info,
    Kind.HISTOGRAM: _histogram,
}
