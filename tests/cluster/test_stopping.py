"""A stop is measured on the host, and the truth lies in what is said of it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster import stopping
from raftfleet.cluster.hostclock import WAYS, HostClocks
from raftfleet.cluster.identity import find
from raftfleet.cluster.remote import Place, asset
from raftfleet.cluster.stopping import Ending, Stopped, signal_number
from raftfleet.errors import UnreachableError, UsageError
from raftfleet.journal import Standing
from raftfleet.journal.events import (
    Event,
    HostLost,
    NodeExited,
    NodeFound,
    NodeNotExited,
    NodeSignalled,
    NodeStopIntent,
)
from raftfleet.journal.values import Incarnation
from raftfleet.testing.system import toy_node
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import Exited, LocalOptions, Outcome, make_transport
from tests.cluster.bench import Bench, until

if TYPE_CHECKING:
    from raftfleet.cluster.life import NodeLife
    from raftfleet.transport import Command

DELAY = 0.3
SLOW = f"""exec /usr/bin/python3 -S -E -c '
import signal, sys, time
def end(*_):
    came = time.clock_gettime(7)
    time.sleep({DELAY})
    print("times", came, time.clock_gettime(7), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True: time.sleep(60)'"""
DEAF = """exec /usr/bin/python3 -S -E -c '
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True: time.sleep(60)'"""


def console(bench: Bench) -> list[str]:
    return (bench.folder / "n1/logs/console.log").read_text().split()


def up(bench: Bench, line: str) -> tuple[NodeLife, Incarnation]:
    """Start a node and wait until it has set its handlers."""
    life = bench.life(line)
    life.start()
    running = find(life.place)
    assert running is not None
    if "ready" in line:
        until(lambda: "ready" in console(bench), "the node's word")
    return life, running


def stop(
    bench: Bench, running: Incarnation, way: str = "python", name: str = "TERM", grace: float = 20
) -> Stopped:
    clocks = HostClocks(bench.recorder, bench.clock, (way,))
    return stopping.stop(bench.place(), running, name, grace, bench.recorder, clocks, (way,))


@pytest.mark.parametrize("way", WAYS)
def test_the_latency_contains_the_truth(bench: Bench, way: str) -> None:
    _, running = up(bench, SLOW)
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    stopped = stop(bench, running, way)
    over = time.clock_gettime(time.CLOCK_BOOTTIME)
    said = console(bench)
    came, gone = (float(word) for word in said[said.index("times") + 1 :][:2])
    latency = stopped.latency
    assert latency is not None
    # The signal was sent before it came, the process was gone after its last word.
    assert latency.hi >= gone - came >= DELAY
    # It lay within our call, and the record cannot be longer than that.
    assert latency.lo <= over - began
    assert latency.width < 0.5
    assert stopped.status == 0
    assert stopped.ending is Ending.EXITED
    shift = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    signalled, exited = bench.only(NodeSignalled), bench.only(NodeExited)
    assert signalled.at.lo <= came - shift
    assert exited.at.hi >= gone - shift
    assert exited.at.lo <= over - shift
    assert exited.latency == latency


@pytest.mark.parametrize("way", ["python", "perl"])
def test_the_kernels_word_is_exact_to_a_few_milliseconds(bench: Bench, way: str) -> None:
    """The best of some tries: on a busy machine any one of them may have had to queue."""
    widths = []
    for _ in range(5):
        (bench.folder / "n1/logs/console.log").unlink(missing_ok=True)
        _, running = up(bench, SLOW)
        stopped = stop(bench, running, way)
        assert stopped.method == "pidfd"
        assert stopped.latency is not None
        widths.append(stopped.latency.width)
        if widths[-1] < 0.01:
            return
    raise AssertionError(widths)


def test_everything_is_recorded_in_order(bench: Bench) -> None:
    _, running = up(bench, SLOW)
    stop(bench, running)
    kinds: list[type[Event]] = [NodeStopIntent, NodeSignalled, NodeExited]
    told = [event for event in bench.recorder.journal().events if type(event) in kinds]
    assert [type(event) for event in told] == kinds
    intent, signalled, exited = told
    assert isinstance(intent, NodeStopIntent)
    assert isinstance(signalled, NodeSignalled)
    assert isinstance(exited, NodeExited)
    assert (intent.signal, intent.grace, intent.leads) == ("TERM", 20, ())
    assert signalled.incarnation == exited.incarnation == running
    assert signalled.at.lo >= intent.t - 0.05
    assert exited.signal == "TERM"
    assert bench.recorder.picture.standing("n1") is Standing.DOWN


@pytest.mark.parametrize("way", WAYS)
def test_a_node_that_ignores_the_signal_is_shown_with_what_it_ignores(
    bench: Bench, way: str
) -> None:
    _, running = up(bench, DEAF)
    stopped = stop(bench, running, way, grace=0.5)
    assert stopped.ending is Ending.ALIVE
    assert stopped.latency is None
    event = bench.only(NodeNotExited)
    assert event.waited >= 0.4
    assert int(event.sigign, 16) & 1 << (signal.SIGTERM - 1)
    assert bench.only(NodeSignalled).sigign == event.sigign
    assert bench.all(NodeExited) == []
    assert find(bench.place()) == running
    assert stop(bench, running, way, name="SIGKILL").status == -9


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_took_over_the_pid_is_left_alone(bench: Bench, way: str) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        stopped = stop(bench, Incarnation(bystander.pid, 12345, 1), way)
        assert stopped.ending is Ending.NOT_RUNNING
        assert bystander.poll() is None
        assert bench.all(NodeSignalled) == []
        assert bench.all(NodeExited) == []
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_is_gone_was_not_ended_by_us(bench: Bench, way: str) -> None:
    _, running = up(bench, "exec sleep 60")
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: find(bench.place()) is None, "the end")
    assert stop(bench, running, way).ending is Ending.NOT_RUNNING
    assert bench.all(NodeSignalled) == []


