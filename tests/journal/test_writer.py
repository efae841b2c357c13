"""The recorder: one line per event, in order, from any thread; waits that say how they ended."""

from __future__ import annotations

import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock, SystemClock
from raftfleet.errors import JournalError
from raftfleet.journal import Recorder, read_journal
from raftfleet.journal import events as ev
from raftfleet.journal.values import GroupStatus, Role

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.journal import Picture

LEADS = GroupStatus(term=1, role=Role.LEADER, leader="n1", last_applied=1, last_log=1)


def seen(node: str = "n1", **fields: object) -> ev.StatusSeen:
    status = GroupStatus(term=1, **fields)  # type: ignore[arg-type]  # fields of a status
    return ev.StatusSeen(node=node, since=0.5, groups={"data": status})


def test_events_are_numbered_stamped_and_on_disk_at_once(tmp_path: Path) -> None:
    clock = FakeClock(start=1000.0, wall=5000.0)
    recorder = Recorder(tmp_path / "run", clock)
    first = recorder.record(ev.PlayEnded(play="a"))
    clock.advance(2.5)
    recorder.record(ev.PlayEnded(play="b", t=1001.0))
    assert (first.seq, first.t, first.wall) == (1, 1000.0, 5000.0)
    a, b = read_journal(tmp_path / "run", live=True).events
    assert a == first
    assert (b.seq, b.t, b.wall) == (2, 1001.0, 5001.0)


def test_only_the_owner_may_read_a_run(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Recorder(tmp_path / "run", FakeClock()).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "run" / "journal.jsonl").stat().st_mode) == 0o600


def test_a_folder_holds_one_journal(tmp_path: Path) -> None:
    Recorder(tmp_path, FakeClock()).close()
    with pytest.raises(JournalError, match="already holds a journal"):
        Recorder(tmp_path, FakeClock())


def test_a_full_disk_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "run", FakeClock())

    def full(file: int, data: bytes) -> int:
        del file, data
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raftfleet.journal.writer.os.write", full)
    with pytest.raises(JournalError, match="No space left on device"):
        recorder.record(ev.PlayEnded(play="a"))


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "run", FakeClock())
    real = os.write
    monkeypatch.setattr("raftfleet.journal.writer.os.write", lambda f, data: real(f, data[:7]))
    recorder.record(ev.PlayEnded(play="a"))
    monkeypatch.undo()
    assert len(read_journal(tmp_path / "run").events) == 1


def test_recording_after_the_end_is_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run", FakeClock()) as recorder:
        recorder.record(ev.PlayEnded(play="a"))
    with pytest.raises(JournalError, match="closed"):
        recorder.record(ev.PlayEnded(play="b"))


def test_a_journal_in_memory_is_the_same(tmp_path: Path) -> None:
    kept = Recorder(None, FakeClock())
    filed = Recorder(tmp_path / "run", FakeClock())
    for recorder in (kept, filed):
        recorder.record(ev.PlayEnded(play="a"))
        recorder.record(seen(role=Role.LEADER))
    assert kept.journal() == filed.journal()


