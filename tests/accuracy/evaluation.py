"""Holds what was measured against the truth: how often it lies within, and how wide the intervals are.

Pure, so that it can be shown to fail. What was not measured though it happened counts as a miss.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raftfleet.journal.values import Interval

__all__ = ["LEAST", "QUANTITIES", "Row", "Sample", "evaluate"]

QUANTITIES = ("failover", "exit", "outage", "rejoin")

LEAST = 0.99
"""The share of samples that must contain the truth."""

_WIDEST = {"failover": 0.05, "exit": 0.05, "outage": 0.05, "rejoin": math.inf}
"""Seconds that the median may be wide; for outages, besides twice the period of the writers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One quantity of one trial, all in seconds.

    ``truth`` is an interval too, for the witness has an error of its own. ``allowance`` is by how
    much the interval may be wider than others of its kind. ``measured`` is None when there was
    something to measure and it was not.
    """

    quantity: str
    trial: int
    truth: Interval
    measured: Interval | None
    allowance: float = 0.0
    what: str = ""

    @property
    def missed_by(self) -> float:
        """How far the truth lies outside what was measured, 0 when it does not."""
        if self.measured is None:
            return math.inf
        return max(0.0, self.measured.lo - self.truth.hi, self.truth.lo - self.measured.hi)

    @property
    def width(self) -> float:
        """How wide the interval is beyond what it may be wider than others."""
        return self.measured.width - self.allowance if self.measured else math.inf


@dataclass(frozen=True, slots=True)
class Row:
    """What all samples of one quantity come to; widths are seconds, beyond the allowance."""

    quantity: str
    count: int
    misses: tuple[Sample, ...]
    median: float
    p95: float
    limit: float

    @property
    def contained(self) -> float:
        """The share of samples that contain the truth."""
        return 1 - len(self.misses) / self.count if self.count else 0.0

    @property
    def met(self) -> bool:
        """Whether enough samples contain the truth, and half of them are narrow enough."""
        return self.count > 0 and self.contained >= LEAST and self.median <= self.limit


def evaluate(samples: Iterable[Sample]) -> list[Row]:
    """Return one row for each quantity, those without a sample included: they are not met."""
    kept = list(samples)
    return [_row(name, [one for one in kept if one.quantity == name]) for name in QUANTITIES]


def _row(quantity: str, samples: Sequence[Sample]) -> Row:
    widths = sorted(one.width for one in samples)
    return Row(
        quantity=quantity,
        count=len(samples),
        misses=tuple(
            sorted((one for one in samples if one.missed_by > 0), key=lambda one: -one.missed_by)
        ),
        median=statistics.median(widths) if widths else math.inf,
        p95=widths[math.ceil(0.95 * len(widths)) - 1] if widths else math.inf,
        limit=_WIDEST[quantity],
    )
