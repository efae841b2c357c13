"""What a metric is, and the buckets of histograms."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["LADDER", "LONG_LADDER", "Kind", "Metric"]

_START = 0.05
_RATIO = 1.1


def _ladder(steps: int) -> tuple[float, ...]:
    return tuple(float(f"{_START * _RATIO**step:.4g}") for step in range(steps))


LADDER = _ladder(80)
"""Upper bounds of the histograms' buckets, in seconds: 0.05 to 93.1, each a tenth above the last.

Quantiles of many samples are within two per cent at 0.2 s as at 35 s; the usual buckets end at 10 s
and would hide a failover of half a minute.
"""

LONG_LADDER = _ladder(130)
"""The same, going on to three hours, for what lasts as long as a whole drill."""


class Kind(enum.StrEnum):
    """What kind of metric it is, in Prometheus's words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


_SUFFIXES = {
    Kind.COUNTER: ("_total",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
    Kind.INFO: ("_info",),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``name`` is without the suffix that its kind adds.

    A gauge speaks of the latest run of its drill and is forgotten when the drill runs again and
    says nothing of it; one that is ``kept`` stays until there is a newer value. ``ladder`` holds
    the bounds of a histogram's buckets.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    kept: bool = False
    ladder: tuple[float, ...] = LADDER

    @property
    def fleeting(self) -> bool:
        """Whether it is forgotten when there is something newer to say."""
        return self.kind in {Kind.GAUGE, Kind.INFO} and not self.kept

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus knows its series."""
        return tuple(self.name + suffix for suffix in _SUFFIXES[self.kind])
