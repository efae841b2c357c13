"""Every live node stands in every live node's own list, after a while at the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.checks import Severity, Verdict, judge
from raftfleet.journal import events as ev
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    from .conftest import Ask

NAME = "node-list-complete"


def story() -> Story:
    return Story().running().everybody_listed().drill(NAME)


def test_complete_lists_say_nothing_though_a_stopped_node_vanishes(ask: Ask) -> None:
    told = story().stop("n3").let(30).peers("n1", "n1", "n2").peers("n2", "n1", "n2").let(5)
    told.start("n3").let(1).everybody_listed().let(2)
    assert ask(NAME, told.end().journal()) == []


def test_a_live_node_that_is_missing_is_a_warning_and_late_a_violation(ask: Ask) -> None:
    told = story().fault("pause", "n3").let(5).undo("pause", "n3").let(3)
    told.peers("n1", "n1", "n2").let(20)
    (early,) = ask(NAME, told.everybody_listed().let(1).end().journal())
    assert (early.severity, early.node) == (Severity.WARNING, "n1")
    assert "lacked n3 for 20.0 s, until 23.0 s after the pause of n3 was over" in early.message
    told = story().fault("pause", "n3").let(5).undo("pause", "n3").let(3)
    (late,) = ask(NAME, told.peers("n1", "n1", "n2").let(50).end().journal())
    assert (late.severity, late.node) == (Severity.VIOLATION, "n1")


def test_who_falls_out_of_a_list_late_counts_from_the_undo_too(ask: Ask) -> None:
    told = story().fault("pause", "n3").let(5).undo("pause", "n3").let(30)
    told.peers("n1", "n1", "n2").let(20)
    (late,) = ask(NAME, told.everybody_listed().let(1).end().journal())
    assert late.severity is Severity.VIOLATION
    told = story().fault("pause", "n3").let(5).undo("pause", "n3").let(60)
    told.peers("n1", "n1", "n2").let(0.5)
    (blink,) = ask(NAME, told.everybody_listed().let(1).end().journal())
    assert blink.severity is Severity.WARNING


def test_a_node_may_be_missing_from_its_own_list(ask: Ask) -> None:
    (finding,) = ask(NAME, story().peers("n2", "n1", "n3").let(10).end().journal())
    assert "lacked itself" in finding.message


def test_without_a_fault_a_list_that_stays_wrong_is_a_violation(ask: Ask) -> None:
    (finding,) = ask(NAME, story().peers("n2", "n1", "n3").let(60).end().journal())
    assert finding.severity is Severity.VIOLATION


def test_a_list_that_cannot_be_read_says_nothing_of_who_is_in_it(ask: Ask) -> None:
    told = story().peers("n2", "n1").let(1)
    told.record(ev.ReadMissed(node="n2", what="peers", reason="timed out"))
    found = ask(NAME, told.let(60).end().journal())
    assert {f.severity for f in found} == {Severity.WARNING}


def test_lists_that_were_never_read_are_a_gap(ask: Ask) -> None:
    told = Story().running().drill(NAME).peers("n1", "n1", "n2", "n3").let(1)
    found = ask(NAME, told.end().journal())
    assert [(f.severity, f.node) for f in found] == [(Severity.GAP, "n2"), (Severity.GAP, "n3")]


def test_a_drill_that_does_not_expect_it_is_warned_all_the_same() -> None:
    told = Story().running().everybody_listed().drill("membership-agrees")
    (drill,) = judge(told.peers("n2", "n1", "n3").let(60).end().journal()).drills
    assert [f.check for f in drill.of(Severity.WARNING)] == [NAME]
    assert drill.verdict is Verdict.PASS
