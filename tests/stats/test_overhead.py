"""raftfleet's own time is the run's minus the union of its waits."""

from __future__ import annotations

import pytest

from raftfleet.clock import FakeClock
from raftfleet.journal import Journal, Recorder
from raftfleet.journal import events as ev
from raftfleet.journal.values import Incarnation, Interval
from raftfleet.stats import overhead

Waits = list[tuple[float, float | None]]


def journal(waits: Waits, wall: float = 20.0) -> Journal:
    marks: list[tuple[float, ev.Event]] = [(0.0, ev.PlayStarted(play="p", hosts=()))]
    for number, (began, ended) in enumerate(waits):
        marks.append((began, ev.WaitBegan(wait=number, what="w", timeout=9)))
        if ended is not None:
            marks.append((ended, ev.WaitEnded(wait=number, met=True)))
    marks.append((wall, ev.PlayEnded(play="p")))
    clock = FakeClock()
    recorder = Recorder(None, clock)
    for t, event in sorted(marks, key=lambda mark: mark[0]):
        clock.advance(1000.0 + t - clock.monotonic())
        recorder.record(event)
    return recorder.journal()


@pytest.mark.parametrize(
    ("waits", "waited"),
    [
        ([], 0.0),
        ([(1, 4)], 3.0),
        ([(1, 4), (6, 8)], 5.0),
        ([(1, 4), (2, 3), (3, 6)], 5.0),
        ([(15, None)], 5.0),
        ([(0, 20)], 20.0),
    ],
)
def test_waits_that_overlap_count_once(waits: Waits, waited: float) -> None:
    found = overhead(journal(waits))
    assert found.wall == pytest.approx(20.0)
    assert found.waited == pytest.approx(waited)
    assert found.own == pytest.approx(20.0 - waited)


def test_an_empty_journal_took_no_time() -> None:
    assert overhead(Journal()).own == 0.0


def test_from_a_signal_to_its_exit_is_a_wait_by_the_hosts_own_stamps() -> None:
    life = Incarnation(pid=1, start_time=2, counter=1)
    clock = FakeClock()
    recorder = Recorder(None, clock)
    recorder.record(
        ev.NodeSignalled(node="n1", signal="INT", incarnation=life, at=Interval(1001, 1001.1))
    )
    clock.advance(10)
    recorder.record(ev.NodeExited(node="n1", incarnation=life, at=Interval(1007, 1007.2), status=0))
    assert overhead(recorder.journal()).waited == pytest.approx(5.9)
