"""Threads that watch: the truth lies in what they record, and none of them holds up another."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from raftfleet.cluster import Observer
from raftfleet.cluster.access import NodeAccess
from raftfleet.errors import JournalError, UnreachableError
from raftfleet.journal import Recorder, Standing
from raftfleet.journal.events import (
    CoverageSampled,
    NodeExited,
    NodeFound,
    StatusMissed,
    StatusSeen,
)
from raftfleet.journal.values import Incarnation
from raftfleet.testing.system import FakeSystem, toy_node, toy_status
from tests.cluster.bench import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.cluster import Cluster
    from raftfleet.journal.values import GroupStatus
    from raftfleet.systems.protocol import Node
    from tests.cluster.bench import Bench


def tell(node: Node, path: str, body: str) -> tuple[float, float]:
    """Post to a toy; return when it was told, at the earliest and at the latest."""
    port = node.variables["toy_port"]
    assert isinstance(port, int)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    began = time.monotonic()
    connection.request("POST", path, body=body)
    assert connection.getresponse().read() == b"ok"
    connection.close()
    return began, time.monotonic()


def view(term: int, leader: int = 1) -> str:
    return msgspec.json.encode({"main": toy_status(leader, term, (1, 2), 1)}).decode()


@pytest.fixture
def pair(bench: Bench) -> Cluster:
    """Two toys that run."""
    cluster = bench.cluster(FakeSystem(), bench.nodes(2), timeout=0.5)
    cluster.start(["n1", "n2"])
    return cluster


def test_a_change_at_a_known_time_lies_in_its_interval(bench: Bench, pair: Cluster) -> None:
    with pair.observing():
        until(lambda: pair.recorder.picture.live() == ("n1", "n2"), "both answer")
        told = {}
        for term in range(2, 8):
            told[term] = tell(pair.nodes[0], "/status", view(term))
            until(lambda term=term: pair.recorder.picture.terms.get("main") == term, "the change")  # type: ignore[misc]
    seen = {
        event.groups["main"].term: event
        for event in reversed(bench.all(StatusSeen))
        if event.node == "n1"
    }
    for term, (earliest, latest) in told.items():
        assert seen[term].since <= latest
        assert seen[term].t >= earliest
    assert min(seen[term].t - seen[term].since for term in told) < 0.2


def test_nothing_is_written_while_nothing_changes(bench: Bench, pair: Cluster) -> None:
    with pair.observing():
        until(lambda: pair.recorder.picture.live() == ("n1", "n2"), "both answer")
        before = len(bench.all(StatusSeen))
        ticks = len(bench.all(CoverageSampled))
        until(lambda: len(bench.all(CoverageSampled)) >= ticks + 2, "two ticks")
        # The whole view is renewed every two seconds; nothing else may be there.
        assert len(bench.all(StatusSeen)) - before <= 2 * 3
        sample = bench.all(CoverageSampled)[-1]
        assert sample.polls.keys() == {"n1", "n2"}
        assert all(polls > 0 for polls in sample.polls.values())


def test_a_stalled_node_is_a_miss_within_its_deadline_and_stops_no_other(
    bench: Bench, pair: Cluster
) -> None:
    with pair.observing():
        until(lambda: pair.recorder.picture.live() == ("n1", "n2"), "both answer")
        tell(pair.nodes[0], "/stall", "3600")
        began = time.monotonic()
        until(lambda: pair.recorder.picture.standing("n1") is Standing.UNKNOWN, "the silence")
        # Meanwhile the other one goes on changing, and is seen to.
        for term in (5, 6, 7):
            earliest, latest = tell(pair.nodes[1], "/status", view(term, leader=2))
            until(lambda term=term: pair.recorder.picture.terms.get("main") == term, "the change")  # type: ignore[misc]
            seen = [event for event in bench.all(StatusSeen) if event.node == "n2"][-1]
            assert seen.since <= latest
            assert seen.t >= earliest
        assert pair.recorder.picture.live() == ("n2",)
    (missed,) = [
        event for event in bench.all(StatusMissed) if event.node == "n1" and event.t > began
    ]
    assert missed.reason == "no answer within 0.5 s"


def test_a_crash_nobody_asked_for_is_found_out(bench: Bench, pair: Cluster) -> None:
    with pair.observing():
        until(lambda: pair.recorder.picture.live() == ("n1", "n2"), "both answer")
        running = pair.recorder.picture.node("n2").incarnation
        assert running is not None
        earliest = time.monotonic()
        os.kill(running.pid, signal.SIGKILL)
        until(lambda: bench.all(NodeExited), "the exit")
        latest = time.monotonic()
    exited = bench.only(NodeExited)
    assert (exited.node, exited.status, exited.latency) == ("n2", -9, None)
    assert exited.at.lo <= latest
    assert exited.at.hi >= earliest
    assert exited.incarnation == running
    missed = next(
        event for event in bench.all(StatusMissed) if event.node == "n2" and event.t > earliest
    )
    assert missed.seq < exited.seq


def test_a_node_somebody_else_starts_is_found_out(bench: Bench, pair: Cluster) -> None:
    with pair.observing():
        pair.stop("n2", "KILL")
        until(lambda: pair.recorder.picture.standing("n2") is Standing.DOWN, "the end")
        other = Recorder(None, bench.clock)
        place = pair.life("n2").place
        type(pair.life("n2"))(place, pair.system, other, pair.clocks).start()

        def counter() -> int:
            running = pair.recorder.picture.node("n2").incarnation
            return running.counter if running else 0

        until(lambda: counter() == 2, "the new life")
        assert pair.recorder.picture.node("n2").process is Standing.ALIVE
    found = [event for event in bench.all(NodeFound) if event.node == "n2"][-1]
    assert found.incarnation is not None
    assert found.incarnation.counter == 2


def test_our_own_stop_is_not_taken_for_a_crash(bench: Bench, pair: Cluster) -> None:
    with pair.observing():
        until(lambda: pair.recorder.picture.live() == ("n1", "n2"), "both answer")
        pair.stop("n2", "TERM", 20)
        ticks = len(bench.all(CoverageSampled))
        until(lambda: len(bench.all(CoverageSampled)) > ticks + 1, "a tick")
    assert [event.signal for event in bench.all(NodeExited)] == ["TERM"]


def test_watching_can_be_nested_and_repeated(bench: Bench, pair: Cluster) -> None:
    for _ in range(2):
        with pair.observing():
            with pair.observing():
                until(lambda: pair.recorder.picture.live() == ("n1", "n2"), "both answer")
            assert any(t.name == "observe: poll n1" for t in threading.enumerate())
        assert not any(t.name.startswith("observe") for t in threading.enumerate())
    assert bench.all(CoverageSampled)


# --- what goes wrong in a thread ---------------------------------------------------------------


def answering() -> Mapping[str, GroupStatus]:
    return {"main": toy_status(1, 1, (1,), 1)}


def observer(bench: Bench, system: FakeSystem, settle: object = None) -> Observer:
    node = toy_node("n1", 1, bench.folder, 1)
    bench.recorder.record(NodeFound(node="n1", incarnation=Incarnation(1, 1, 1)))
    return Observer(
        system,
        {"n1": NodeAccess(node, {})},
        {"1": "n1"},
        bench.recorder,
        bench.clock,
        settle=settle or (lambda _: True),  # type: ignore[arg-type]
    )


def test_a_defect_of_the_adapter_is_recorded_and_surfaces(bench: Bench) -> None:
    system = FakeSystem()

    def broken() -> Mapping[str, GroupStatus]:
        raise KeyError("no such field")

    system.answers["n1"] = broken
    watcher = observer(bench, system)
    watcher.start()
    until(lambda: bench.all(StatusMissed), "the miss")
    with pytest.raises(RuntimeError, match="watching n1 went wrong: KeyError"):
        watcher.check()
    watcher.stop()
    assert "defect in the adapter" in bench.only(StatusMissed).reason


def test_a_defect_beside_the_polls_surfaces(bench: Bench) -> None:
    system = FakeSystem()
    system.answers["n1"] = answering

    def settle(_: str) -> bool:
        raise ZeroDivisionError

    watcher = observer(bench, system, settle)
    bench.recorder.record(NodeFound(node="n1", incarnation=None))
    watcher.start()
    with pytest.raises(RuntimeError, match="watching settle went wrong: ZeroDivisionError"):
        until(watcher.check, "the defect")
    watcher.stop()


def test_a_host_that_cannot_be_asked_is_asked_again(bench: Bench) -> None:
    system = FakeSystem()
    system.answers["n1"] = answering
    asked: list[str] = []

    def settle(name: str) -> bool:
        asked.append(name)
        if len(asked) < 3:
            raise UnreachableError("n1 is away")
        bench.recorder.record(NodeFound(node="n1", incarnation=Incarnation(1, 1, 1)))
        return True

    watcher = observer(bench, system, settle)
    bench.recorder.record(NodeFound(node="n1", incarnation=None))
    with watcher:
        until(lambda: len(asked) >= 3, "three questions")
        until(lambda: bench.recorder.picture.standing("n1") is Standing.ALIVE, "the answer")
    assert len(asked) == 3, "what fits is not asked about"


def test_a_journal_that_cannot_be_written_surfaces_as_it_is(bench: Bench) -> None:
    system = FakeSystem()
    system.answers["n1"] = answering
    watcher = observer(bench, system)
    watcher.start()
    until(lambda: bench.all(StatusSeen), "an answer")
    bench.recorder.close()
    with pytest.raises(JournalError, match="is closed"):
        until(watcher.check, "the error")
    with pytest.raises(JournalError):
        watcher.stop()


class Sleeper:
    """A clock of this machine that claims to have been suspended."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.slept = 0.0

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.slept

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_a_suspended_controller_is_a_gap(bench: Bench) -> None:
    system = FakeSystem()
    system.answers["n1"] = answering
    bench.clock = sleeper = Sleeper(bench.clock)  # type: ignore[assignment]
    with observer(bench, system):
        until(lambda: bench.all(StatusSeen), "an answer")
        sleeper.slept = 90.0
        until(lambda: bench.all(StatusMissed), "the gap")
    (missed,) = bench.all(StatusMissed)
    assert missed.reason == "this controller was suspended for 90.0 s"
    assert missed.since <= missed.t
