"""One trial: a node is stopped under live writers and comes back, measured as in any drill."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from raftfleet.checks.window import windows
from raftfleet.cluster import Rates
from raftfleet.journal.events import DrillEnded, DrillStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.checks.window import Window
    from raftfleet.journal.values import Incarnation
    from tests.accuracy.bench import Bench

__all__ = ["Plan", "Trial", "plan", "run"]

RATES = Rates(total=30.0, creates=3.0)
_GRACE = 15.0
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a trial does; the figures (seconds) are of the simulator's lives that begin in it."""

    number: int
    signal: str
    of_leader: bool
    figures: Mapping[str, str]


def plan(seed: int, number: int) -> Plan:
    """Draw a trial; the same seed and number give the same one."""
    random = Random(f"{seed}/{number}")
    shortest = random.uniform(0.25, 0.5)
    return Plan(
        number=number,
        signal=random.choice(("INT", "TERM", "KILL")),
        of_leader=random.random() < 0.9,
        figures={
            "HEARTBEAT": "0.08",
            "LEASE": f"{random.uniform(0.5, 1.0):.3f}",
            "ELECTION": f"{shortest:.3f}-{shortest + random.uniform(0.2, 0.5):.3f}",
            "DRAIN": f"{random.uniform(0.01, 0.6):.3f}",
            "POLL": "0.05",
            "SETTLE": f"{random.uniform(0.05, 0.4):.3f}",
            "WATCHDOG": "5",
        },
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial left: its journal as a drill's window, and whom it stopped.

    ``wall`` is how far the machine's wall clock is ahead of its monotonic one.
    """

    plan: Plan
    window: Window
    victim: str
    pids: tuple[int, int]
    wall: float


def run(bench: Bench, drawn: Plan, resolve: Callable[[str, Incarnation | None], int]) -> Trial:
    """Carry out a trial; ``resolve(node)`` returns the pid on the machine of what runs now.

    Raises `RuntimeError` when the cluster does not do what the trial waits for.
    """
    control = bench.control(drawn.figures)
    cluster = control.cluster
    cluster.describe()
    with cluster.observing():
        _must(control.await_steady())
        control.recorder.record(DrillStarted(drill="accuracy", expects=()))
        _must(control.begin_traffic(RATES))
        try:
            leader = control.view.leaders["metadata_0"] or ""
            others = [name for name in cluster.names if name != leader]
            victim = leader if drawn.of_leader else others[drawn.number % len(others)]
            before = resolve(victim, cluster.recorder.picture.node(victim).incarnation)
            cluster.stop(victim, drawn.signal, _GRACE)
            _must(control.await_failover(victim, _PATIENCE))
            cluster.start([victim], timeout=_PATIENCE)
            after = resolve(victim, cluster.recorder.picture.node(victim).incarnation)
            _must(control.await_converged(_PATIENCE, [victim]))
        finally:
            control.end_traffic()
        control.recorder.record(DrillEnded(drill="accuracy"))
        control.forget_traffic(keep_data=False)
    (window,) = windows(control.recorder.journal())
    return Trial(drawn, window, victim, (before, after), time.time() - time.monotonic())


def _must(trouble: str | None) -> None:
    if trouble:
        raise RuntimeError(trouble)
