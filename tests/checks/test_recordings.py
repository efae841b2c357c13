"""Recordings of a real cluster are judged as whoever recorded them says they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import Severity, judge
from tests.checks.recordings import Recording, journal_of, recording

if TYPE_CHECKING:
    from raftfleet.checks.verdict import Judgement

NAMES = (
    "bootstrap-and-api",
    "follower-stop-rejoin",
    "leader-stop-failover",
    "leader-crash",
    "leader-fast-restart",
    "shutdown",
)


@pytest.fixture(params=NAMES, scope="module")
def judged(request: pytest.FixtureRequest) -> tuple[Recording, Judgement]:
    one = recording(str(request.param))
    return one, judge(journal_of(one))


def test_the_verdict_is_the_one_expected(judged: tuple[Recording, Judgement]) -> None:
    one, judgement = judged
    assert str(judgement.verdict) == one.expect["verdict"]


def test_nobody_is_condemned_who_should_not_be(judged: tuple[Recording, Judgement]) -> None:
    one, judgement = judged
    (drill,) = judgement.drills
    assert one.expect["violations"] == []
    assert drill.of(Severity.VIOLATION) == ()


def test_failovers_have_the_groups_terms_and_times(judged: tuple[Recording, Judgement]) -> None:
    one, judgement = judged
    found = {
        (f.victim, f.group, f.old_term, f.new_term, f.new_leader): f for f in judgement.failovers
    }
    for want in one.expect["failovers"]:
        key = (f"n{want['victim']}", want["group"], *want["term"], f"n{want['new_leader']}")
        low, high = want["seconds_after_exit"]
        elected = found[key].elected
        assert elected is not None
        assert elected.lo <= high + 0.05
        assert elected.hi >= low - 0.05
        assert elected.width < 0.1
        assert found[key].place == "inside"


def test_exits_have_their_classes_and_latencies(judged: tuple[Recording, Judgement]) -> None:
    one, judgement = judged
    want = [(f"n{e['node']}", e["class"], e["status"]) for e in one.expect["exits"]]
    assert [(e.node, str(e.kind), e.status) for e in judgement.exits] == want
    for exit_, expected in zip(judgement.exits, one.expect["exits"], strict=True):
        assert exit_.latency is not None
        assert exit_.latency.lo - 0.01 <= expected["seconds"] <= exit_.latency.hi + 0.01


def test_a_partial_failover_is_told_group_by_group() -> None:
    judgement = judge(journal_of(recording("leader-fast-restart")))
    outcomes = [(f.group, str(f.outcome)) for f in judgement.failovers][-3:]
    assert sorted(outcomes) == [
        ("data_0", "elected"),
        ("metadata_0", "elected"),
        ("offset_0", "not exercised"),
    ]
