"""A drill's window: what belongs to it, who was away in it, which lives began in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from raftfleet.checks.window import Window, windows
from raftfleet.journal import events as ev
from raftfleet.testing.journal import Story

if TYPE_CHECKING:
    from raftfleet.journal import Journal


def only(journal: Journal) -> Window:
    (window,) = windows(journal)
    return window


@pytest.fixture
def two() -> list[Window]:
    """Two drills in one run: n2 is stopped and started in each, n3 between them."""
    told = Story().running()
    told.drill("starts").stop("n2").let(1).start("n2").let(1)
    told.record(ev.DrillEnded(drill="told"))
    told.let(1).stop("n3").let(1).start("n3").let(1)
    told.drill("starts").stop("n2").let(1).start("n2").let(1)
    return windows(told.end().journal())


def test_a_window_begins_with_its_first_event_and_ends_with_its_last(two: list[Window]) -> None:
    for window in two:
        events = window.events
        assert isinstance(events[0], ev.DrillStarted)
        assert isinstance(events[-1], ev.DrillEnded)
        assert (window.start, window.end) == (events[0].t, events[-1].t)
        assert window.journal.events[window.last] is events[-1]
        first = window.span.start
        assert [window.inside(i) for i in (first - 1, first, window.last, window.last + 1)] == [
            *(False, True, True, False)
        ]


def test_a_window_that_was_cut_short_goes_to_the_end_of_the_journal() -> None:
    window = only(Story().running().drill("starts").let(2).journal(ended=False))
    assert window.ended is None
    assert window.cut
    assert window.last == len(window.journal.events) - 1
    assert window.events[-1] is window.journal.events[-1]
    assert window.end == window.journal.events[-1].t


@pytest.mark.parametrize(("why", "cut"), [("", False), ("it did not run to its end", True)])
def test_an_aborted_drill_is_cut_though_it_ended(why: str, cut: bool) -> None:
    window = only(Story().running().drill("starts").let(2).end(aborted=why).journal())
    assert window.ended is not None
    assert window.cut is cut


def test_each_drill_begins_with_the_picture_the_one_before_left(two: list[Window]) -> None:
    first, second = two
    again = first.before.node("n3").incarnation, second.before.node("n3").incarnation
    assert again[0] is not None
    assert again[1] is not None
    assert again[0] != again[1]
    assert second.before.node("n2").incarnation == first.after.node("n2").incarnation


def test_only_lives_that_began_in_the_drill_were_started_in_it(two: list[Window]) -> None:
    assert [[life.node for life in window.started()] for window in two] == [["n2"], ["n2"]]
    first, second = (window.started()[0] for window in two)
    assert first.began < second.began


def test_a_node_is_away_from_the_first_sign_until_it_is_back_and_nobody_else_is() -> None:
    told = Story().running().drill("starts").let(1)
    told.stop("n2").let(3).start("n2").let(1)
    window = only(told.end().journal())
    (away,) = window.absences
    assert (away.node, away.kind) == ("n2", "stop")
    assert window.returns == (away,)
    middle = (away.lo + away.hi) / 2
    assert window.away("n2", away.lo)
    assert window.away("n2", middle)
    assert not window.away("n2", away.hi)
    assert not window.away("n2", math.nextafter(away.lo, 0))
    assert not window.away("n1", middle)


def test_who_is_cut_off_from_one_is_away_for_that_one_alone() -> None:
    told = Story().running().drill("starts").let(1)
    told.fault("partition", "n3", peers=("n1",)).let(3).undo("partition", "n3").let(1)
    window = only(told.end().journal())
    (away,) = window.absences
    middle = (away.lo + away.hi) / 2
    assert window.away("n3", middle)
    assert window.away("n3", middle, seen_from="n1")
    assert not window.away("n3", middle, seen_from="n2")
    assert not window.away("n3", middle, seen_from="n3")


def test_what_ended_before_the_drill_did_not_end_in_it(two: list[Window]) -> None:
    first, second = two
    assert [away.node for away in first.returns] == ["n2"]
    assert [away.node for away in second.returns] == ["n2"]
    assert [away.node for away in second.absences] == ["n2", "n3", "n2"]


def test_faults_of_the_drill_before_are_not_this_ones() -> None:
    told = Story().running().drill("starts").let(1)
    told.fault("pause", "n2").let(1).undo("pause", "n2").let(1)
    told.record(ev.DrillEnded(drill="told"))
    told.let(1).drill("starts").let(1)
    told.fault("partition", "n3").let(1).undo("partition", "n3").let(1)
    first, second = windows(told.end().journal())
    assert [fault.kind for fault in first.faults] == ["pause"]
    assert [fault.kind for fault in second.faults] == ["partition"]


def test_views_from_before_the_drill_are_those_of_the_life_that_said_them(
    two: list[Window],
) -> None:
    lives = [{view.node: view.life for view in window.opening} for window in two]
    assert lives[0] == {"n1": 1, "n2": 1, "n3": 1}
    assert lives[1] == {"n1": 1, "n2": 2, "n3": 2}
