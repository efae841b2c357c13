"""Nodes are started one at a time, and one that does not come up says why on one screen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import InterruptedRun, NodeError
from raftfleet.journal import Standing
from raftfleet.journal.events import NodeExited, NodeReady, NodeStarted, WaitEnded
from raftfleet.testing.system import FakeSystem, toy_status
from tests.cluster.bench import free_ports, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.values import GroupStatus
    from tests.cluster.bench import Bench


def test_the_next_is_started_when_the_one_before_is_up(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(3))
    assert cluster.start(["n1", "n2", "n3"]) == ("n1", "n2", "n3")
    told = [
        (type(event).__name__, event.node)
        for event in bench.recorder.journal().events
        if isinstance(event, NodeStarted | NodeReady)
    ]
    assert told == [
        (kind, name) for name in ("n1", "n2", "n3") for kind in ("NodeStarted", "NodeReady")
    ]
    ready = bench.all(NodeReady)[-1]
    assert ready.seen_by == ("n1", "n2", "n3")
    assert ready.listening == ("status",)
    for began, up in zip(bench.all(NodeStarted), bench.all(NodeReady), strict=True):
        assert up.since is None or began.at.lo <= up.since <= up.t
    assert cluster.start(["n1", "n2", "n3"]) == ()
    assert len(bench.all(NodeStarted)) == 3


def test_a_node_that_was_only_launched_is_waited_for_later(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(2))
    assert cluster.launch("n1")
    assert cluster.launch("n2")
    assert bench.all(NodeReady) == []
    assert cluster.await_ready() == ()
    assert {event.node for event in bench.all(NodeReady)} == {"n1", "n2"}
    assert not cluster.launch("n1")
    assert cluster.await_ready() == ()
    assert len(bench.all(NodeReady)) == 2


def test_a_node_that_was_launched_and_stopped_is_waited_for_no_more(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(1))
    cluster.launch("n1")
    with cluster.observing():
        assert cluster.waits.answers(["n1"], timeout=30.0)
        cluster.stop("n1", "TERM", 10.0)
        assert cluster.await_ready() == ()
    assert bench.all(NodeReady) == []


def test_a_node_that_was_launched_and_died_says_how(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(1, dies=3))
    cluster.launch("n1")
    with pytest.raises(NodeError, match="exit status 3"):
        cluster.await_ready()


def test_a_node_that_exits_at_once_shows_status_and_last_lines(bench: Bench) -> None:
    (node,) = bench.nodes(1, dies=3)
    cluster = bench.cluster(FakeSystem(), [node])
    with pytest.raises(NodeError) as caught:
        cluster.start(["n1"])
    text = str(caught.value)
    assert "n1 ended" in text
    assert "exit status 3" in text
    assert "cannot go on: the toy was told to die" in text
    assert "\x1b" not in text
    assert "secret-of-the-toy" not in text
    assert len(text.splitlines()) < 30
    exited = bench.only(NodeExited)
    assert exited.status == 3
    assert exited.latency is None
    assert bench.all(NodeReady) == []
    assert not bench.all(WaitEnded)[-1].met
    assert bench.recorder.picture.standing("n1") is Standing.DOWN


@pytest.fixture
def holder() -> Iterator[tuple[int, int]]:
    """A process that holds a port: (port, pid)."""
    (port,) = free_ports(1)
    code = f"import socket; s = socket.create_server(('', {port})); print(1, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield port, process.pid
    finally:
        process.communicate(b"\n")


def test_whoever_holds_a_port_is_named(bench: Bench, holder: tuple[int, int]) -> None:
    port, pid = holder
    (node,) = bench.nodes(1, extra_ports=[port])
    cluster = bench.cluster(FakeSystem(), [node])
    with pytest.raises(NodeError) as caught:
        cluster.start(["n1"])
    text = str(caught.value)
    assert f"tcp port {port} (extra1) is held by pid {pid} " in text
    assert "Address already in use" in text


def test_a_node_that_never_listens_is_too_late_and_says_on_what(bench: Bench) -> None:
    (port,) = free_ports(1)
    (node,) = bench.nodes(1)
    system = FakeSystem()
    cluster = bench.cluster(system, [node])
    node.variables["toy_extra_ports"] = [port]  # type: ignore[index]  # after its files were written
    with pytest.raises(NodeError, match=rf"not listening on tcp {port} \(extra1\)") as caught:
        cluster.start(["n1"], timeout=2.0)
    assert "toy node is ready" in str(caught.value), "its log said so, and was not believed"
    assert bench.all(NodeReady) == []
    assert f"tcp {port}" in bench.all(WaitEnded)[-1].last_seen


@pytest.mark.parametrize("asked", ["n1", "n2"])
def test_a_node_that_no_view_names_a_voter_is_not_up(bench: Bench, asked: str) -> None:
    """Either its own view lacks it, or that of another live node."""
    system = FakeSystem()
    cluster = bench.cluster(system, bench.nodes(2))
    without = {"main": toy_status(1, 1, (1,), 1)}
    whole = {"main": toy_status(1, 1, (1, 2), 1)}
    system.answers = {name: lambda: whole for name in ("n1", "n2")}
    cluster.start(["n1"])
    system.answers[asked] = lambda: without
    with pytest.raises(NodeError, match=f"{asked} does not name it a voter of main"):
        cluster.start(["n2"], timeout=4)
    assert [event.node for event in bench.all(NodeReady)] == ["n1"]


def test_nodes_that_need_a_quorum_are_started_together(bench: Bench) -> None:
    """After a shutdown of all, no node opens its last port before a majority runs."""
    (late,) = free_ports(1)
    nodes = bench.nodes(3)
    cluster = bench.cluster(FakeSystem(), nodes)
    nodes[0].variables["toy_extra_ports"] = [late]  # type: ignore[index]
    with cluster.observing():
        assert cluster.start(["n1"], timeout=20) == ("n1",)
        assert bench.all(NodeReady) == [], "it was left waiting, and not said to be up"
        assert not bench.all(WaitEnded)[-1].met
        # Now a majority runs, and the port is still another's: nothing excuses that.
        stranger = socket.create_server(("", late))
        with stranger, pytest.raises(NodeError, match=f"n1 is not up.*tcp {late}"):
            cluster.start(["n2"], timeout=3)
    assert [event.node for event in bench.all(NodeReady)] == ["n2"]


def test_a_node_left_waiting_is_waited_for_by_the_next_start(bench: Bench) -> None:
    (late,) = free_ports(1)
    nodes = bench.nodes(3)
    cluster = bench.cluster(FakeSystem(), nodes)
    nodes[0].variables["toy_extra_ports"] = [late]  # type: ignore[index]
    with cluster.observing():
        cluster.start(["n1"], timeout=20)
        nodes[0].variables["toy_extra_ports"] = []  # type: ignore[index]  # as if it had opened it
        cluster.start(["n2"], timeout=20)
    assert sorted(event.node for event in bench.all(NodeReady)) == ["n1", "n2"]


def test_of_many_missing_ports_only_some_are_listed(bench: Bench) -> None:
    ports = free_ports(7)
    (node,) = bench.nodes(1)
    cluster = bench.cluster(FakeSystem(), [node])
    node.variables["toy_extra_ports"] = ports  # type: ignore[index]
    with pytest.raises(NodeError, match=rf"tcp {ports[3]} \(extra4\) and 3 more") as caught:
        cluster.start(["n1"], timeout=1.0)
    assert str(ports[4]) not in str(caught.value)


def test_an_interruption_ends_the_wait(bench: Bench) -> None:
    (port,) = free_ports(1)
    (node,) = bench.nodes(1)
    cluster = bench.cluster(FakeSystem(), [node])
    node.variables["toy_extra_ports"] = [port]  # type: ignore[index]
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedRun):
        cluster.start(["n1"], stop=stop)


def test_a_node_that_dies_later_in_its_start_is_told_from_one_that_is_late(bench: Bench) -> None:
    def answer() -> dict[str, GroupStatus]:
        return {"main": toy_status(1, 1, (2,), 1)}

    system = FakeSystem()
    cluster = bench.cluster(system, bench.nodes(1))
    system.answers["n1"] = answer
    failure: list[BaseException] = []

    def start() -> None:
        try:
            cluster.start(["n1"])
        except NodeError as error:
            failure.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    until(lambda: bench.all(NodeStarted), "the start")
    running = bench.all(NodeStarted)[0].incarnation
    os.kill(running.pid, 9)
    starting.join(30)
    assert "signal 9" in str(failure[0])
