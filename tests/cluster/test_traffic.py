"""Traffic with real threads on toys that answer from memory: told, read back and removed."""

from __future__ import annotations

import threading
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import SystemClock
from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.entries import Pace
from raftfleet.cluster.traffic import Rates, Traffic
from raftfleet.journal import Recorder
from raftfleet.journal import events as ev
from raftfleet.journal.values import Incarnation
from raftfleet.systems.protocol import Unknown, WriteOutcome
from raftfleet.testing.system import FakeSystem, toy_node, toy_status
from tests.cluster.bench import E, events_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = ("n1", "n2", "n3")
PREFIX = "raftfleet-test-1-"
SECONDS = 20.0


class Scene:
    """A cluster of three that all answer, and traffic to it."""

    def __init__(self, rates: Rates) -> None:
        self.system = FakeSystem()
        self.system.stores = {name: {} for name in NAMES}
        self.recorder = Recorder(None, SystemClock())
        nodes = [
            toy_node(n, i, PurePosixPath(f"/opt/{i}"), 7000 + i) for i, n in enumerate(NAMES, 1)
        ]
        self.accesses = {node.name: NodeAccess(node, {}) for node in nodes}
        self.stop = threading.Event()
        self.traffic = Traffic(
            self.system,
            self.accesses,
            self.recorder,
            SystemClock(),
            prefix=PREFIX,
            rates=rates,
            stop=self.stop,
        )
        for name in NAMES:
            self.recorder.record(ev.NodeFound(node=name, incarnation=Incarnation(1, 1, 1)))
            self.log_of(name, 1)

    def log_of(self, name: str, index: int) -> None:
        """A node shows how long its log is."""
        view = {"main": toy_status(index=index)}
        self.recorder.record(ev.StatusSeen(node=name, since=0.0, groups=view))

    def all(self, kind: type[E]) -> list[E]:
        return events_of(self.recorder, kind)

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {SECONDS} s: {what}")
            time.sleep(0.01)

    def names_of_starts(self) -> list[str]:
        return [event.writer for event in self.all(ev.WriterStarted)]


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(Rates(total=300.0, creates=60.0))
    yield made
    if made.traffic.under_way:
        made.traffic.end()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("write")]
    assert left == []


def test_every_write_is_told_and_every_writer_says_when_it_ended(scene: Scene) -> None:
    scene.traffic.start()
    assert scene.traffic.await_acknowledged(5, SECONDS) is None
    scene.traffic.end()
    started, stopped = scene.all(ev.WriterStarted), scene.all(ev.WriterStopped)
    assert {(one.kind, one.via) for one in started} == {
        (kind, via) for kind in ("register", "create") for via in NAMES
    }
    assert {one.writer for one in stopped} == {one.writer for one in started}
    writes = scene.all(ev.WriteEnded)
    assert all(one.outcome == "ok" for one in writes)
    assert all(one.key.startswith(PREFIX) and one.intended <= one.sent <= one.t for one in writes)
    ends = {one.writer: one.t for one in stopped}
    assert all(one.t <= ends[one.writer] for one in writes)
    assert all(len(one.legs) == (0 if one.via == "n1" else 2) for one in writes)


def test_slots_keep_their_schedule_while_answers_hang(scene: Scene) -> None:
    hanging = threading.Event()

    def hang(node: str, kind: str, *_: str) -> WriteOutcome | None:
        if (node, kind) == ("n3", "create"):
            hanging.wait(SECONDS)
            return Unknown("no answer")
        return None

    scene.system.writing = hang
    scene.traffic.start()
    scene.until(lambda: scene.all(ev.WriteSkipped), "a slot is missed")
    hanging.set()
    scene.traffic.end()
    skipped = scene.all(ev.WriteSkipped)
    assert {one.via for one in skipped} == {"n3"}
    assert all(one.reason == "4 writes were under way" for one in skipped)
    slots = [one.intended for one in scene.all(ev.WriteEnded) if one.writer == "create via n3"]
    (period,) = (e.period for e in scene.all(ev.WriterStarted) if e.writer == "create via n3")
    first = min(slots)
    for slot in slots:
        assert abs((slot - first) / period - round((slot - first) / period)) < 0.01


def test_reading_back_finds_what_is_missing(scene: Scene) -> None:
    scene.traffic.start()
    assert scene.traffic.await_acknowledged(5, SECONDS) is None
    scene.traffic.end()
    created = sorted(scene.traffic.written.created)
    del scene.system.stores["n2"][created[0]]
    register = scene.traffic.written.registers[0]
    scene.system.stores["n3"][register] = "99999"
    assert scene.traffic.read_back(NAMES) == {"n1": 0, "n2": 1, "n3": 0}
    reads = {one.node: one for one in scene.all(ev.StoreRead)}
    assert {one.round for one in reads.values()} == {1}
    assert reads["n2"].lacks.examples == (created[0],)
    assert reads["n1"].asked == len(created)
    assert reads["n3"].values[register] == "99999"
    assert len({one.digest for one in reads.values()}) == 3
    assert (reads["n1"].count, reads["n2"].count) == (
        len(created) + len(scene.traffic.written.registers),
        len(created) + len(scene.traffic.written.registers) - 1,
    )


