"""A watch goes on whatever happens to nodes and hosts, says what is wrong, and changes nothing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, cast

import pytest

from raftfleet.clock import SystemClock
from raftfleet.errors import AuthenticationError, LockLostError, UnreachableError
from raftfleet.journal import Recorder, Standing
from raftfleet.journal.events import StatusMissed
from raftfleet.serve.own import Own
from raftfleet.serve.watch import KEPT, Watch
from raftfleet.testing.system import FakeSystem
from raftfleet.transport import LocalOptions, make_transport
from tests.cluster.bench import Bench, end_lives, until

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from raftfleet.cluster import Cluster
    from raftfleet.serve.log import Log
    from raftfleet.transport import Command, Transport
    from raftfleet.transport.protocol import Outcome


class Gate:
    """A way to a host that can be shut with an error."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.shut: UnreachableError | None = None
        self.knocks = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def connect(self, *, timeout: float) -> None:
        self.knocks += 1
        if self.shut:
            raise self.shut
        self._inner.connect(timeout=timeout)

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        if self.shut:
            raise self.shut
        return self._inner.run(command, timeout=timeout, stdin=stdin)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("watch")
    with Recorder(folder / "run", SystemClock()) as recorder:
        yield Bench(folder, recorder)
    end_lives(folder / "state")


@pytest.fixture(scope="module")
def trio(bench: Bench) -> Cluster:
    """Three toys that run."""
    cluster = bench.cluster(FakeSystem(), bench.nodes(3))
    cluster.start(["n1", "n2", "n3"])
    return cluster


@pytest.fixture
def gates(trio: Cluster) -> dict[str, Gate]:
    return {name: Gate(make_transport(name, LocalOptions())) for name in trio.names}


@pytest.fixture
def watch(
    bench: Bench, trio: Cluster, gates: dict[str, Gate], log: Log, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watch]:
    monkeypatch.setattr("raftfleet.serve.watch._HOSTS_EVERY", 0.1)
    monkeypatch.setattr("raftfleet.serve.patience._FIRST", 0.05)
    monkeypatch.setattr("raftfleet.serve.patience._REFUSED_FIRST", 0.05)
    with Watch(
        *("bench", trio.system, trio.nodes, cast("dict[str, Transport]", gates)),
        *(SystemClock(), log),
        period=0.05,
        root=str(bench.state),
    ) as made:
        until(lambda: made.ready and made.unsteady() is None, "a steady state")
        yield made


def own_of(watch: Watch) -> Own:
    own = Own(SystemClock(), dict)
    own.watch = watch
    return own


def test_a_whole_cluster_is_steady_and_watched(watch: Watch) -> None:
    own, live = own_of(watch).figures(), watch.live.figures()
    assert own.value("raftfleet_cluster_steady", "bench") == 1
    assert own.value("raftfleet_host_reachable", "bench", "n2") == 1
    assert live.value("raftfleet_raft_has_leader", "bench", "main") == 1
    assert live.value("raftfleet_node_standing", "bench", "n3", "alive") == 1
    assert watch.alive
    assert watch.locked() is None


def test_a_node_that_dies_and_comes_back(watch: Watch, trio: Cluster, lines: io.StringIO) -> None:
    running = watch.picture.node("n3").incarnation
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: watch.picture.standing("n3") is Standing.DOWN, "the end of it")
    assert own_of(watch).figures().value("raftfleet_cluster_steady", "bench") == 0
    assert watch.live.figures().value("raftfleet_raft_term", "bench", "main", "n3") is None
    assert "n3" in str(watch.unsteady())
    trio.start(["n3"])
    until(lambda: watch.unsteady() is None, "its return")
    said = lines.getvalue()
    assert 'msg="node does not answer" node=n3' in said
    assert 'msg="node answers again" node=n3' in said
    assert watch.alive


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnreachableError("n2: no route to host"), "unreachable"),
        (
            AuthenticationError("n2: wrong password", hint="look at ansible_password"),
            "authentication",
        ),
    ],
)
def test_a_host_that_cannot_be_asked_is_named_and_found_back(
    watch: Watch, gates: dict[str, Gate], lines: io.StringIO, error: UnreachableError, reason: str
) -> None:
    gates["n2"].shut = error
    until(lambda: "n2" in watch.trouble, "the trouble")
    figures = own_of(watch).figures()
    assert figures.value("raftfleet_host_reachable", "bench", "n2") == 0
    assert figures.value("raftfleet_host_trouble", "bench", "n2", reason) == 1
    assert figures.value("raftfleet_host_reachable", "bench", "n1") == 1
    assert watch.unsteady() is None  # its API answers all the same
    with pytest.raises(UnreachableError, match="n2"):
        watch.locked()
    assert error.message in lines.getvalue()
    assert lines.getvalue().count("host cannot be asked") == 1
    gates["n2"].shut = None
    until(lambda: not watch.trouble, "its return")
    assert 'msg="host is back" node=n2' in lines.getvalue()


def test_the_lock_of_another_controller_is_seen(watch: Watch, bench: Bench, trio: Cluster) -> None:
    from raftfleet.cluster import Cluster, Holder  # noqa: PLC0415

    transports = {name: make_transport(name, LocalOptions()) for name in trio.names}
    other = Cluster(
        *("bench", trio.system, trio.nodes, transports, Recorder(None, bench.clock), bench.clock),
        root=str(bench.state),
        holder=Holder.ourselves("run x", bench.clock.wall()),
    )
    assert other.lock is not None
    other.lock.acquire()
    try:
        assert "run x" in str(watch.locked())
    finally:
        other.lock.release()
    assert watch.locked() is None


def test_a_watch_cannot_change_anything(watch: Watch) -> None:
    with pytest.raises(LockLostError):
        watch.cluster.stop("n1", "KILL", 1)
    assert watch.picture.standing("n1") is Standing.ALIVE


def test_its_journal_keeps_only_the_newest(watch: Watch) -> None:
    for number in range(2 * KEPT):
        watch.recorder.record(StatusMissed(node=f"x{number % 3}", since=0.0, reason="-"))
    assert len(watch.recorder.journal().events) == KEPT


def test_hosts_are_left_to_a_drill_while_it_runs(watch: Watch, gates: dict[str, Gate]) -> None:
    watch.busy.set()
    ticks = watch.recorder.picture.t
    until(lambda: watch.recorder.picture.t > ticks + 1, "a tick, after what was under way")
    knocks = gates["n1"].knocks
    ticks = watch.recorder.picture.t
    until(lambda: watch.recorder.picture.t > ticks + 1, "another tick")
    assert gates["n1"].knocks == knocks
