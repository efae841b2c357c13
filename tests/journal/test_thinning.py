"""Rising indices are thinned; everything that matters is written at once and in order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from raftfleet.clock import FakeClock
from raftfleet.journal import Recorder, StatusThinner
from raftfleet.journal import events as ev
from raftfleet.journal.values import GroupStatus, Role

POLL = 0.02
BASE = GroupStatus(
    term=1, role=Role.LEADER, leader="n1", last_log=10, last_applied=10, voters=(("n1", "n2"),)
)


class Polls:
    """Polls a node every 20 ms of a fake clock, through a recorder's own thinner."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.recorder = Recorder(None, self.clock)
        self.thinner = self.recorder.thinner()
        self.groups: dict[str, GroupStatus] = {"data": BASE, "meta": BASE}

    def poll(self, **changes: object) -> None:
        self.groups["data"] = replace(self.groups["data"], **changes)
        since = self.clock.monotonic()
        self.clock.advance(POLL)
        self.thinner.saw("n1", self.groups, since)

    def seen(self) -> list[ev.StatusSeen]:
        events = (record.event for record in self.recorder._kept)
        return [event for event in events if isinstance(event, ev.StatusSeen)]


def test_the_first_answer_is_written_whole() -> None:
    polls = Polls()
    polls.poll()
    assert [e.groups for e in polls.seen()] == [{"data": BASE, "meta": BASE}]


def test_polls_without_a_change_write_nothing_but_a_renewal_now_and_then() -> None:
    polls = Polls()
    for _ in range(300):
        polls.poll(quorum_ack_age=polls.clock.monotonic() % 1)
    assert 3 <= len(polls.seen()) <= 4


@pytest.mark.parametrize(
    "change",
    [
        {"term": 2},
        {"role": Role.FOLLOWER},
        {"leader": None},
        {"voters": (("n1", "n2"), ("n1",))},
        {"learners": ("n3",)},
        {"last_applied": 9},
        {"last_log": 9},
        {"last_applied": None},
    ],
)
def test_whatever_matters_is_written_at_once_with_the_polls_around_it(
    change: dict[str, object],
) -> None:
    polls = Polls()
    polls.poll()
    polls.poll(**change)
    event = polls.seen()[-1]
    assert set(event.groups) == {"data"}
    assert event.t - event.since == pytest.approx(POLL)
    assert event.t == pytest.approx(polls.clock.monotonic())


def test_rising_indices_are_written_five_times_a_second_and_the_last_one_is_not_lost() -> None:
    polls = Polls()
    for index in range(11, 61):
        polls.poll(last_log=index, last_applied=index)
    for _ in range(15):
        polls.poll()
    events = polls.seen()
    assert 4 <= len(events) - 1 <= 7
    assert events[-1].groups["data"].last_applied == 60


def test_what_is_held_back_is_written_before_any_other_event() -> None:
    polls = Polls()
    polls.poll()
    polls.poll(last_applied=11)
    polls.poll(last_applied=12)
    polls.recorder.record(ev.PlayEnded(play="p"))
    before, held, other = (record.event for record in polls.recorder._kept)
    assert isinstance(before, ev.StatusSeen)
    assert isinstance(held, ev.StatusSeen)
    assert isinstance(other, ev.PlayEnded)
    assert held.groups["data"].last_applied == 12
    assert held.t <= other.t
    assert held.since == pytest.approx(before.t)


def test_an_urgent_change_comes_after_the_rise_before_it_and_keeps_its_own_interval() -> None:
    polls = Polls()
    polls.poll()
    polls.poll(last_applied=11)
    polls.poll(role=Role.FOLLOWER)
    _, risen, urgent = polls.seen()
    assert risen.groups["data"].role is Role.LEADER
    assert urgent.groups["data"].role is Role.FOLLOWER
    assert urgent.t - urgent.since == pytest.approx(POLL)


def test_the_first_of_a_row_of_misses_is_written_and_the_answer_after_it_whole() -> None:
    polls = Polls()
    polls.poll()
    for _ in range(5):
        polls.clock.advance(POLL)
        polls.thinner.missed("n1", polls.clock.monotonic() - POLL, reason="refused")
    polls.poll()
    kinds = [type(record.event) for record in polls.recorder._kept]
    assert kinds == [ev.StatusSeen, ev.StatusMissed, ev.StatusSeen]
    assert set(polls.seen()[-1].groups) == {"data", "meta"}


def test_a_group_that_is_no_longer_shown_becomes_unknown() -> None:
    polls = Polls()
    polls.poll()
    del polls.groups["meta"]
    polls.poll()
    assert polls.seen()[-1].groups == {"meta": GroupStatus()}


def test_a_thinner_works_without_a_recorder() -> None:
    kept: list[ev.Event] = []

    def record(event: ev.Event) -> ev.Event:
        kept.append(event)
        return event

    thinner = StatusThinner(record, FakeClock())
    thinner.saw("n1", {"data": BASE}, 1.0, 1.02)
    thinner.saw("n1", {"data": replace(BASE, last_log=11)}, 1.02, 1.04)
    assert len(kept) == 1
    thinner.flush()
    thinner.flush()
    assert len(kept) == 2


def test_without_a_recorder_an_urgent_change_comes_after_the_rise_before_it_too() -> None:
    kept: list[ev.StatusSeen] = []

    def record(event: ev.Event) -> ev.Event:
        assert isinstance(event, ev.StatusSeen)
        kept.append(event)
        return event

    thinner = StatusThinner(record, FakeClock())
    thinner.saw("n1", {"data": BASE}, 1.0, 1.02)
    thinner.saw("n1", {"data": replace(BASE, last_log=11)}, 1.02, 1.04)
    thinner.saw("n1", {"data": replace(BASE, last_log=11, term=2)}, 1.04, 1.06)
    assert [(e.since, e.groups["data"].term) for e in kept] == [(1.0, 1), (1.02, 1), (1.04, 2)]


def test_the_folded_picture_is_that_of_the_last_poll_once_flushed() -> None:
    polls = Polls()
    for index in range(11, 100):
        polls.poll(last_log=index + 1, last_applied=index)
    polls.recorder.flush()
    status = polls.recorder.picture.status("n1", "data")
    assert status is not None
    assert (status.last_log, status.last_applied) == (100, 99)
