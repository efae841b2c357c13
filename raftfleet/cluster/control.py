"""The controls of a cluster: what tasks and drills do with it, under one guard and one stop signal."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from raftfleet.errors import TaskError, UnreachableError, UsageError
from raftfleet.transport import Command

from .abandoned import remove
from .guard import may_stop
from .healing import take_over
from .naming import user_to_become
from .onlooker import Onlooker
from .stopping import Ending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal.events import WritesRemoved
    from raftfleet.systems.protocol import Node
    from raftfleet.transport.protocol import Transport

    from .abandoned import Abandoned
    from .cluster import Cluster
    from .traffic import Rates, Traffic

__all__ = ["Control"]

_BASELINE = 3
"""Writes through each node that have to be acknowledged before anything is done."""
_FIRST_WRITES = 20.0
_ASK = 20.0


class Control(Onlooker):
    """Acts on a cluster for one run.

    ``guarded`` puts the quorum guard in front of every stop, and ``passing`` has the hosts keep a
    record that what is stopped is to be started again; a drill sets both. ``given_up`` says why the
    drill under way has nothing more to show, if a task found that out. ``limit`` are the nodes that
    tasks may change, all if it is None; what a run undoes is its own affair. Once ``stop`` is set
    waits raise `InterruptedRun`; what undoes a drill's own doing goes on all the same.
    """

    def __init__(
        self,
        cluster: Cluster,
        transports: Mapping[str, Transport],
        clock: Clock,
        stop: threading.Event,
        *,
        limit: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(cluster, clock, stop)
        self.guarded = False
        self.passing = False
        self.limit = limit
        self._claiming = threading.Lock()
        self._transports = transports
        self._traffic: Traffic | None = None
        self._token = os.urandom(3).hex()
        self._drills = 0
        self.given_up = ""

    def transport(self, name: str) -> Transport:
        """Return the way to a node's host."""
        return self._transports[name]

    def node(self, name: str) -> Node:
        """Return a node by name; `UsageError` when the cluster has none of it."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise UsageError(
            f"{name} is no node of the cluster {self.cluster.name}",
            hint=f"nodes: {', '.join(self.cluster.names)}",
        )

    def belonging_to_others(self, user: str) -> dict[str, str]:
        """Return whose the nodes are that are not this user's, as far as their hosts say.

        A host is asked where the inventory alone does not tell.
        """
        found = {}
        for node in self.nodes:
            become = user_to_become(node.variables)
            if become == user:
                continue
            said = self.transport(node.name).run(Command("id -un", become=become), timeout=_ASK)
            if said.ok and said.out.strip() != user:
                found[node.name] = said.out.strip()
        return found

    # --- acting ------------------------------------------------------------------------------

    def claim(self) -> None:
        """Take the cluster lock, unless we have it: whoever is about to change something does so.

        It is kept until the run ends. Raises `LockHeldError` naming who has it.
        """
        if self.cluster.lock is not None:
            with self._claiming:
                self.cluster.lock.acquire(stop=self._stop)

    def take_over(self) -> str:
        """Take the cluster lock from a dead run; return whose it was; see `healing.take_over`."""
        lock = self.cluster.lock
        with self._claiming:
            return take_over(lock, self._clock, stop=self._stop) if lock is not None else ""

    def release(self) -> None:
        """Give the cluster lock back, if we have it."""
        if self.cluster.lock is not None:
            self.cluster.lock.release()

    def fenced(self, name: str, line: str) -> str:
        """Return a shell line for a node's host that does nothing unless the lock is ours there."""
        return self.cluster.fenced(name, line)

    def start(self, names: Sequence[str], *, timeout: float | None = None) -> tuple[str, ...]:
        """Start nodes one at a time; return those started."""
        self.claim()
        return self.cluster.start(names, timeout=timeout, stop=self._stop)

    def wipe(self, names: Sequence[str]) -> bool:
        """Empty the data directories of nodes that are down; tell whether any held something."""
        self.claim()
        return any(self.cluster.wipe(names).values())

    def restart(self, names: Sequence[str]) -> None:
        """Start again what a drill had stopped, interrupted or not."""
        self.cluster.start(names)

    def stop(self, name: str, signal: str, grace: float) -> bool:
        """Signal a node and wait for its end; return whether it is gone.

        Raises `TaskError` when the quorum guard is up and the node may not be taken away.
        """
        self.heed()
        if self.guarded and (reason := may_stop(self.recorder.picture, name)) is not None:
            raise TaskError(
                f"stopping {name} would cost the quorum: {reason}",
                hint="start what is down first, or say allow_quorum_loss: true in drill:",
            )
        self.claim()
        ending = self.cluster.stop(name, signal, grace, passing=self.passing).ending
        if ending is Ending.UNKNOWN:
            raise UnreachableError(f"{name}: the connection broke while it was being stopped")
        return ending is not Ending.ALIVE

    def launch(self, names: Sequence[str]) -> tuple[str, ...]:
        """Start processes and do not wait until they are up; return those started."""
        self.heed()
        self.claim()
        return tuple(name for name in names if self.cluster.launch(name))

    def heal(self, *, keep_data: bool = False) -> tuple[tuple[str, ...], int]:
        """Start what this run stopped and remove what it wrote.

        Returns the nodes started, and how many keys could not be removed.
        """
        stopped = self.recorder.picture.stopped_by_us
        ours = [name for name in self.cluster.names if name in stopped]
        self.restart(ours)
        left = 0
        if self._traffic is not None and not keep_data:
            with self._traffic.paused():
                left = self._traffic.remove()
        return tuple(ours), left

    def clear(self, what: Abandoned) -> WritesRemoved:
        """Remove what a dead run wrote, and record it; raises `AccessError` when no node answers."""
        accesses = {name: self.cluster.access(name) for name in self.cluster.names}
        return self.recorder.record(remove(self.system, accesses, self._clock, what))

    def give_up(self, reason: str) -> None:
        """Have the drill under way end as one that could not be done."""
        self.given_up = reason

    # --- writing and reading back ------------------------------------------------------------

    @property
    def traffic(self) -> Traffic | None:
        """What is written in the drill under way, None outside of one that writes."""
        return self._traffic

    def begin_traffic(self, rates: Rates) -> str | None:
        """Begin to write through every node; return which node takes no writes, None when all do."""
        self._drills += 1
        prefix = f"raftfleet-{self._token}-{self._drills}-"
        self._traffic = traffic = self.cluster.traffic(prefix, rates, self._stop)
        traffic.start()
        return traffic.await_acknowledged(_BASELINE, _FIRST_WRITES)

    def end_traffic(self) -> None:
        """Write no more, and wait until every write has come to an end."""
        if self._traffic is not None and self._traffic.under_way:
            self._traffic.end()

    def forget_traffic(self, *, keep_data: bool) -> int:
        """Remove what was written, unless it is to be kept; return how many keys are left."""
        traffic, self._traffic = self._traffic, None
        return 0 if traffic is None or keep_data else traffic.remove()

    def burst(self, kind: str, count: int, names: Sequence[str]) -> int:
        """Write so often as fast as it goes; return how many writes were acknowledged.

        Raises `TaskError` outside a drill that writes, and for a kind that the system has not.
        """
        self.heed()
        traffic = self._writing()
        if kind not in self.system.writes:
            raise TaskError(
                f"{self.system.name} has no writes of the kind {kind}",
                hint=f"kinds: {', '.join(self.system.writes)}",
            )
        acknowledged = traffic.burst(kind, count, names)
        self.heed()
        return acknowledged

    def read_back(self, timeout: float | None) -> tuple[dict[str, int], str | None]:
        """Compare every live node's own store at rest.

        Returns how many acknowledged creations each lacks, and what kept the cluster from coming
        to rest, None when nothing did.
        """
        traffic = self._writing()
        with traffic.paused():
            restless = self.await_agreement(timeout) or self.await_converged(timeout)
            names = [n for n in self.cluster.names if n not in self.view.down]
            return traffic.read_back(names), restless

    def _writing(self) -> Traffic:
        if self._traffic is None:
            raise TaskError(
                "nothing is written outside a drill that expects something of writes",
                hint="expects: [writes-survive], or evidence: {acknowledged_writes: 1}",
            )
        return self._traffic
