"""Slots are where cron's users expect them, and a slot that has passed is not made up for."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftfleet.serve.timetable import LATE, Cron, Every, Timetable

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo | None = None) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp()


def test_an_interval_counts_from_the_epoch_whenever_the_daemon_began() -> None:
    six = Every(6 * 3600)
    assert six.after(at("2026-11-25 05:59:59")) == at("2026-11-25 06:00")
    assert six.after(at("2026-11-25 06:00")) == at("2026-11-25 12:00")


@pytest.mark.parametrize(
    ("expression", "now", "then"),
    [
        ("15 3 * * *", "2026-11-25 03:14:59", "2026-11-25 03:15"),
        ("15 3 * * *", "2026-11-25 03:15", "2026-11-26 03:15"),
        ("0 4 * * 1-5", "2026-11-27 12:00", "2026-11-30 04:00"),
        ("*/20 * * * *", "2026-11-25 03:25", "2026-11-25 03:40"),
        ("@daily", "2026-11-25 03:25", "2026-11-26 00:00"),
        # The clock goes from 2 to 3: what is planned for the hour between comes right after it.
        ("30 2 * * *", "2026-03-29 00:00", "2026-03-29 03:00"),
        # The clock goes from 3 to 2: what is planned for the hour comes once, and the next day.
        ("30 2 * * *", "2026-10-25 00:00", "2026-10-25 02:30"),
        ("30 2 * * *", "2026-10-25 02:30", "2026-10-26 02:30"),
    ],
)
def test_a_cron_expression_is_read_in_its_time_zone(expression: str, now: str, then: str) -> None:
    assert Cron(expression, BERLIN).after(at(now, BERLIN)) == at(then, BERLIN)


@pytest.mark.parametrize(
    "wrong", ["", "15 3 * *", "61 * * * *", "* * * * * *", "0 0 30 2 *", "@reboot"]
)
def test_what_is_no_expression_or_never_comes_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"Bad|five"):
        Cron(wrong, BERLIN)


def test_a_slot_is_due_once() -> None:
    table = Timetable({"a": Every(60), "b": Every(90)}, 0.0)
    assert table.left(0.0) == 60
    assert [due.name for due in table.take(59)] == []
    assert [(due.name, due.late) for due in table.take(61)] == [("a", 1.0)]
    assert table.take(61) == []
    assert [due.name for due in table.take(200)] == ["b", "a"]
    assert table.due == {"a": 240, "b": 270}


def test_an_empty_table_waits_without_end() -> None:
    assert Timetable({}, 0.0).left(5.0) == float("inf")


def test_what_passed_long_ago_was_missed() -> None:
    table = Timetable({"a": Every(3600)}, 0.0)
    (due,) = table.take(3600 + LATE + 1)
    assert due.missed
    (due,) = table.take(7200 + LATE)
    assert not due.missed


def test_a_clock_that_is_set_back_brings_the_slots_back() -> None:
    table = Timetable({"a": Every(3600)}, 10_000.0)
    assert table.due == {"a": 10_800}
    assert table.take(100.0) == []
    assert table.due == {"a": 3600}


@given(st.floats(0, 1e6), st.floats(0, 59))
def test_jitter_puts_off_and_never_brings_forward(wall: float, jitter: float) -> None:
    table = Timetable({"a": Every(60)}, wall, jitter={"a": jitter})
    slot = Every(60).after(wall)
    assert slot <= table.due["a"] <= slot + jitter
    table.take(table.due["a"])
    assert table.due["a"] > slot + jitter - 60
    assert table.due["a"] >= slot + 60
