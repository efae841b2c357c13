"""How the figures of a run are taken into those of all runs before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import Figures
from .metric import Kind
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .figures import Labels
    from .metric import Metric

__all__ = ["take_in"]

_STAMPS = (
    "raftfleet_run_last_start_timestamp_seconds",
    "raftfleet_drill_last_start_timestamp_seconds",
)
"""What tells which of two runs of a cluster, or of a drill, is the newer."""


def take_in(before: Figures, run: Figures, nodes: Iterable[str]) -> Figures:
    """Return all figures: what counts adds up, what speaks of the latest run is replaced.

    A run that is older than what is there (one that is exported late) counts and replaces nothing.
    ``nodes`` are all that the cluster has now: those that are gone take their series along.
    """
    told = [(name, labels) for name, series in run.values.items() for labels in series]
    scopes = {scope(METRICS[name], labels) for name, labels in told}
    newer = {one for one in scopes if _stamp(run, one) >= _stamp(before, one)}
    after = Figures()
    after.add(before)
    for name, series in after.values.items():
        metric = METRICS[name]
        for labels in [*series]:
            old = metric.fleeting and scope(metric, labels) in newer
            if old or not _present(metric, labels, nodes):
                del series[labels]
    after.add(Figures({name: _taken(name, run, before, newer) for name in run.values}))
    after.add(Figures(histograms=run.histograms))
    return after


def scope(metric: Metric, labels: Labels) -> Labels:
    """Return what a series speaks of: a drill of a cluster, or the cluster."""
    return labels[: 2 if "drill" in metric.labels else 1]


def _taken(name: str, run: Figures, before: Figures, newer: set[Labels]) -> dict[Labels, float]:
    """Return what of a run's metric is taken: all that counts, of the rest what is newer."""
    metric, series = METRICS[name], run.values[name]
    if metric.kind is Kind.COUNTER:
        return dict(series)
    if metric.name.endswith("_timestamp_seconds"):
        own = before.values.get(name, {})
        return {labels: max(value, own.get(labels, value)) for labels, value in series.items()}
    return {labels: value for labels, value in series.items() if scope(metric, labels) in newer}


def _stamp(figures: Figures, one: Labels) -> float:
    return max(figures.value(name, *one) or 0.0 for name in _STAMPS)


def _present(metric: Metric, labels: Labels, nodes: Iterable[str]) -> bool:
    return "node" not in metric.labels or labels[metric.labels.index("node")] in nodes
