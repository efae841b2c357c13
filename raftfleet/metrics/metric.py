"""What a metric is, and the buckets of histograms."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cache

__all__ = ["LADDER", "LONG_LADDER", "Kind", "Metric"]

_START = 0.05
_RATIO = 1.1


LADDER = tuple(_START * _RATIO**step for step in range(80))
"""Upper bounds of the histograms' buckets, in seconds: 0.05 to 93.1, each a tenth above the last.

Quantiles are as exact at 35 s as at 0.2 s; the usual buckets end at 10 s and would hide a failover of
half a minute.
"""

LONG_LADDER = tuple(_START * _RATIO**step for step in range(130))
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


@cache
def _written(ladder: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(f"{bound:.4g}") for bound in ladder)


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
    def bounds(self) -> tuple[float, ...]:
        """The ladder as it is written: four digits are enough to tell buckets apart."""
        return _written(self.ladder)

    @property
    def fleeting(self) -> bool:
        """Whether it is forgotten when there is something newer to say."""
        return self.kind in {Kind.GAUGE, Kind.INFO} and not self.kept

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus knows its series."""
        return tuple(self.name + suffix for suffix in _SUFFIXES[self.kind])
