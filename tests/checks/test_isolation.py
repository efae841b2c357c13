"""Pauses and partitions: failovers count from the last contact, late harm is put down to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import Outcome, Severity, judge
from raftfleet.journal import events as ev
from raftfleet.journal.values import Role
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    from raftfleet.checks import Failover

    from .conftest import Ask


def story(*expects: str) -> Story:
    return Story().running().drill(*(expects or ("leader-moves",)))


def failovers(told: Story) -> list[Failover]:
    return list(judge(told.end().journal()).failovers)


@pytest.mark.parametrize("kind", ["pause", "partition", "partition-in", "partition-out"])
def test_a_failover_from_an_isolated_leader_counts_from_its_last_contact(kind: str) -> None:
    told = story().fault(kind, "n1", peers=["n2", "n3"]).let(4).elect("n2", term=2).let(1)
    told.undo(kind, "n1").say("n1", role=Role.FOLLOWER, leader="n2", term=2).let(1)
    (one,) = failovers(told)
    assert (one.victim, one.new_leader, one.cause) == ("n1", "n2", kind)
    assert one.counts_from == "last contact"
    assert one.outcome is Outcome.ELECTED
    assert one.elected is not None
    assert one.elected.lo == pytest.approx(3.98, abs=0.03)


def test_a_cut_off_leader_that_still_says_it_leads_is_not_back() -> None:
    told = story().fault("partition", "n1", peers=["n2", "n3"]).let(2)
    told.say("n1", last_log=12).let(2).elect("n2", term=2).let(1)
    (one,) = failovers(told)
    assert one.outcome is Outcome.ELECTED


def test_an_isolation_that_ends_too_early_was_not_exercised(ask: Ask) -> None:
    told = story().fault("pause", "n1").let(1).undo("pause", "n1").let(1).say("n1").let(6)
    assert [f.outcome for f in failovers(told)] == [Outcome.NOT_EXERCISED]
    (finding,) = ask("leader-moves", told.journal())
    assert finding.severity is Severity.GAP


def test_an_isolated_follower_moves_nothing(ask: Ask) -> None:
    told = story().fault("partition", "n3", peers=["n1", "n2"]).let(4)
    told.undo("partition", "n3").let(4)
    assert failovers(told) == []
    assert ask("leader-moves", told.journal()) == []


def test_a_fault_that_failed_is_none(ask: Ask) -> None:
    told = story()
    told.record(ev.FaultIntent(fault="p", kind="pause", targets=("n1",)))
    told.record(ev.FaultFailed(fault="p", reason="no such process"))
    told.let(2)
    assert failovers(told) == []
    (gap,) = ask("leader-moves", told.journal())
    assert gap.severity is Severity.GAP


def test_a_healed_follower_that_deposes_a_healthy_leader_disturbs_it(ask: Ask) -> None:
    told = story("leader-undisturbed").fault("partition", "n3", peers=["n1", "n2"]).let(5)
    told.undo("partition", "n3").let(30).elect("n3", term=4).let(1)
    journal = told.end().journal()
    (finding,) = ask("leader-undisturbed", journal)
    assert (finding.severity, finding.node, finding.cause) == (
        Severity.WARNING,
        "n1",
        "partition of n3",
    )
    assert "lost it to n3 (term 4) 30.0 s after the partition of n3 was over" in finding.message
    assert ask("leader-moves", journal) == []


def test_a_leader_that_had_to_win_its_group_again_was_disturbed(ask: Ask) -> None:
    told = story("leader-undisturbed").fault("pause", "n3").let(5).undo("pause", "n3").let(1)
    told.say("n1", role=Role.FOLLOWER, leader=None, term=3).let(2).elect("n1", term=4).let(1)
    (finding,) = ask("leader-undisturbed", told.end().journal())
    assert "lost it and won it back (term 4)" in finding.message


def test_a_leader_that_is_deposed_for_no_reason_is_a_violation(ask: Ask) -> None:
    told = story().stop("n3").let(1)
    told.say("n1", role=Role.FOLLOWER, leader=None, term=3).let(2).elect("n1", term=4).let(1)
    journal = told.end().journal()
    (finding,) = ask("leader-moves", journal)
    assert finding.severity is Severity.VIOLATION
    assert ask("leader-undisturbed", journal) == []


def test_a_paused_node_need_not_answer_and_one_that_was_not_paused_must() -> None:
    told = story("membership-agrees").fault("pause", "n2").let(10).undo("pause", "n2").let(2)
    (drill,) = judge(told.end().journal()).drills
    assert [f for f in drill.findings if "not heard" in f.message] == []
    told = story("membership-agrees")
    told.silent.add("n2")
    told.let(10)
    told.silent.clear()
    (drill,) = judge(told.say("n2").let(2).end().journal()).drills
    assert [f.node for f in drill.findings if "not heard" in f.message] == ["n2"]


def test_watching_has_to_go_on_after_the_last_undo() -> None:
    told = Story().running().drill("membership-agrees", watch=10.0)
    told.fault("partition", "n3", peers=["n1", "n2"]).let(20).undo("partition", "n3").let(3)
    (drill,) = judge(told.end().journal()).drills
    assert [f.severity for f in drill.findings if "watched for 3.0 s of 10 s" in f.message] == [
        Severity.GAP
    ]


def test_a_cut_off_leader_that_is_killed_fails_over_once_from_its_last_contact() -> None:
    told = story().fault("partition", "n1", peers=["n2", "n3"]).let(1)
    told.stop("n1", "KILL", status=-9, lines=[]).let(3).elect("n2", term=2).let(1)
    (one,) = failovers(told)
    assert (one.cause, one.counts_from) == ("partition", "last contact")


def test_a_node_that_is_still_cut_off_at_the_end_may_not_have_converged(ask: Ask) -> None:
    told = story("converges").fault("partition", "n3", peers=["n1", "n2"]).let(1)
    told.say("n1", last_log=50, last_applied=50).say("n2", last_log=50, last_applied=50).let(10)
    found = ask("converges", told.end().journal())
    assert [(f.severity, f.node) for f in found] == [(Severity.GAP, "n3")]
