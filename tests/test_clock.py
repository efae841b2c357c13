"""Clocks: the fake one moves only when told, a host's maps to ours as an interval."""

from __future__ import annotations

import threading

from raftfleet.clock import Deadline, FakeClock, HostClock, SystemClock


def test_a_fake_wait_passes_its_whole_timeout() -> None:
    clock = FakeClock(start=100)
    condition = threading.Condition()
    with condition:
        assert not clock.wait(condition, 7.5)
    assert clock.monotonic() == 107.5


def test_a_suspended_machine_shows_in_boot_time_only() -> None:
    clock = FakeClock(start=100)
    before = clock.boottime() - clock.monotonic()
    clock.suspend(3600)
    assert clock.monotonic() == 100
    assert clock.boottime() - clock.monotonic() == before + 3600


def test_a_deadline_counts_down_and_is_never_negative() -> None:
    clock = FakeClock(start=0)
    deadline = Deadline.after(2, clock)
    clock.advance(1.5)
    assert deadline.left == 0.5
    assert not deadline.passed
    clock.advance(1)
    assert deadline.left == 0
    assert deadline.passed


def test_a_hosts_stamp_maps_to_an_interval_that_holds_the_truth() -> None:
    # The host's clock is 5,000 s ahead; it read 5,010.03 somewhere in our [10.0, 10.1].
    reading = HostClock(sent=10.0, received=10.1, theirs=5010.03)
    lo, hi = reading.ours(5012.03)
    assert lo <= 12.03 <= hi
    assert abs(hi - lo - 2 * reading.uncertainty) < 1e-9


def test_the_system_clock_wakes_when_notified() -> None:
    clock, condition, woken = SystemClock(), threading.Condition(), list[bool]()

    def waits() -> None:
        with condition:
            ready.set()
            woken.append(clock.wait(condition, 30))

    ready = threading.Event()
    thread = threading.Thread(target=waits)
    thread.start()
    ready.wait()
    with condition:
        condition.notify_all()
    thread.join(30)
    assert woken == [True]
