"""The state file: figures that have accumulated, as JSON, and what is refused when it is read.

A counter that falls back to nothing looks like a restart to Prometheus and weeks of observations
are lost, so a file that cannot be understood is never replaced: somebody has to look at it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import UsageError

from .figures import Exemplar, Figures, Histogram
from .metric import Kind
from .names import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .metric import Metric

__all__ = ["FORMAT", "VERSION", "Kept", "decode", "encode"]

FORMAT = "raftfleet metrics state"
VERSION = 1


class Value(msgspec.Struct, frozen=True):
    """A counter, a gauge or an info."""

    metric: str
    labels: tuple[str, ...]
    value: float


class Buckets(msgspec.Struct, frozen=True, omit_defaults=True):
    """A histogram: counts by upper bound, not cumulative; an exemplar is (run, value, time)."""

    metric: str
    labels: tuple[str, ...]
    total: float
    counts: dict[str, int]
    exemplars: dict[str, tuple[str, float, float]] = {}


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a state file holds: of one cluster, the runs that were counted, and the figures."""

    format: str = FORMAT
    version: int = VERSION
    cluster: str = ""
    nodes: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    histograms: tuple[Buckets, ...] = ()

    def figures(self) -> Figures:
        """Return the figures of the metrics that there still are."""
        figures = Figures()
        for row in self.values:
            if row.metric in METRICS:
                figures.values.setdefault(row.metric, {})[row.labels] = row.value
        for one in self.histograms:
            if one.metric in METRICS:
                figures.histograms.setdefault(one.metric, {})[one.labels] = _histogram(one)
        return figures


class _Head(msgspec.Struct):
    """What tells whose file it is, whatever else it holds."""

    format: str = ""
    version: int = 0


def encode(
    figures: Figures, *, cluster: str, nodes: tuple[str, ...], runs: tuple[str, ...]
) -> bytes:
    """Return the content of a state file."""
    kept = Kept(
        cluster=cluster,
        nodes=nodes,
        runs=runs,
        values=tuple(_values(figures)),
        histograms=tuple(_buckets(figures)),
    )
    return msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n"


def decode(content: bytes, path: Path) -> Kept:
    """Return what a state file holds; raise `UsageError` for one that is not ours or is damaged."""
    try:
        head = msgspec.json.decode(content, type=_Head)
    except msgspec.MsgspecError as error:
        raise _refused(path, f"is damaged: {error}") from None
    if head.format != FORMAT:
        raise _refused(path, "is not a state of raftfleet's metrics")
    if head.version != VERSION:
        raise _refused(path, f"is of format version {head.version}; this raftfleet knows {VERSION}")
    try:
        kept = msgspec.json.decode(content, type=Kept)
        _check(kept)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _refused(path, f"is damaged: {error}") from None
    return kept


def _refused(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} {why}",
        hint="it was left as it is; to begin counting anew, move it away yourself",
    )


def _check(kept: Kept) -> None:
    """Raise ValueError for figures that cannot be."""
    rows: tuple[Value | Buckets, ...] = (*kept.values, *kept.histograms)
    for row in rows:
        metric = METRICS.get(row.metric)
        if metric is None:
            continue  # a newer raftfleet may have dropped it
        if len(row.labels) != len(metric.labels):
            raise ValueError(f"{row.metric} has {len(row.labels)} labels")
        if isinstance(row, Buckets) != (metric.kind is Kind.HISTOGRAM):
            raise ValueError(f"{row.metric} is no {metric.kind}")
        if isinstance(row, Buckets):
            _check_buckets(row, metric)
        elif not math.isfinite(row.value) or (metric.kind is Kind.COUNTER and row.value < 0):
            raise ValueError(f"{row.metric} is {row.value}")


def _check_buckets(row: Buckets, metric: Metric) -> None:
    bounds = {_name(bound) for bound in (*metric.bounds, math.inf)}
    unknown = {*row.counts, *row.exemplars} - bounds
    if unknown:
        raise ValueError(f"{row.metric} has no bucket {min(unknown)}")
    if any(count < 0 for count in row.counts.values()) or not math.isfinite(row.total):
        raise ValueError(f"{row.metric} counts what cannot be")


def _values(figures: Figures) -> Iterator[Value]:
    for name, series in sorted(figures.values.items()):
        for labels, value in sorted(series.items()):
            yield Value(name, labels, value)


def _buckets(figures: Figures) -> Iterator[Buckets]:
    for name, series in sorted(figures.histograms.items()):
        for labels, one in sorted(series.items()):
            counts = {_name(bound): count for bound, count in sorted(one.counts.items())}
            exemplars = {
                _name(bound): (exemplar.run_id, exemplar.value, exemplar.at)
                for bound, exemplar in sorted(one.exemplars.items())
            }
            yield Buckets(name, labels, one.total, counts, exemplars)


def _histogram(row: Buckets) -> Histogram:
    return Histogram(
        {float(bound): count for bound, count in row.counts.items()},
        row.total,
        {float(bound): Exemplar(*parts) for bound, parts in row.exemplars.items()},
    )


def _name(bound: float) -> str:
    return f"{bound:.4g}"
