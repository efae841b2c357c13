"""`starts` believes only a node that is really up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from .conftest import Ask


def restarted() -> Story:
    return Story().running().drill("starts").stop("n3").let(1).start("n3").let(1)


def test_a_node_that_is_up_is_fine(ask: Ask) -> None:
    assert ask("starts", restarted().end().journal()) == []


def test_without_a_start_there_is_nothing_to_judge(ask: Ask) -> None:
    journal = Story().running().drill("starts").stop("n3").end().journal()
    assert [f.severity for f in ask("starts", journal)] == [Severity.GAP]


def test_a_node_that_never_became_ready_is_found(ask: Ask) -> None:
    def without_ready(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.NodeReady) else event

    (finding,) = ask("starts", doctored(restarted().end().journal(), without_ready))
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n3")
    assert "never became ready" in finding.message


def test_a_drill_that_was_cut_leaves_readiness_open(ask: Ask) -> None:
    story = Story().running().drill("starts").stop("n3").spawn("n3")
    (finding,) = ask("starts", story.journal(ended=False))
    assert finding.severity is Severity.GAP


def test_a_node_that_dies_after_it_was_ready_is_found(ask: Ask) -> None:
    journal = restarted().gone("n3", status=1).end().journal()
    (finding,) = ask("starts", journal)
    assert finding.severity is Severity.VIOLATION
    assert "died after it said it was ready (status 1)" in finding.message


def test_a_node_that_vanishes_unseen_after_it_was_ready_is_found(ask: Ask) -> None:
    story = restarted()
    story.up.discard("n3")
    (finding,) = ask("starts", story.end().journal())
    assert "was not there any more" in finding.message


def test_a_node_that_dies_before_it_is_ready_is_found(ask: Ask) -> None:
    story = Story().running().drill("starts").stop("n3").spawn("n3").let(0.3).gone("n3", status=101)
    (finding,) = ask("starts", story.end().journal())
    assert "ended before it was ready (status 101)" in finding.message


def test_the_last_error_of_a_node_that_died_is_told_with_it(ask: Ask) -> None:
    told = Story().running().drill("starts").stop("n3").let(1).spawn("n3").let(0.5)
    told.lines("n3", "the port is taken", level="ERROR")
    told.lines("n1", "nothing of mine", level="ERROR")
    told.let(0.5).gone("n3", status=1)
    (finding,) = ask("starts", told.end().journal())
    assert finding.message.endswith("(status 1); it said: the port is taken")


def test_a_port_that_is_not_held_is_named(ask: Ask) -> None:
    def deaf(event: ev.Event) -> ev.Event:
        return replace(event, listening=()) if isinstance(event, ev.NodeReady) else event

    (finding,) = ask("starts", doctored(restarted().end().journal(), deaf))
    assert "does not listen on raft (7000)" in finding.message


def test_a_node_that_does_not_see_itself_as_a_voter_is_found(ask: Ask) -> None:
    def unseen(event: ev.Event) -> ev.Event:
        return replace(event, seen_by=("n1", "n2")) if isinstance(event, ev.NodeReady) else event

    (finding,) = ask("starts", doctored(restarted().end().journal(), unseen))
    assert "does not see itself" in finding.message


def test_an_intent_without_a_process_is_found(ask: Ask) -> None:
    story = Story().running().drill("starts").stop("n3")
    story.record(ev.NodeStartIntent(node="n3"))
    journal = story.collect().journal()
    assert [f.severity for f in ask("starts", journal)] == [Severity.GAP]
    story = Story().running().drill("starts").stop("n3")
    story.record(ev.NodeStartIntent(node="n3"))
    story.record(ev.DrillEnded(drill="told"))
    (finding,) = ask("starts", story.journal())
    assert finding.message == "n3 could not be started"
    assert finding.severity is Severity.VIOLATION
