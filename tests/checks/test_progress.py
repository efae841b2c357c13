"""Outages are measured through every node and through any, and held against a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.checks import Severity, judge
from raftfleet.journal import events as ev
from raftfleet.journal.values import Role
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    from raftfleet.checks import Outage
    from raftfleet.journal import Journal

    from .conftest import Ask


def story(**declared: Any) -> Story:
    told = Story().running().drill("progress", **declared)
    return told.writer("n2").writer("n3").writes(1, via="n2")


def failed_over(seconds: float, **declared: Any) -> Journal:
    told = story(**declared).stop("n1").writes(seconds, "unknown", via="n2")
    told.elect("n2", term=2).writes(1, via="n2")
    told.start("n1", role=Role.FOLLOWER, leader="n2", term=2).writes(1, via="n2")
    return told.end().journal()


def outages(journal: Journal) -> dict[str, list[Outage]]:
    (drill,) = judge(journal).drills
    found: dict[str, list[Outage]] = {}
    for outage in drill.outages:
        found.setdefault(outage.via, []).append(outage)
    return found


def test_an_outage_lies_between_two_acknowledged_writes_and_has_a_cause() -> None:
    found = outages(failed_over(4))
    (through,) = found["n2"]
    (overall,) = found[""]
    assert through.seconds == pytest.approx(4.3, abs=0.15)
    assert overall.failed == 40
    assert overall.cause == "stop of n1"
    assert overall.ended


def test_how_long_it_lasted_lies_between_failures_and_acknowledged_writes() -> None:
    journal = failed_over(4)
    (overall,) = outages(journal)[""]
    writes = [event for event in journal.events if isinstance(event, ev.WriteEnded)]
    failed = [one for one in writes if one.outcome != "ok"]
    before = [one for one in writes if one.outcome == "ok" and one.t <= overall.start]
    assert overall.lasted.lo == pytest.approx(failed[-1].sent - failed[0].t)
    assert overall.lasted.hi == pytest.approx(overall.end - before[-1].sent)
    assert overall.lasted.lo < overall.seconds < overall.lasted.hi


def test_where_one_node_never_failed_nothing_says_how_short_an_outage_was() -> None:
    told = story().writes(1, via="n3").stop("n1").writes(4, "unknown", via="n2")
    told.elect("n2", term=2).writes(1, via="n2")
    (overall,) = outages(told.end().journal())[""]
    assert overall.lasted.lo == 0
    assert overall.lasted.hi >= overall.seconds


def test_one_node_that_refuses_is_no_outage_of_all() -> None:
    told = story()
    for _ in range(20):
        told.write("a", f"{told.now}", via="n2").write("b", "x", "refused", via="n3").let(0.08)
    found = outages(told.end().journal())
    assert list(found) == ["n3"]


def test_slots_that_could_not_be_sent_count_as_outage() -> None:
    told = story()
    since = told.now
    told.let(3)
    told.record(ev.WriteSkipped(writer="w-n2", via="n2", intended=since, until=told.now, count=30))
    (overall,) = outages(told.writes(1, via="n2").end().journal())[""]
    assert overall.failed == 30
    assert overall.seconds == pytest.approx(3.1, abs=0.1)


def test_one_slow_write_is_an_outage_too() -> None:
    told = story().write("slow", "1", via="n2", took=3).writes(1, via="n2")
    (overall,) = outages(told.end().journal())[""]
    assert overall.seconds == pytest.approx(3.1, abs=0.1)


def test_an_outage_without_an_end_is_at_least_so_long() -> None:
    told = story().stop("n1").writes(3, "unknown", via="n2")
    (overall,) = outages(told.end().journal())[""]
    assert not overall.ended


def test_within_the_budget_nothing_is_said(ask: Ask) -> None:
    assert ask("progress", failed_over(4, budget={"outage": 5.0})) == []
    assert ask("progress", failed_over(4)) == []  # the timing allows 6.75 s


def test_beyond_the_budget_is_a_violation_that_names_the_cause(ask: Ask) -> None:
    (finding,) = ask("progress", failed_over(4, budget={"outage": 3.0}))
    assert finding.severity is Severity.VIOLATION
    assert finding.cause == "stop of n1"
    assert "(budget 3 s): stop of n1" in finding.message


def test_a_drill_that_takes_the_quorum_away_expects_writes_to_stop(ask: Ask) -> None:
    journal = failed_over(4, budget={"outage": 3.0}, allow_quorum_loss=True)
    assert [f.severity for f in ask("progress", journal)] == [Severity.NOTE]


def test_an_outage_long_after_the_heal_is_put_down_to_the_fault(ask: Ask) -> None:
    told = story(budget={"outage": 1.0}).fault("partition", "n3", peers=["n1", "n2"])
    told.writes(2, via="n2").undo("partition", "n3").writes(30, via="n2")
    told.writes(2, "unknown", via="n2").writes(1, via="n2")
    (finding,) = ask("progress", told.end().journal())
    assert finding.cause.startswith("partition of n3, over 29.9 s")


def test_a_slow_writer_beside_fast_ones_hides_no_outage() -> None:
    told = Story().running().drill("progress").writer("n2").writer("n3")
    told.record(ev.WriterStarted(writer="creates", kind="create", via="n2", period=1.5))
    told.writes(1, via="n2").stop("n1").writes(4, "unknown", via="n2")
    told.elect("n2", term=2).writes(1, via="n2")
    (overall,) = outages(told.end().journal())[""]
    assert overall.seconds == pytest.approx(4.3, abs=0.15)


def test_an_outage_through_one_node_only_is_a_warning(ask: Ask) -> None:
    told = story(budget={"outage": 1.0})
    for number in range(15):
        told.write("a", f"{number}", via="n2").write("b", f"{number}", "unknown", via="n3").let(0.1)
    found = ask("progress", told.end().journal())
    assert [(f.severity, f.node) for f in found] == [(Severity.WARNING, "n3")]


def test_without_writes_or_timing_it_is_not_known(ask: Ask) -> None:
    told = Story().running().drill("progress").let(2)
    assert [f.message for f in ask("progress", told.end().journal())] == [
        "nothing was written during the drill"
    ]
    told = Story(timing=None).running().drill("progress").writer("n1").writes(1)
    assert [f.severity for f in ask("progress", told.end().journal())] == [Severity.GAP]


def test_writers_that_missed_the_fault_or_the_end_are_a_gap(ask: Ask) -> None:
    told = story().writer_stops("n2").writer_stops("n3")
    told.let(1).stop("n1").let(3).elect("n2", term=2).let(1)
    told.start("n1", role=Role.FOLLOWER, leader="n2", term=2).let(6)
    found = ask("progress", told.end().journal())
    assert {f.severity for f in found} == {Severity.GAP}
    assert [f.message.split(" the ")[0] for f in found] == [
        "nothing was written during",
        "nothing was written in",
    ]
