"""`membership-agrees` and `membership-unchanged` look at every view, all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from .conftest import Ask

OTHER = (("n1", "n2"),)
JOINT = (("n1", "n2", "n3"), ("n1", "n2"))


def story() -> Story:
    return Story().running().drill("membership-agrees", "membership-unchanged")


@pytest.mark.parametrize("name", ["membership-agrees", "membership-unchanged"])
def test_a_stable_cluster_is_fine(ask: Ask, name: str) -> None:
    told = story().stop("n3").let(2).start("n3").let(2)
    assert ask(name, told.end().journal()) == []


@pytest.mark.parametrize("name", ["membership-agrees", "membership-unchanged"])
def test_without_any_voters_shown_there_is_a_gap(ask: Ask, name: str) -> None:
    def mute(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.StatusSeen):
            return event
        groups = {g: replace(s, voters=None) for g, s in event.groups.items()}
        return replace(event, groups=groups)

    (finding,) = ask(name, doctored(story().let(1).end().journal(), mute))
    assert (finding.severity, finding.group) == (Severity.GAP, "data")


def test_a_difference_at_the_end_is_found(ask: Ask) -> None:
    (finding,) = ask("membership-agrees", story().say("n3", voters=OTHER).end().journal())
    assert finding.severity is Severity.VIOLATION
    assert "n3 sees [n1 n2]" in finding.message


def test_a_difference_that_lasts_is_found_once_though_it_ends(ask: Ask) -> None:
    told = story().say("n3", voters=OTHER).let(7).say("n3", voters=(("n1", "n2", "n3"),)).let(1)
    (finding,) = ask("membership-agrees", told.end().journal())
    assert "for more than 5 s" in finding.message


def test_a_change_on_its_way_is_no_disagreement_but_it_is_a_change(ask: Ask) -> None:
    told = story()
    for voters in (JOINT, OTHER):
        for name in told.nodes:
            told.say(name, voters=voters).let(0.02)
    journal = told.let(1).end().journal()
    assert ask("membership-agrees", journal) == []
    found = ask("membership-unchanged", journal)
    assert {(f.severity, f.node) for f in found} == {
        (Severity.VIOLATION, name) for name in told.nodes
    }


def test_a_change_that_was_gone_again_in_between_is_found(ask: Ask) -> None:
    told = story().say("n2", voters=JOINT).let(0.02).say("n2", voters=(told_voters(),)).let(1)
    (finding,) = ask("membership-unchanged", told.end().journal())
    assert finding.node == "n2"
    assert "[n1 n2 n3] and [n1 n2]" in finding.message


def told_voters() -> tuple[str, ...]:
    return ("n1", "n2", "n3")


def test_a_node_that_forgets_its_voters_is_found(ask: Ask) -> None:
    told = story().stop("n3").let(1).start("n3", voters=()).let(1)
    (finding,) = ask("membership-unchanged", told.end().journal())
    assert "n3 knows of no voters" in finding.message


def test_a_starting_node_may_know_no_voters_yet(ask: Ask) -> None:
    told = story().stop("n3").spawn("n3").let(0.1).say("n3", voters=()).let(0.2)
    told.say("n3", voters=(told_voters(),)).ready("n3").let(6)
    journal = told.end().journal()
    assert ask("membership-agrees", journal) == []
    assert ask("membership-unchanged", journal) == []


def test_one_node_alone_cannot_agree(ask: Ask) -> None:
    told = Story().running()
    told.stop("n2").stop("n3").drill("membership-agrees").let(3)
    (finding,) = ask("membership-agrees", told.end().journal())
    assert finding.severity is Severity.GAP


def cut_off_during_a_change(heals_after: float) -> Story:
    told = Story().running().drill("membership-agrees").fault("partition", "n3", peers=["n1", "n2"])
    told.let(1).say("n1", voters=(("n1", "n2"),)).say("n2", voters=(("n1", "n2"),)).let(20)
    return told.undo("partition", "n3").let(heals_after)


def test_a_node_that_is_cut_off_need_not_know_of_a_change(ask: Ask) -> None:
    told = cut_off_during_a_change(1).say("n3", voters=(("n1", "n2"),)).let(9)
    assert ask("membership-agrees", told.end().journal()) == []


def test_but_it_must_hear_of_it_afterwards(ask: Ask) -> None:
    (finding,) = ask("membership-agrees", cut_off_during_a_change(9).end().journal())
    assert finding.severity is Severity.VIOLATION


def test_nodes_started_while_they_are_cut_off_must_still_find_each_other(ask: Ask) -> None:
    told = Story().running().drill("membership-agrees").stop("n3").let(1)
    told.fault("partition", "n3", peers=["n1", "n2"]).let(0.1)
    told.start("n3", voters=(("n3",),)).let(10)
    assert ask("membership-agrees", told.end().journal(), Severity.VIOLATION)
