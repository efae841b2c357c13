"""Exit classes: latency, status and log lines together, and never a clean class without a log."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from raftfleet.checks import ExitClass, Severity, judge
from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval
from raftfleet.testing.journal import GRACEFUL, Story, doctored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.checks import Exit

    from .conftest import Ask


def story() -> Story:
    return Story().running().drill("exits-graceful")


def only_exit(told: Story, *, missing: Iterable[str] = ()) -> Exit:
    (one,) = judge(told.end(missing=missing).journal()).exits
    return one


@pytest.mark.parametrize("lines", [GRACEFUL, tuple(reversed(GRACEFUL))])
def test_both_lines_status_0_and_in_time_is_graceful(lines: tuple[str, ...]) -> None:
    one = only_exit(story().stop("n3", lines=lines))
    assert one.kind is ExitClass.GRACEFUL
    assert one.latency is not None
    assert one.latency.lo <= 0.2 <= one.latency.hi


def test_faster_than_anybody_expects_is_graceful_too() -> None:
    assert only_exit(story().stop("n3", took=0.002)).kind is ExitClass.GRACEFUL


def test_over_the_bound_is_slow() -> None:
    assert only_exit(story().stop("n3", took=2.5)).kind is ExitClass.SLOW


def test_a_signal_during_start_up_may_take_longer_and_is_late() -> None:
    told = story().stop("n3").spawn("n3").let(0.5).stop("n3", took=3.9).end().journal()
    _, one = judge(told).exits
    assert (one.kind, one.late) == (ExitClass.GRACEFUL, True)


def test_status_0_without_the_second_line_is_the_watchdog() -> None:
    one = only_exit(story().stop("n3", lines=["shutdown_requested"]))
    assert one.kind is ExitClass.FORCED
    assert "stopping now" in one.why


def test_status_0_without_any_line_is_never_graceful() -> None:
    assert only_exit(story().stop("n3", lines=[])).kind is ExitClass.FORCED


def test_the_watchdogs_latency_is_forced_whatever_the_log_says() -> None:
    assert only_exit(story().stop("n3", took=20.06)).kind is ExitClass.FORCED


@pytest.mark.parametrize("status", [0, 1])
def test_the_forced_line_is_forced_whatever_the_status(status: int) -> None:
    told = story().stop("n3", status=status, lines=[*GRACEFUL, "forced"])
    assert only_exit(told).kind is ExitClass.FORCED


def test_killed_by_our_own_signal_before_a_handler_was_there_is_killed_early(ask: Ask) -> None:
    told = story().stop("n3", status=-2, lines=[], took=0.01)
    journal = told.end().journal()
    (one,) = judge(journal).exits
    assert one.kind is ExitClass.KILLED
    (finding,) = ask("exits-graceful", journal)
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n3")
    assert "killed early" in finding.message


def test_after_sigkill_killed_is_expected_and_needs_no_log(ask: Ask) -> None:
    journal = story().stop("n3", "KILL", status=-9, lines=[]).end(missing=["n3"]).journal()
    (one,) = judge(journal).exits
    assert one.kind is ExitClass.KILLED
    assert ask("exits-graceful", journal) == []


@pytest.mark.parametrize("status", [1, 101, -11, -9])
def test_any_other_status_or_signal_is_a_crash(status: int) -> None:
    assert only_exit(story().stop("n3", status=status)).kind is ExitClass.CRASHED


def test_an_exit_nobody_asked_for_is_a_crash_even_with_status_0(ask: Ask) -> None:
    journal = story().gone("n2", status=0).end().journal()
    (one,) = judge(journal).exits
    assert (one.kind, one.latency) == (ExitClass.CRASHED, None)
    assert [f.node for f in ask("exits-graceful", journal)] == ["n2"]


def test_a_crash_just_before_our_signal_is_still_a_crash() -> None:
    told = story()
    crashed = Interval(told.now, told.now + 0.01)
    told.let(0.1).signal("n3")
    life = told.lives["n3"]
    told.record(ev.NodeExited(node="n3", incarnation=life, at=crashed, status=0))
    told.up.discard("n3")
    one = only_exit(told)
    assert (one.kind, one.signal) == (ExitClass.CRASHED, "")


def test_alive_at_the_deadline_is_none_and_shows_what_it_ignores(ask: Ask) -> None:
    journal = story().resist("n3", sigign="0000000000000003").end().journal()
    (one,) = judge(journal).exits
    assert (one.kind, one.status) == (ExitClass.NONE, None)
    (finding,) = ask("exits-graceful", journal)
    assert "started to ignore (SigIgn 0000000000000003)" in finding.message


def test_a_mask_without_the_signal_is_shown_as_it_is() -> None:
    told = story().resist("n3", "TERM", sigign="0000000000000003")
    assert only_exit(told).why.endswith("(SigIgn 0000000000000003)")


def test_a_second_signal_that_works_is_judged_by_itself() -> None:
    told = story().resist("n3").let(1).stop("n3", "TERM")
    journal = told.end().journal()
    assert [(e.kind, e.signal) for e in judge(journal).exits] == [
        (ExitClass.NONE, "INT"),
        (ExitClass.GRACEFUL, "TERM"),
    ]


def test_a_missing_log_gives_no_class_and_names_the_file(ask: Ask) -> None:
    journal = story().stop("n3").end(missing=["n3"]).journal()
    (one,) = judge(journal).exits
    assert one.kind is ExitClass.UNKNOWN
    (finding,) = ask("exits-graceful", journal)
    assert finding.severity is Severity.GAP
    assert "/srv/n3/server.log" in finding.message


def test_a_log_that_nobody_collected_gives_no_class() -> None:
    def uncollected(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.LogCollected) and event.node == "n3" else event

    (one,) = judge(doctored(story().stop("n3").end().journal(), uncollected)).exits
    assert one.kind is ExitClass.UNKNOWN


def test_lines_whose_stamps_cannot_be_placed_give_no_class() -> None:
    def unplaced(event: ev.Event) -> ev.Event:
        return replace(event, at=Interval(0, math.inf)) if isinstance(event, ev.LogLine) else event

    (one,) = judge(doctored(story().stop("n3").end().journal(), unplaced)).exits
    assert one.kind is ExitClass.UNKNOWN
    assert "cannot be placed" in one.why


def test_a_status_that_nobody_kept_gives_no_class() -> None:
    assert only_exit(story().stop("n3", status=None)).kind is ExitClass.UNKNOWN


def test_the_lines_of_an_earlier_life_do_not_count_for_a_later_one() -> None:
    told = story().stop("n3").let(2).start("n3").let(2).stop("n3", lines=[])
    kinds = [one.kind for one in judge(told.end().journal()).exits]
    assert kinds == [ExitClass.GRACEFUL, ExitClass.FORCED]


def test_the_lines_of_a_later_life_do_not_count_for_an_earlier_one() -> None:
    told = story().stop("n3", lines=[]).spawn("n3").let(0.1).stop("n3", took=0.1)
    kinds = [one.kind for one in judge(told.end().journal()).exits]
    assert kinds == [ExitClass.FORCED, ExitClass.GRACEFUL]


def test_without_a_stamp_on_the_host_the_latency_comes_from_both_ends() -> None:
    def unstamped(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.NodeExited):
            return event
        return replace(event, latency=None, at=Interval(event.t - 0.01, event.t))

    (one,) = judge(doctored(story().stop("n3").end().journal(), unstamped)).exits
    assert one.latency is not None
    assert one.latency.lo < 0.2 <= one.latency.hi + 1e-9


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (lambda: story().stop("n3", took=2.5), "n3 exited slowly 2.50 s after SIGINT"),
        (lambda: story().stop("n3", lines=[]), "ended by its own watchdog"),
        (lambda: story().stop("n3", status=101), "n3 crashed"),
        (lambda: story().resist("n3"), "did not exit"),
    ],
)
def test_every_class_but_graceful_is_a_violation(ask: Ask, told: object, words: str) -> None:
    assert callable(told)
    (finding,) = ask("exits-graceful", told().end().journal())
    assert finding.severity is Severity.VIOLATION
    assert words in finding.message


def test_graceful_exits_say_nothing(ask: Ask) -> None:
    journal = story().stop("n3").let(1).start("n3").let(1).stop("n2", "TERM").end().journal()
    assert ask("exits-graceful", journal) == []


def test_without_an_exit_there_is_nothing_to_judge(ask: Ask) -> None:
    (finding,) = ask("exits-graceful", story().let(2).end().journal())
    assert finding.severity is Severity.GAP
