"""The judgement of a recording is compared, too: it agrees with its own, and no doctored one does."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from .rows import Outcome
from .running import RECORDINGS
from .verdicts import differences, judged

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(),
    reason=f"the recordings of the real broker are not at hand: {RECORDINGS}",
)


def differing(name: str, found: Any) -> list[str]:
    want = json.loads((RECORDINGS / name / "expect.json").read_text())
    return [row.item for row in differences(want, found) if row.outcome is not Outcome.AGREES]


def other_verdict(found: Any) -> None:
    found["verdict"] = "inconclusive"


def another_violation(found: Any) -> None:
    violation = {"check": "converges", "node": "n2", "severity": "violation"}
    found["findings"].append(violation)


def another_node(found: Any) -> None:
    for one in found["findings"]:
        one["node"] = "n1"


def nothing_said(found: Any) -> None:
    found["findings"] = [one for one in found["findings"] if one["check"] != "cache-agrees"]


def no_failover(found: Any) -> None:
    found["failovers"] = found["failovers"][1:]


def late_failover(found: Any) -> None:
    found["failovers"][0]["place"] = "after"


def other_exit(found: Any) -> None:
    found["exits"][0]["class"] = "forced"


@pytest.mark.parametrize(
    ("name", "doctor", "caught"),
    [
        ("leader-crash", other_verdict, "verdict/verdict"),
        ("leader-crash", another_violation, "verdict/violates nothing else"),
        ("snapshot-rejoin", another_node, "verdict/violates stores-equal n3"),
        ("leader-paused", nothing_said, "verdict/says cache-agrees"),
        ("leader-crash", no_failover, "verdict/failover of data_0, terms [1, 2]"),
        ("leader-crash", late_failover, "verdict/failover of data_0, terms [1, 2]"),
        ("leader-crash", other_exit, "verdict/exits"),
    ],
)
def test_a_doctored_judgement_is_caught(
    name: str, doctor: Callable[[Any], None], caught: str
) -> None:
    found = judged(RECORDINGS / name)
    doctored = copy.deepcopy(found)
    doctor(doctored)
    assert differing(name, found) == []
    assert caught in differing(name, doctored)
