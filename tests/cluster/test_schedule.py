"""Slots are due whether or not anybody answers, and what could not be sent is told."""

from __future__ import annotations

from raftfleet.cluster.schedule import Missed, Schedule


def test_a_slot_keeps_the_time_it_was_due_at_however_late_it_is_sent() -> None:
    schedule = Schedule(10.0, 0.5, most=4)
    assert schedule.take(10.0) == ([10.0], [])
    assert schedule.take(11.2) == ([10.5, 11.0], [])
    assert schedule.next == 11.5


def test_answers_do_not_move_the_schedule() -> None:
    schedule = Schedule(0.0, 1.0, most=2)
    assert schedule.take(0.0)[0] == [0.0]
    schedule.done()
    assert schedule.take(0.9) == ([], [])
    assert schedule.take(1.0)[0] == [1.0]


def test_no_more_than_so_many_are_under_way_and_the_rest_is_missed() -> None:
    schedule = Schedule(0.0, 0.1, most=2)
    sent, missed = schedule.take(0.45)
    assert sent == [0.0, 0.1]
    assert missed == []
    assert schedule.under_way == 2
    schedule.done()
    sent, missed = schedule.take(0.5)
    assert [round(slot, 1) for slot in sent] == [0.5]
    (told,) = missed
    assert (round(told.intended, 1), round(told.until, 1), told.count) == (0.2, 0.4, 3)
    assert told.reason == "2 writes were under way"


def test_what_stays_missed_is_told_every_second() -> None:
    schedule = Schedule(0.0, 0.5, most=1)
    schedule.take(0.0)
    assert schedule.take(1.0)[1] == []
    assert schedule.take(1.5) == ([], [Missed(0.5, 1.5, 3, "1 writes were under way")])
    assert schedule.take(2.0)[1] == []
    assert schedule.end() == [Missed(2.0, 2.0, 1, "1 writes were under way")]
    assert schedule.end() == []
