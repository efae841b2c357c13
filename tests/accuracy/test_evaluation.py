"""The evaluation finds intervals that lie beside the truth or are too wide, and thin evidence."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from raftfleet.journal.values import Interval
from tests.accuracy.evaluation import QUANTITIES, Row, Sample, evaluate

TRIALS = 200


def honest(width: float = 0.04) -> list[Sample]:
    """Return samples whose intervals contain the truth at a random place."""
    random = Random(7)
    return [
        Sample(name, trial, Interval(truth, truth), Interval(lo, lo + width))
        for name in QUANTITIES
        for trial in range(TRIALS)
        for truth in [random.uniform(0.3, 3.0)]
        for lo in [truth - random.uniform(0, width)]
    ]


def rows(samples: list[Sample]) -> dict[str, Row]:
    return {row.quantity: row for row in evaluate(samples)}


def shifted(sample: Sample, by: float) -> Sample:
    assert sample.measured
    return replace(sample, measured=Interval(sample.measured.lo + by, sample.measured.hi + by))


def test_intervals_that_contain_the_truth_and_are_narrow_are_met() -> None:
    assert all(row.met and row.contained == 1 for row in evaluate(honest()))


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("bias", [0.06, -0.06])
def test_a_bias_of_a_clock_is_found_and_told(quantity: str, bias: float) -> None:
    biased = [shifted(one, bias) if one.quantity == quantity else one for one in honest()]
    found = rows(biased)
    assert [name for name, row in found.items() if not row.met] == [quantity]
    worst = found[quantity].misses[0]
    assert 0.02 < worst.missed_by <= 0.06 + 1e-9


def test_two_misses_in_two_hundred_are_met_and_three_are_not() -> None:
    samples = honest()
    for count, met in ((2, True), (3, False)):
        doctored = [shifted(one, 1.0) for one in samples[:count]] + samples[count:]
        assert rows(doctored)[QUANTITIES[0]].met is met


@pytest.mark.parametrize("quantity", ["failover", "exit", "outage"])
def test_intervals_that_contain_everything_are_too_wide(quantity: str) -> None:
    found = rows(honest(width=0.06))
    assert found[quantity].contained == 1
    assert not found[quantity].met


def test_an_outage_may_be_wider_by_what_the_writers_cannot_see() -> None:
    wide = [replace(one, allowance=0.2) for one in honest(width=0.24)]
    assert rows(wide)["outage"].met


def test_what_was_not_measured_is_a_miss() -> None:
    samples = [replace(one, measured=None) if one.trial < 3 else one for one in honest()]
    found = rows(samples)
    assert not any(row.met for row in found.values())
    assert all(len(row.misses) == 3 for row in found.values())


def test_nothing_measured_is_not_met() -> None:
    assert not any(row.met for row in evaluate([]))


def test_the_witness_own_error_is_no_miss() -> None:
    sample = Sample("exit", 1, Interval(0.99, 1.01), Interval(1.005, 1.02))
    assert sample.missed_by == 0
    assert replace(sample, truth=Interval(0.99, 1.0)).missed_by == pytest.approx(0.005)
