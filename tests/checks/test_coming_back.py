"""`rejoins`, `converges` and `bystanders-alive`: nodes that come back, keep up, and were left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.journal.values import Incarnation, Role
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from .conftest import Ask


def story(*expects: str) -> Story:
    return Story().running().drill(*expects)


def grow(told: Story, to: int, *names: str) -> Story:
    for name in names:
        told.say(name, last_log=to, last_applied=to)
    return told


# --- rejoins ---------------------------------------------------------------------------------


def test_a_node_that_recovers_and_catches_up_is_fine(ask: Ask) -> None:
    told = grow(story("rejoins").stop("n3").let(1), 20, "n1", "n2")
    told.start("n3", last_log=12, last_applied=12).let(0.2)
    journal = grow(told, 20, "n3").let(1).end().journal()
    assert ask("rejoins", journal) == []


def test_catching_up_is_measured_against_the_instant_of_readiness_not_the_end(ask: Ask) -> None:
    told = grow(story("rejoins").stop("n3").let(1), 20, "n1", "n2").start("n3", last_applied=20)
    journal = grow(told.let(1), 30, "n1", "n2").let(1).end().journal()
    assert ask("rejoins", journal) == []


def test_who_has_reached_that_index_has_caught_up_though_the_leader_went_on(ask: Ask) -> None:
    told = grow(story("rejoins").stop("n3").let(1), 20, "n1", "n2").start("n3", last_applied=12)
    told = grow(told.let(1), 30, "n1", "n2").say("n3", last_log=30, last_applied=25)
    assert ask("rejoins", told.let(1).end().journal()) == []


def test_a_node_that_stays_behind_is_found(ask: Ask) -> None:
    told = grow(story("rejoins").stop("n3").let(1), 20, "n1", "n2")
    journal = told.start("n3", last_log=12, last_applied=12).let(2).end().journal()
    (finding,) = ask("rejoins", journal)
    assert finding.severity is Severity.VIOLATION
    assert "n3 did not catch up: data at 12 of 20" in finding.message


def test_a_node_that_joins_anew_is_found(ask: Ask) -> None:
    told = story("rejoins").stop("n3").start("n3", lines=["joining"]).let(1)
    (finding,) = ask("rejoins", told.end().journal())
    assert finding.severity is Severity.VIOLATION
    assert "joined the cluster anew" in finding.message


def test_a_wiped_node_has_to_join_anew(ask: Ask) -> None:
    told = story("rejoins").stop("n3")
    told.record(ev.NodeWiped(node="n3", paths=("/srv/n3",)))
    found = ask("rejoins", told.start("n3", lines=["joining"]).let(1).end().journal())
    assert [f.severity for f in found] == [Severity.NOTE]


def test_a_log_that_says_neither_is_a_gap(ask: Ask) -> None:
    told = story("rejoins").stop("n3").start("n3", lines=[]).let(1)
    (finding,) = ask("rejoins", told.end().journal())
    assert finding.severity is Severity.GAP
    assert "says neither" in finding.message


def test_a_missing_log_is_a_gap_that_names_the_file(ask: Ask) -> None:
    told = story("rejoins").stop("n3").start("n3").let(1)
    (finding,) = ask("rejoins", told.end(missing=["n3"]).journal())
    assert finding.severity is Severity.GAP
    assert "/srv/n3/server.log" in finding.message


def test_the_lines_of_the_life_before_do_not_count(ask: Ask) -> None:
    told = story("rejoins").stop("n3").let(1).start("n3", lines=["recovering"]).let(2)
    told.stop("n3").let(2).start("n3", lines=["joining"]).let(1)
    found = ask("rejoins", told.end().journal())
    assert [f.severity for f in found] == [Severity.VIOLATION]


def test_a_node_that_does_not_come_back_is_found(ask: Ask) -> None:
    told = story("rejoins").stop("n3").spawn("n3", lines=["recovering"]).let(5)
    (finding,) = ask("rejoins", told.end().journal())
    assert "n3 did not come back" in finding.message


def test_a_node_that_was_down_before_the_drill_counts_as_coming_back(ask: Ask) -> None:
    told = Story().running().stop("n3").drill("rejoins").start("n3").let(1)
    assert ask("rejoins", told.end().journal()) == []


def test_without_a_return_there_is_nothing_to_judge(ask: Ask) -> None:
    assert [f.severity for f in ask("rejoins", story("rejoins").let(1).end().journal())] == [
        Severity.GAP
    ]


def test_without_a_leader_nothing_can_be_caught_up_with(ask: Ask) -> None:
    told = story("rejoins").stop("n1").stop("n3").let(1)
    told.start("n3", role=Role.FOLLOWER, leader=None).let(1)
    found = ask("rejoins", told.end().journal())
    assert [f.severity for f in found] == [Severity.GAP]
    assert "no group had a leader" in found[0].message


# --- converges -------------------------------------------------------------------------------


def test_nodes_at_rest_converge(ask: Ask) -> None:
    assert ask("converges", story("converges").let(6).end().journal()) == []


def test_live_writes_do_not_disturb_a_watermark(ask: Ask) -> None:
    told = story("converges")
    for index in range(11, 60):
        grow(told.let(0.2), index, "n1")
        grow(told, index - 3, "n2", "n3")
    assert ask("converges", told.end().journal()) == []


def test_a_node_that_stands_still_is_found(ask: Ask) -> None:
    told = story("converges")
    for index in range(11, 60):
        grow(told.let(0.2), index, "n1", "n2")
    (finding,) = ask("converges", told.end().journal())
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n3")
    assert "data at 10 of" in finding.message


def test_a_node_left_down_need_not_converge(ask: Ask) -> None:
    told = grow(story("converges").stop("n3").let(1), 20, "n1", "n2").let(6)
    assert ask("converges", told.end().journal()) == []


def test_a_node_that_nobody_hears_any_more_is_a_gap(ask: Ask) -> None:
    told = story("converges")
    told.silent.add("n3")
    (finding,) = ask("converges", grow(told.let(3), 20, "n1", "n2").let(6).end().journal())
    assert (finding.severity, finding.node) == (Severity.GAP, "n3")


def test_without_a_leader_or_anybody_up_there_is_a_gap(ask: Ask) -> None:
    leaderless = story("converges").stop("n1").let(6).end().journal()
    assert [f.group for f in ask("converges", leaderless, Severity.GAP)] == ["data"]
    told = story("converges").stop("n1").stop("n2").stop("n3")
    (finding,) = ask("converges", told.end().journal())
    assert finding.message == "no node was up when the drill ended"


# --- bystanders-alive ------------------------------------------------------------------------


def test_bystanders_that_were_looked_at_again_are_fine(ask: Ask) -> None:
    told = story("bystanders-alive").stop("n3").let(1).start("n3").let(1)
    assert ask("bystanders-alive", told.end().journal()) == []


def test_answering_is_no_proof_of_being_the_same_process(ask: Ask) -> None:
    told = story("bystanders-alive").stop("n3").let(1)
    told.record(ev.DrillEnded(drill="told"))
    found = ask("bystanders-alive", told.journal())
    assert {(f.severity, f.node) for f in found} == {(Severity.GAP, "n1"), (Severity.GAP, "n2")}


def test_a_look_before_the_last_action_is_not_enough(ask: Ask) -> None:
    told = story("bystanders-alive")
    for name in told.nodes:
        told.found(name)
    told.stop("n3").record(ev.DrillEnded(drill="told"))
    assert {f.node for f in ask("bystanders-alive", told.journal())} == {"n1", "n2"}


def test_a_bystander_that_restarted_unseen_is_found(ask: Ask) -> None:
    told = story("bystanders-alive").stop("n3").let(1)
    told.lives["n2"] = Incarnation(555, 77, 2)
    (finding,) = ask("bystanders-alive", told.end().journal())
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n2")
    assert "not the process it was" in finding.message


def test_a_bystander_that_is_gone_is_found(ask: Ask) -> None:
    told = story("bystanders-alive").stop("n3").let(1)
    told.up.discard("n2")
    assert [f.node for f in ask("bystanders-alive", told.end().journal())] == ["n2"]
    told = story("bystanders-alive").stop("n3").let(1).gone("n2", status=-9)
    (finding,) = ask("bystanders-alive", told.end().journal())
    assert "ended by itself (status -9)" in finding.message


def test_when_every_node_was_touched_there_is_no_bystander(ask: Ask) -> None:
    told = story("bystanders-alive")
    for name in told.nodes:
        told.stop(name)
    assert ask("bystanders-alive", told.end().journal()) == []


def test_when_no_process_was_ever_looked_at_there_is_a_gap(ask: Ask) -> None:
    def unseen(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.NodeFound) else event

    journal = doctored(story("bystanders-alive").let(1).end().journal(), unseen)
    assert [f.severity for f in ask("bystanders-alive", journal)] == [Severity.GAP]


def test_a_log_that_begins_anew_without_a_start_of_ours_is_found(ask: Ask) -> None:
    told = story("bystanders-alive").stop("n3").let(1)
    told.start("n3", lines=["configured", "recovering"]).let(5)
    assert ask("bystanders-alive", told.end().journal()) == []
    told = story("bystanders-alive").let(1)
    told.log("n2", "configured")
    (finding,) = ask("bystanders-alive", told.let(1).end().journal())
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n2")
    assert "that nobody had started" in finding.message


def test_a_process_of_another_counter_is_the_same_process(ask: Ask) -> None:
    def uncounted(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.NodeFound) and event.incarnation is not None:
            return replace(event, incarnation=replace(event.incarnation, counter=0))
        return event

    journal = story("bystanders-alive").stop("n3").let(1).start("n3").let(1).end().journal()
    assert ask("bystanders-alive", doctored(journal, uncounted)) == []
