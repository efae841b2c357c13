from __future__ import annotations

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import SandboxError
from raftfleet.sandbox.waiting import PAUSE, until


def test_a_condition_that_holds_already_costs_no_time() -> None:
    clock = FakeClock(start=5.0)
    until(lambda: None, seconds=0, what="nothing", clock=clock)
    assert clock.monotonic() == 5.0


def test_it_looks_again_until_the_condition_holds() -> None:
    clock = FakeClock()
    answers = ["no", "not yet", None]
    until(lambda: answers.pop(0), seconds=1, what="yes", clock=clock)
    assert answers == []
    assert clock.monotonic() == pytest.approx(1000.0 + 2 * PAUSE)


def test_a_deadline_that_passes_says_what_was_seen_last() -> None:
    clock = FakeClock(start=0.0)
    with pytest.raises(SandboxError) as caught:
        until(lambda: "a red lamp", seconds=3, what="green lamp", hint="wait", clock=clock)
    assert caught.value.message == "green lamp: not within 3 s; last seen: a red lamp"
    assert caught.value.hint == "wait"
    assert clock.monotonic() == pytest.approx(3.0, abs=2 * PAUSE)
