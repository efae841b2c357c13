"""The truth of a trial, by what the kernel and the nodes themselves stamped, beside what was measured.

Nothing here is read from a stamp of raftfleet's: only which process, group and term is meant, and
which index counts as caught up.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.checks.timeline import timelines
from raftfleet.journal.agreement import watermarks
from raftfleet.journal.events import NodeReady
from raftfleet.journal.values import Interval
from tests.accuracy import kernel
from tests.accuracy.evaluation import Sample
from tests.accuracy.trial import RATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.accuracy.kernel import Seen
    from tests.accuracy.trial import Trial

__all__ = ["Stamp", "read_stamps", "samples"]

_GROUP = "metadata_0"
"""The group that takes the writers' writes."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a node stamped, on the machine's monotonic clock."""

    t: float
    what: str
    group: str
    number: int


def read_stamps(text: str, wall: float) -> list[Stamp]:
    """Read a node's stamps."""
    found = []
    for line in text.splitlines():
        t, what, group, number = line.split()
        found.append(Stamp(int(t) / 1e9 - wall, what, group, int(number)))
    return found


@dataclass(frozen=True, slots=True)
class _Witness:
    trial: Trial
    seen: list[Seen]
    stamps: Mapping[str, list[Stamp]]

    @property
    def signalled(self) -> float:
        number = int(signal.Signals[f"SIG{self.trial.plan.signal}"])
        return kernel.signalled(self.seen, self.trial.pids[0], number)

    @property
    def gone(self) -> float:
        return kernel.ended(self.seen, self.trial.pids[0])

    @property
    def born(self) -> float:
        return kernel.born(self.seen, self.trial.pids[1])

    def led(self, node: str, group: str, term: int) -> float:
        return next(
            one.t
            for one in self.stamps[node]
            if (one.what, one.group, one.number) == ("leads", group, term)
        )

    def served(self) -> float:
        """When another node first led the group of the writers."""
        return min(
            one.t
            for node, stamps in self.stamps.items()
            for one in stamps
            if node != self.trial.victim
            and (one.what, one.group) == ("leads", _GROUP)
            and one.t > self.refused()
        )

    def refused(self) -> float:
        """When the victim's group of the writers ended: with its process at the latest."""
        ends = [
            one.t
            for one in self.stamps[self.trial.victim]
            if (one.what, one.group) == ("stopped", _GROUP) and one.t >= self.signalled
        ]
        return min([*ends, self.gone])

    def caught_up(self, marks: Mapping[str, int]) -> float:
        own = [one for one in self.stamps[self.trial.victim] if one.t >= self.born]
        reached = [
            next(
                one.t
                for one in own
                if (one.what, one.group) == ("applied", group) and one.number >= mark
            )
            for group, mark in marks.items()
        ]
        return max(kernel.listening(self.seen, self.trial.pids[1]), *reached)


def samples(trial: Trial, seen: list[Seen], stamps: Mapping[str, list[Stamp]]) -> Iterator[Sample]:
    """Yield what was measured in a trial, each with its truth."""
    witness = _Witness(trial, seen, stamps)
    yield from _exit(trial, witness)
    yield from _failovers(trial, witness)
    if trial.plan.of_leader:
        yield _outage(trial, witness)
        yield from _rejoin(trial, witness)


def _sample(
    trial: Trial, quantity: str, truth: float, measured: Interval | None, allowance: float = 0.0
) -> Sample:
    what = f"SIG{trial.plan.signal} to {trial.victim}"
    point = Interval(truth, truth)
    return Sample(quantity, trial.plan.number, point, measured, allowance, what)


def _exit(trial: Trial, witness: _Witness) -> Iterator[Sample]:
    found = [one for one in trial.window.exits if one.node == trial.victim]
    measured = found[0].latency if found else None
    yield _sample(trial, "exit", witness.gone - witness.signalled, measured)


def _failovers(trial: Trial, witness: _Witness) -> Iterator[Sample]:
    groups: set[str] = set()
    for one in trial.window.succession.failovers:
        if one.victim == trial.victim and one.new_leader and one.new_term is not None:
            truth = witness.led(one.new_leader, one.group, one.new_term) - witness.gone
            groups.add(one.group)
            yield _sample(trial, "failover", truth, one.elected)
    if trial.plan.of_leader and _GROUP not in groups:
        yield _sample(trial, "failover", witness.served() - witness.gone, None)


def _outage(trial: Trial, witness: _Witness) -> Sample:
    gone, served = witness.refused(), witness.served()
    overall = [one for one in trial.window.outages if not one.via]
    around = [one for one in overall if one.start < served and one.end > gone]
    period = len(trial.window.after.nodes) / RATES.of("register", ("register", "create"))
    measured = around[0].lasted if around else None
    return _sample(trial, "outage", served - gone, measured, 2 * period)


def _rejoin(trial: Trial, witness: _Witness) -> Iterator[Sample]:
    lines = [one for one in timelines(trial.window) if one.victim == trial.victim]
    for event, _, after in trial.window.walk():
        if isinstance(event, NodeReady) and event.node == trial.victim:
            marks = watermarks(after)
            if len(marks) == len(after.groups):
                truth = witness.caught_up(marks) - witness.born
                yield _sample(trial, "rejoin", truth, lines[0].rejoin if lines else None)
