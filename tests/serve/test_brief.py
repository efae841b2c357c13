"""What many ask for at once is made once, and is soon too old."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from raftfleet.clock import FakeClock
from raftfleet.serve.brief import Brief


def test_it_is_made_once_in_its_time() -> None:
    clock = FakeClock()
    brief: Brief[int] = Brief(1.0, clock)
    made = iter(range(100))
    assert [brief.get("a", lambda: next(made), patience=1) for _ in range(3)] == [0, 0, 0]
    assert brief.get("b", lambda: next(made), patience=1) == 1
    clock.advance(1.5)
    assert brief.get("a", lambda: next(made), patience=1) == 2


def test_who_comes_while_it_is_made_waits_for_it() -> None:
    brief: Brief[int] = Brief(1.0, FakeClock())
    going, inside, made = threading.Event(), threading.Event(), []

    def make() -> int:
        inside.set()
        going.wait(30)
        made.append(1)
        return 7

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(brief.get, "a", make, patience=30)
        inside.wait(30)
        others = [pool.submit(brief.get, "a", make, patience=30) for _ in range(4)]
        with pytest.raises(TimeoutError):
            brief.get("a", make, patience=0.01)
        going.set()
        assert [one.result() for one in (first, *others)] == [7] * 5
    assert len(made) == 1


def test_what_could_not_be_made_is_tried_again() -> None:
    brief: Brief[int] = Brief(1.0, FakeClock())
    with pytest.raises(ZeroDivisionError):
        brief.get("a", lambda: 1 // 0, patience=1)
    assert brief.get("a", lambda: 2, patience=1) == 2
