"""The cluster as drills use it: on this machine, and on real SSH hosts with clocks of their own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import SystemClock
from raftfleet.cluster import Cluster, Ending
from raftfleet.errors import NodeError, UnreachableError, UsageError
from raftfleet.journal import Recorder, Standing
from raftfleet.journal.events import (
    ClusterDescribed,
    ClusterGeneration,
    HostClockRead,
    LogCollected,
    LogLine,
    LogMissing,
    NodeDeployed,
    NodeExited,
    NodeFound,
    NodeReady,
    NodeSignalled,
    NodeStarted,
    NodeWiped,
)
from raftfleet.testing.system import FakeSystem, toy_node
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import Command
from tests.cluster.bench import PATIENCE, events_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.sandbox import Sandbox
    from raftfleet.transport import Transport
    from tests.cluster.bench import Bench


# --- on this machine ---------------------------------------------------------------------------


def test_the_description_holds_all_that_judging_needs(bench: Bench) -> None:
    nodes = bench.nodes(2)
    bench.cluster(FakeSystem(("main", "other"), bound=1.5), nodes, period=0.05)
    event = bench.only(ClusterDescribed)
    assert (event.system, event.cluster) == ("toy", "bench")
    assert event.nodes == tuple(node.identity for node in nodes)
    assert event.groups == ("main", "other")
    assert event.timing is not None
    assert event.ports["n1"][0].number == nodes[0].variables["toy_port"]
    assert event.markers["terminating"] == "terminating"
    assert [rule.name for rule in event.log_rules] == ["oops"]
    assert (event.exit_bound, event.watchdog, event.poll_period) == (1.5, None, 0.05)


def test_a_node_that_is_none_names_the_nearest(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(2))
    with pytest.raises(UsageError, match="bench has no node 'n22'") as caught:
        cluster.stop("n22")
    assert "n2" in str(caught.value.hint)


def test_finding_asks_every_host_and_returns_those_that_cannot_say(bench: Bench) -> None:
    nodes = bench.nodes(2)
    cluster = bench.cluster(FakeSystem(), nodes)
    away = FakeTransport("n2")
    away.refuse(UnreachableError("n2 is away"))
    cluster = Cluster(
        "bench",
        cluster.system,
        nodes,
        {"n1": cluster.life("n1").place.transport, "n2": away},
        bench.recorder,
        bench.clock,
        root=str(bench.state),
    )
    failed = cluster.find()
    assert {name: error.message for name, error in failed.items()} == {"n2": "n2 is away"}
    assert [event.node for event in bench.all(NodeFound)] == ["n1"]
    assert {event.host for event in bench.all(HostClockRead)} == {"n1"}


def test_what_was_deployed_is_what_must_run(bench: Bench) -> None:
    (node,) = bench.nodes(1)
    system = FakeSystem()
    cluster = bench.cluster(system, [node])
    (artifact,) = system.artifacts(node)
    path = str(node.home / artifact.target)
    cluster.deployed("n1", path, artifact.digest)
    assert cluster.start(["n1"]) == ("n1",)
    assert bench.only(NodeStarted).executable == artifact.digest
    cluster.stop("n1", "KILL")
    cluster.deployed("n1", path, "0" * 64)
    with pytest.raises(NodeError, match="does not run what was deployed"):
        cluster.start(["n1"])
    assert [event.digest[:4] for event in bench.all(NodeDeployed)] == [artifact.digest[:4], "0000"]


def test_a_failover_is_waited_for_in_the_terms_the_victim_led(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(3))
    cluster.start(["n1", "n2", "n3"])
    with cluster.observing():
        assert cluster.waits.agreement(timeout=PATIENCE)
        stopped = cluster.stop("n1", "INT", PATIENCE)
        assert stopped.led == {"main": 1}
        found = cluster.await_failover("n1", timeout=0.5)
        assert not found.moved, "nobody has told the toys to elect"
        assert "main" in found.waiting
    assert [event.signal for event in bench.all(NodeExited)] == ["INT"]


def test_wiping_all_nodes_begins_a_generation_and_wiping_one_does_not(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(2))
    cluster.wipe(["n1"])
    assert bench.all(ClusterGeneration) == []
    cluster.wipe(["n2", "n1"])
    assert bench.only(ClusterGeneration).generation == 1
    assert [event.node for event in bench.all(NodeWiped)] == ["n1", "n2", "n1"]
    cluster.wipe(["n1", "n2"])
    assert [event.generation for event in bench.all(ClusterGeneration)] == [1, 2]


def test_every_process_is_looked_at_again_when_logs_are_collected(bench: Bench) -> None:
    """Only its host can show that a bystander was not replaced between two polls."""
    cluster = bench.cluster(FakeSystem(), bench.nodes(2))
    cluster.start(["n1", "n2"])
    cluster.remember_logs()
    cluster.stop("n1", "KILL")
    acted = bench.all(NodeExited)[-1].seq
    cluster.collect_logs()
    (found,) = [event for event in bench.all(NodeFound) if event.seq > acted]
    assert found.node == "n2"
    assert found.incarnation == cluster.recorder.picture.node("n2").incarnation
    assert {event.node for event in bench.all(LogCollected)} == {"n1", "n2"}


def test_patience_covers_what_the_timing_promises(bench: Bench) -> None:
    cluster = bench.cluster(FakeSystem(), bench.nodes(1))
    assert cluster.patience >= 60


# --- on hosts behind SSH -----------------------------------------------------------------------


@dataclass
class Fleet:
    """Toys on three hosts whose clocks are months away from ours and from each other."""

    cluster: Cluster
    recorder: Recorder
    hosts: Sandbox
    ssh: dict[str, Transport]


@pytest.fixture
def fleet(hosts: Sandbox, ssh: dict[str, Transport], tmp_path: Path) -> Iterator[Fleet]:
    system = FakeSystem(("main", "other"))
    nodes = [
        toy_node(
            host.name,
            host.index,
            PurePosixPath(f"/opt/toy-{host.name}"),
            7000,
            address=host.address,
            exit_delay=0.2,
        )
        for host in hosts.hosts
    ]
    with Recorder(tmp_path / "run", SystemClock()) as recorder:
        for node in nodes:
            system.install(ssh[node.name], node, nodes)
        cluster = Cluster("raft", system, nodes, ssh, recorder, SystemClock())
        cluster.describe()
        yield Fleet(cluster, recorder, hosts, ssh)
    assert not [one for one in threading.enumerate() if one.name.startswith("observe")]


@pytest.mark.hosts
def test_a_life_on_a_host_from_start_to_last_log_line(fleet: Fleet) -> None:
    cluster, recorder = fleet.cluster, fleet.recorder
    assert cluster.find() == {}
    began = time.monotonic()
    assert cluster.start(cluster.names) == ("n1", "n2", "n3")
    up = time.monotonic()
    cluster.remember_logs()
    with cluster.observing():
        assert cluster.waits.agreement(timeout=PATIENCE)
        asked = time.monotonic()
        stopped = cluster.stop("n2", "INT", PATIENCE)
        over = time.monotonic()
    cluster.collect_logs()

    for started in events_of(recorder, NodeStarted):
        assert began - 0.02 <= started.at.lo <= started.at.hi <= up + 0.02
        assert int(started.sigign, 16) == 0
    assert [event.node for event in events_of(recorder, NodeReady)] == ["n1", "n2", "n3"]

    assert stopped.ending is Ending.EXITED
    assert stopped.status == 0
    assert stopped.method == "pidfd"
    assert stopped.latency is not None
    assert stopped.latency.hi >= 0.2
    assert stopped.latency.lo <= over - asked
    (signalled,) = events_of(recorder, NodeSignalled)
    (exited,) = events_of(recorder, NodeExited)
    assert asked <= signalled.at.lo
    assert exited.at.hi <= over
    assert exited.at.hi >= signalled.at.lo + 0.2

    lines = {line.marker: line for line in events_of(recorder, LogLine) if line.node == "n2"}
    assert lines.keys() == {"shutdown_requested", "terminating"}
    assert lines["shutdown_requested"].at.hi >= signalled.at.lo
    assert lines["terminating"].at.lo <= exited.at.hi
    assert events_of(recorder, LogMissing) == []
    assert {event.node for event in events_of(recorder, LogCollected)} == {"n1", "n2", "n3"}


@pytest.mark.hosts
def test_nodes_outlive_the_connection_that_started_them(fleet: Fleet) -> None:
    cluster = fleet.cluster
    cluster.start(["n1"])
    running = cluster.recorder.picture.node("n1").incarnation
    fleet.ssh["n1"].close()
    other = Recorder(None, SystemClock())
    again = Cluster("raft", cluster.system, cluster.nodes, fleet.ssh, other, SystemClock())
    assert again.find() == {}
    assert other.picture.node("n1").incarnation == running
    assert other.picture.node("n2").process is Standing.DOWN


@pytest.mark.hosts
def test_a_crash_on_a_host_is_found_out_with_status_and_time(fleet: Fleet) -> None:
    cluster, recorder = fleet.cluster, fleet.recorder
    cluster.start(cluster.names)
    with cluster.observing():
        until(lambda: cluster.recorder.picture.live() == ("n1", "n2", "n3"), "all answer")
        running = cluster.recorder.picture.node("n3").incarnation
        assert running is not None
        earliest = time.monotonic()
        fleet.ssh["n3"].run(Command(f"kill -SEGV {running.pid}"), timeout=PATIENCE)
        until(lambda: events_of(recorder, NodeExited), "the exit")
        latest = time.monotonic()
    (exited,) = events_of(recorder, NodeExited)
    assert (exited.node, exited.status, exited.latency) == ("n3", -11, None)
    assert earliest <= exited.at.hi
    assert exited.at.lo <= latest
    assert exited.at.width < 1.0


@pytest.mark.hosts
def test_records_lie_where_only_root_may_look(fleet: Fleet) -> None:
    fleet.cluster.start(["n1"])
    outcome = fleet.ssh["n1"].run(
        Command("stat -c '%a %U' /run/raftfleet /run/raftfleet/clusters/raft/n1"),
        timeout=PATIENCE,
    )
    assert outcome.out.split() == ["700", "root", "700", "root"]