def test_an_exit_that_nobody_kept_has_no_status(bench: Bench) -> None:
    _, running = up(bench, "exec sleep 60")
    stat = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
    waiter = int(stat[1])
    os.kill(waiter, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{waiter}").exists() or waiter == 1, "the waiter's end")
    stopped = stop(bench, running)
    assert stopped.ending is Ending.EXITED
    assert stopped.status is None
    assert bench.only(NodeExited).status is None


def test_a_host_with_nothing_better_is_asked_by_its_shell(bench: Bench) -> None:
    _, running = up(bench, "exec sleep 60")
    tools = bench.folder / "tools"
    tools.mkdir()
    for name in ("python3", "perl"):
        (tools / name).write_text("#!/bin/sh\nexit 3\n")
        (tools / name).chmod(0o755)
    script = f"PATH={tools}:/bin; " + asset("stop.sh").replace("/usr/bin/python3", "python3")
    done = subprocess.run(
        ["sh", "-c", f"{_variables(running)}\nroot={bench.state}\n{asset('state.sh')}{script}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "method shell" in done.stdout
    assert "gone" in done.stdout


def _variables(running: Incarnation) -> str:
    return (
        f"cluster=bench node=n1 pid={running.pid} start={running.start_time} counter=1 signal=15 "
        "grace=10 ways='python perl shell' python=pass perl=1"
    )


# --- a connection that breaks ------------------------------------------------------------------


class Severing:
    """A transport that loses its connection while a stop is under way, after the signal was sent."""

    def __init__(self, *, away: bool = False) -> None:
        self._inner = make_transport("n1", LocalOptions())
        self._away = away
        self.broken = False

    @property
    def host(self) -> str:
        return "n1"

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        from raftfleet.transport import Lost  # noqa: PLC0415

        if self.broken and self._away:
            raise UnreachableError("n1 is away")
        outcome = self._inner.run(command, timeout=timeout, stdin=stdin)
        if "by_shell" in command.line and "signal=" in command.line:
            self.broken = True
            return Lost(reason="the network is gone", began=outcome.began, ended=outcome.ended)
        return outcome


@pytest.mark.parametrize("away", [False, True])
def test_a_stop_whose_connection_broke_claims_nothing(bench: Bench, away: bool) -> None:
    life, running = up(bench, "exec sleep 60")
    place = bench.place()
    severing = Severing(away=away)
    life.place = Place(place.node, place.cluster, severing, root=place.root)  # type: ignore[arg-type]
    found_before = len(bench.all(NodeFound))
    stopped = life.stop("TERM", 10)
    assert severing.broken
    assert stopped.ending is Ending.UNKNOWN
    assert bench.all(NodeSignalled) == []
    assert bench.all(NodeExited) == []
    assert "the network is gone" in bench.all(HostLost)[0].reason
    seen = [event.incarnation for event in bench.all(NodeFound)[found_before:]]
    assert seen == ([] if away else [None])
    # Later the host answers again: the node is down, and nobody says it crashed.
    life.place = place
    assert not life.settle()
    assert bench.all(NodeExited) == []
    assert bench.all(NodeFound)[-1].incarnation is None
    assert find(place) != running


def test_a_host_that_cannot_be_had_was_not_signalled(bench: Bench) -> None:
    transport = FakeTransport("n1")
    transport.on("*", Exited(status=0))
    transport.refuse(UnreachableError("n1 is away"))
    place = Place(toy_node("n1", 1, bench.folder, 1), "c", transport)
    clocks = HostClocks(bench.recorder, bench.clock)
    with pytest.raises(UnreachableError):
        stopping.stop(place, Incarnation(1, 1, 1), "TERM", 1, bench.recorder, clocks)
    assert bench.only(HostLost).host == "n1"
    assert bench.all(NodeSignalled) == []


# --- names of signals --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "number"), [("INT", 2), ("sigterm", 15), ("SIGKILL", 9)])
def test_a_signal_has_its_number_under_every_spelling(name: str, number: int) -> None:
    assert signal_number(name) == number


def test_a_misspelt_signal_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean TERM"):
        signal_number("TREM")


def test_one_node_is_acted_on_by_one_thread_at_a_time(bench: Bench) -> None:
    """A stop under way is neither disturbed nor reported twice by whoever finds the node silent."""
    life, _ = up(bench, SLOW)
    asked = threading.Thread(target=life.stop, args=("TERM", 20))
    asked.start()
    until(lambda: bench.all(NodeStopIntent), "the intent")
    while asked.is_alive():
        life.settle()
    asked.join()
    life.settle()
    assert [event.signal for event in bench.all(NodeExited)] == ["TERM"]