def test_a_node_that_does_not_answer_is_a_read_that_was_missed(scene: Scene) -> None:
    scene.system.away = {"n2"}
    scene.traffic.read_back(NAMES)
    (missed,) = scene.all(ev.ReadMissed)
    assert (missed.node, missed.what, missed.round) == ("n2", "store", 1)
    assert {one.node for one in scene.all(ev.StoreRead)} == {"n1", "n3"}


def test_an_open_write_is_looked_for_by_name(scene: Scene) -> None:
    scene.system.writing = lambda *_: Unknown("the connection broke")
    assert scene.traffic.burst("create", 3, NAMES) == 0
    scene.traffic.read_back(("n1",))
    (read,) = scene.all(ev.StoreRead)
    assert (len(read.values), read.asked) == (3, 0)
    assert set(read.values.values()) == {None}


def test_removing_leaves_nothing_and_says_so(scene: Scene) -> None:
    assert scene.traffic.burst("create", 20, NAMES) == 20
    assert scene.traffic.burst("register", 20, NAMES) == 20
    assert scene.traffic.remove() == 0
    assert all(not store for store in scene.system.stores.values())
    (removed,) = scene.all(ev.WritesRemoved)
    assert removed.prefix == PREFIX
    assert removed.left.count == 0
    assert removed.count == 20 + len({w.key for w in scene.all(ev.WriteEnded)} - _created(scene))


def _created(scene: Scene) -> set[str]:
    return {write.key for write in scene.all(ev.WriteEnded) if write.key == write.value}


def test_what_cannot_be_removed_is_named(scene: Scene) -> None:
    scene.traffic.burst("create", 2, ("n1",))
    scene.system.leader = "9"
    assert scene.traffic.remove() == 2
    (removed,) = scene.all(ev.WritesRemoved)
    assert (removed.count, removed.left.count) == (0, 2)


def test_writers_slow_down_and_stop_when_a_node_misses_too_much() -> None:
    scene = Scene(Rates(total=300.0, creates=60.0, entries=100))
    scene.traffic.start()
    assert scene.traffic.await_acknowledged(2, SECONDS) is None
    scene.recorder.record(ev.NodeFound(node="n3", incarnation=None))
    scene.log_of("n1", 80)
    scene.until(lambda: "create via n1 (2)" in scene.names_of_starts(), "writers go slower")
    slow = {e.writer: e.period for e in scene.all(ev.WriterStarted) if e.writer.endswith("(2)")}
    assert slow["create via n1 (2)"] == pytest.approx(4 * 3 / 60)
    scene.log_of("n1", 101)
    scene.until(lambda: len(scene.all(ev.WriterStopped)) == 12, "writers stop")
    assert scene.traffic.budget.look(scene.recorder.picture) is Pace.STOP
    assert scene.traffic.budget.behind == "n3"
    scene.recorder.record(ev.NodeFound(node="n3", incarnation=Incarnation(2, 2, 2)))
    scene.log_of("n3", 101)
    scene.until(lambda: "create via n1 (3)" in scene.names_of_starts(), "writers go on")
    scene.traffic.end()
    assert not scene.all(ev.WriteSkipped)


def test_nothing_is_written_during_a_pause(scene: Scene) -> None:
    scene.traffic.start()
    assert scene.traffic.await_acknowledged(2, SECONDS) is None
    with scene.traffic.paused():
        count = len(scene.all(ev.WriteEnded))
        assert len(scene.all(ev.WriterStopped)) == 6
        scene.traffic.read_back(NAMES)
        assert len(scene.all(ev.WriteEnded)) == count
    scene.until(lambda: len(scene.all(ev.WriteEnded)) > count, "writers go on")


def test_a_node_through_which_nothing_is_acknowledged_is_named(scene: Scene) -> None:
    scene.system.writing = lambda node, *_: Unknown("broken") if node == "n2" else None
    scene.traffic.start()
    assert scene.traffic.await_acknowledged(2, 0.5) == "n2: fewer than 2 writes acknowledged"


def test_a_defect_in_the_adapter_comes_out_at_the_end(scene: Scene) -> None:
    def broken(*_: str) -> WriteOutcome:
        raise ZeroDivisionError

    scene.system.writing = broken
    scene.traffic.start()
    with pytest.raises(ZeroDivisionError):
        scene.traffic.end()
