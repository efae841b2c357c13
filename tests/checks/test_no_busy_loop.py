"""A node that burns a core at rest is found, one that works is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from .conftest import Ask

NAME = "no-busy-loop"


def test_a_busy_loop_at_rest_is_a_violation(ask: Ask) -> None:
    told = Story().running().drill(NAME)
    told.cpu["n2"] = 0.99
    (finding,) = ask(NAME, told.let(10).end().journal())
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n2")
    assert "a whole core for 10 s" in finding.message


def test_a_burst_is_none(ask: Ask) -> None:
    told = Story().running().drill(NAME).let(2)
    told.cpu["n2"] = 1.0
    told.let(3)
    told.cpu["n2"] = 0.01
    assert ask(NAME, told.let(5).end().journal()) == []


def test_a_node_at_rest_that_rests_is_none(ask: Ask) -> None:
    assert ask(NAME, Story().running().drill(NAME).let(10).end().journal()) == []


def test_work_while_others_are_away_or_just_back_is_none(ask: Ask) -> None:
    told = Story().running().drill(NAME)
    told.cpu["n1"] = 1.0
    told.stop("n3").let(10).start("n3").let(4)
    told.cpu["n1"] = 0.01
    assert ask(NAME, told.let(8).end().journal()) == []


def test_a_loop_that_goes_on_after_the_others_are_back_is_found(ask: Ask) -> None:
    told = Story().running().drill(NAME).stop("n3")
    told.cpu["n1"] = 1.0
    found = ask(NAME, told.let(10).start("n3").let(15).end().journal())
    assert [f.node for f in found] == ["n1"]


def test_without_samples_at_rest_it_is_not_known(ask: Ask) -> None:
    def unsampled(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.NodeBusy) and event.node == "n2" else event

    journal = doctored(Story().running().drill(NAME).let(10).end().journal(), unsampled)
    assert [(f.severity, f.node) for f in ask(NAME, journal)] == [(Severity.GAP, "n2")]