def test_many_threads_write_whole_lines_in_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", SystemClock())
    heard: list[int] = []
    recorder.subscribe(lambda event: heard.append(event.seq))

    def work(name: str) -> None:
        for number in range(200):
            recorder.record(ev.TaskProgress(task=number, host=name, text="x" * 500))

    threads = [threading.Thread(target=work, args=(f"h{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    events = read_journal(tmp_path / "run").events
    assert [event.seq for event in events] == list(range(1, 1201))
    assert heard == list(range(1, 1201))


def test_a_thinner_fed_by_threads_never_writes_an_older_index_after_a_newer_one() -> None:
    recorder = Recorder(None, SystemClock())
    thinner = recorder.thinner()
    done = threading.Event()

    def poll(node: str) -> None:
        for index in range(1, 400):
            status = GroupStatus(term=1, last_log=index, last_applied=index)
            thinner.saw(node, {"data": status}, time.monotonic())

    def disturb() -> None:
        while not done.is_set():
            recorder.record(ev.PlayEnded(play="p"))

    pollers = [threading.Thread(target=poll, args=(f"n{n}",)) for n in range(3)]
    disturber = threading.Thread(target=disturb)
    for thread in (*pollers, disturber):
        thread.start()
    for thread in pollers:
        thread.join()
    done.set()
    disturber.join()
    recorder.flush()
    for node in ("n1", "n2"):
        events = [e for e in recorder.journal().of(ev.StatusSeen) if e.node == node]
        indices = [e.groups["data"].last_applied for e in events]
        assert indices == sorted(indices, key=lambda index: index or 0)
        assert indices[-1] == 399


# --- listeners -------------------------------------------------------------------------------


def test_a_listener_may_record_and_hears_that_too() -> None:
    recorder = Recorder(None, FakeClock())
    heard: list[str] = []

    def listen(event: ev.Event) -> None:
        heard.append(type(event).__name__)
        if isinstance(event, ev.PlayStarted):
            recorder.record(ev.PlayEnded(play=event.play))

    recorder.subscribe(listen)
    recorder.record(ev.PlayStarted(play="p", hosts=()))
    assert heard == ["PlayStarted", "PlayEnded"]


def test_a_listener_that_breaks_breaks_nothing_else() -> None:
    recorder = Recorder(None, FakeClock())
    heard: list[ev.Event] = []

    def broken(event: ev.Event) -> None:
        del event
        raise BrokenPipeError

    recorder.subscribe(broken)
    recorder.subscribe(heard.append)
    recorder.record(ev.PlayEnded(play="a"))
    recorder.record(ev.PlayEnded(play="b"))
    assert len(heard) == 2
    assert recorder.broken == [], "whoever read may go away"


def test_a_defect_in_a_listener_is_remembered() -> None:
    recorder = Recorder(None, FakeClock())
    defect = TypeError("no order")

    def broken(event: ev.Event) -> None:
        del event
        raise defect

    recorder.subscribe(broken)
    recorder.record(ev.PlayEnded(play="a"))
    recorder.record(ev.PlayEnded(play="b"))
    assert recorder.broken == [defect]


def test_a_listener_that_hangs_holds_up_no_other_thread() -> None:
    recorder = Recorder(None, SystemClock())
    inside, leave = threading.Event(), threading.Event()

    def stuck(event: ev.Event) -> None:
        if event.seq == 1:
            inside.set()
            leave.wait(30)

    recorder.subscribe(stuck)
    thread = threading.Thread(target=recorder.record, args=(ev.PlayEnded(play="a"),))
    thread.start()
    assert inside.wait(30)
    recorder.record(ev.PlayEnded(play="b"))
    assert len(recorder.journal().records) == 2
    leave.set()
    thread.join()


# --- waits -----------------------------------------------------------------------------------


def led(picture: Picture) -> str | None:
    leader = picture.claimant("data")
    return leader.node if leader else None


def last_seen(picture: Picture) -> str:
    return f"{len(picture.nodes)} nodes"


def test_a_wait_that_is_met_returns_what_it_found() -> None:
    recorder = Recorder(None, FakeClock())
    recorder.record(seen(role=Role.LEADER, leader="n1"))
    assert recorder.wait_for(led, what="a leader", timeout=5, last_seen=last_seen) == "n1"
    began, ended = recorder.journal().events[-2:]
    assert isinstance(began, ev.WaitBegan)
    assert isinstance(ended, ev.WaitEnded)
    assert (began.what, began.timeout, began.wait) == ("a leader", 5, ended.wait)
    assert (ended.met, ended.last_seen) == (True, "")


def test_a_wait_that_expires_returns_nothing_and_says_what_it_last_saw() -> None:
    clock = FakeClock()
    recorder = Recorder(None, clock)
    recorder.record(seen())
    assert recorder.wait_for(led, what="a leader", timeout=5, last_seen=last_seen) is None
    ended = recorder.journal().events[-1]
    assert isinstance(ended, ev.WaitEnded)
    assert (ended.met, ended.last_seen) == (False, "1 nodes")
    assert clock.monotonic() == 1005.0


def test_a_wait_is_woken_by_the_event_it_waits_for() -> None:
    recorder = Recorder(None, SystemClock())
    threading.Timer(0.05, recorder.record, [seen(role=Role.LEADER, leader="n1")]).start()
    began = time.monotonic()
    assert recorder.wait_for(led, what="a leader", timeout=60, last_seen=last_seen) == "n1"
    assert time.monotonic() - began < 30


def test_a_stop_ends_a_wait_at_once_when_woken() -> None:
    recorder = Recorder(None, SystemClock())
    stop = threading.Event()

    def interrupt() -> None:
        stop.set()
        recorder.wake()

    threading.Timer(0.05, interrupt).start()
    found = recorder.wait_for(led, what="a leader", timeout=60, last_seen=last_seen, stop=stop)
    assert found is None
    assert not recorder.journal().of(ev.WaitEnded)[0].met


def test_a_stop_ends_a_wait_within_a_tick_even_when_nobody_wakes_it() -> None:
    clock, stop = FakeClock(), threading.Event()
    recorder = Recorder(None, clock)
    looks = 0

    def never(picture: Picture) -> str | None:
        nonlocal looks
        del picture
        looks += 1
        if looks == 3:
            stop.set()
        return None

    assert not recorder.wait_for(never, what="x", timeout=60, last_seen=last_seen, stop=stop)
    assert clock.monotonic() <= 1003.0


def test_what_met_a_wait_is_in_the_journal_before_its_end() -> None:
    recorder = Recorder(None, FakeClock())
    thinner = recorder.thinner()
    thinner.saw("n1", {"data": LEADS}, 999.0, 1000.0)
    held = GroupStatus(term=1, role=Role.LEADER, leader="n1", last_applied=7, last_log=7)
    thinner.saw("n1", {"data": held}, 1000.0, 1000.02)

    def reached(picture: Picture) -> bool | None:
        status = picture.status("n1", "data")
        return True if status and status.last_applied == 7 else None

    assert recorder.wait_for(reached, what="7", timeout=5, last_seen=last_seen)
    events = recorder.journal().events
    assert isinstance(events[-1], ev.WaitEnded)
    written = [e for e in events[:-1] if isinstance(e, ev.StatusSeen)]
    assert written[-1].groups["data"].last_applied == 7


def test_other_waits_are_journalled_with_how_they_ended() -> None:
    recorder = Recorder(None, FakeClock())
    with recorder.waiting("n1 to exit", 5) as wait:
        wait.met, wait.last_seen = False, "still alive"
    with pytest.raises(ValueError, match="lost"), recorder.waiting("n2 to exit", 5):
        raise ValueError("lost")
    with recorder.waiting("n3 to exit", 5):
        pass
    ended = recorder.journal().of(ev.WaitEnded)
    assert [(e.wait, e.met, e.last_seen) for e in ended] == [
        (1, False, "still alive"),
        (2, False, "lost"),
        (3, True, ""),
    ]


def test_who_watches_without_end_keeps_only_the_newest_of_events_and_terms() -> None:
    recorder = Recorder(None, FakeClock(), keep=5)
    for term in range(1, 100):
        leads = GroupStatus(term=term, role=Role.LEADER, leader="n1")
        recorder.record(ev.StatusSeen(node="n1", since=0.5, groups={"g": leads}))
    assert [event.seq for event in recorder.journal().events] == [95, 96, 97, 98, 99]
    assert 5 <= len(recorder.picture.claims["g"]) <= 10
    assert max(recorder.picture.claims["g"]) == recorder.picture.terms["g"] == 99
