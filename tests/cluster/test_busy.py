"""Processor time is the process's own, told by its host, and begins anew with each life."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from typing import TYPE_CHECKING

from raftfleet.cluster.busy import BusyWatch
from raftfleet.journal.events import NodeBusy
from tests.cluster.bench import until

if TYPE_CHECKING:
    from tests.cluster.bench import Bench

BURNS = "exec python3 -c 'while True: pass'"
RESTS = "exec sleep 600"


def watch(bench: Bench, *lines: str, samples: int = 2) -> dict[str, list[NodeBusy]]:
    """Start a node for each line, and watch until each has been sampled so often."""
    lives = [bench.life(line, f"n{place}") for place, line in enumerate(lines, 1)]
    for life in lives:
        life.start()
    watching = BusyWatch({life.name: life.place for life in lives}, bench.recorder, bench.clock)
    watching.start()

    def found() -> dict[str, list[NodeBusy]]:
        events = bench.all(NodeBusy)
        return {life.name: [e for e in events if e.node == life.name] for life in lives}

    until(lambda: all(len(one) >= samples for one in found().values()), "samples of all")
    watching.stop()
    return found()


def test_a_loop_burns_a_core_and_a_sleeper_does_not(bench: Bench) -> None:
    found = watch(bench, BURNS, RESTS)

    def share(name: str) -> float:
        return sum(e.cpu for e in found[name]) / sum(e.t - e.since for e in found[name])

    assert share("n2") < 0.05
    assert share("n1") > 5 * max(share("n2"), 0.02)
    assert share("n1") < 1.2


def test_samples_follow_each_other_and_name_the_process(bench: Bench) -> None:
    (samples,) = watch(bench, RESTS, samples=3).values()
    for before, after in pairwise(samples):
        assert before.t == after.since or abs(before.t - after.since) < 1e-5
        assert after.since < after.t
    pid = bench.recorder.picture.node("n1").incarnation
    assert pid is not None
    assert {one.incarnation.pid for one in samples} == {pid.pid}


def test_the_state_of_the_process_is_told(bench: Bench) -> None:
    life = bench.life(RESTS)
    life.start()
    watching = BusyWatch({"n1": life.place}, bench.recorder, bench.clock)
    watching.start()
    until(lambda: [e for e in bench.all(NodeBusy) if e.state == "S"], "a sample of a sleeper")
    incarnation = bench.recorder.picture.node("n1").incarnation
    assert incarnation is not None
    os.kill(incarnation.pid, signal.SIGSTOP)
    until(lambda: [e for e in bench.all(NodeBusy) if e.state == "T"], "a sample of one stopped")
    watching.stop()


def test_another_life_begins_anew(bench: Bench) -> None:
    life = bench.life(RESTS)
    life.start()
    watching = BusyWatch({"n1": life.place}, bench.recorder, bench.clock)
    watching.start()
    until(lambda: bench.all(NodeBusy), "a sample of the first life")
    life.stop("KILL", 10)
    life.start()
    until(lambda: len({e.incarnation.pid for e in bench.all(NodeBusy)}) == 2, "one of the second")
    watching.stop()
    assert all(0 <= one.cpu < 1 for one in bench.all(NodeBusy))


def test_its_command_on_the_host_ends_with_it(bench: Bench) -> None:
    life = bench.life(RESTS)
    life.start()
    watching = BusyWatch({"n1": life.place}, bench.recorder, bench.clock)
    watching.start()
    until(lambda: bench.all(NodeBusy), "a sample")
    watching.stop()
    count = len(bench.all(NodeBusy))
    watching.start()
    until(lambda: len(bench.all(NodeBusy)) > count, "a sample after another start")
    watching.stop()
