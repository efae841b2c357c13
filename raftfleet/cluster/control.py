"""The controls of a cluster: what tasks and drills do with it, under one guard and one stop signal."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, TaskError, UnreachableError, UsageError
from raftfleet.journal import Standing, disagreement
from raftfleet.transport import Command

from .abandoned import remove
from .guard import may_stop
from .healing import take_over
from .naming import user_to_become
from .selection import RaftView
from .stopping import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Picture, Recorder
    from raftfleet.journal.events import WritesRemoved
    from raftfleet.systems.protocol import Node, System
    from raftfleet.transport.protocol import Transport

    from .abandoned import Abandoned
    from .cluster import Cluster
    from .traffic import Rates, Traffic

__all__ = ["Control"]

_FIRST_WORD = 5.0
_TURN = 0.5
_NO_TIMING = 10.0
_BASELINE = 3
"""Writes through each node that have to be acknowledged before anything is done."""
_FIRST_WRITES = 20.0
_ASK = 20.0


class Control:
    """Acts on a cluster for one run.

    ``guarded`` puts the quorum guard in front of every stop, and ``passing`` has the hosts keep a
    record that what is stopped is to be started again; a drill sets both. ``given_up`` says why the
    drill under way has nothing more to show, if a task found that out. Once ``stop`` is set
    waits raise `InterruptedRun`; what undoes a drill's own doing goes on all the same.
    """

    def __init__(
        self,
        cluster: Cluster,
        transports: Mapping[str, Transport],
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self.cluster = cluster
        self.guarded = False
        self.passing = False
        self._claiming = threading.Lock()
        self._transports = transports
        self._clock = clock
        self._stop = stop
        self._traffic: Traffic | None = None
        self._token = os.urandom(3).hex()
        self._drills = 0
        self.given_up = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, in the inventory's order."""
        return self.cluster.nodes

    @property
    def system(self) -> System:
        """The adapter of the product under drill."""
        return self.cluster.system

    @property
    def recorder(self) -> Recorder:
        """Where everything is written."""
        return self.cluster.recorder

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

    # --- looking -----------------------------------------------------------------------------

    @property
    def view(self) -> RaftView:
        """What is known right now, for templates and selectors; nobody is asked."""
        picture = self.cluster.recorder.picture
        groups = tuple(self.system.groups)
        leaders = {group: picture.leader(group) for group in groups}
        return RaftView(
            nodes=self.cluster.names,
            groups=groups,
            leaders={group: one.node if one else None for group, one in leaders.items()},
            terms={group: one.term if one else None for group, one in leaders.items()},
            down=tuple(
                name for name in self.cluster.names if picture.node(name).process is Standing.DOWN
            ),
        )

    def look(self) -> RaftView:
        """Ask every host what runs there and every node for its view; return what is known then.

        Raises `UnreachableError` naming every host that did not answer.
        """
        failed = self.cluster.find()
        if failed:
            raise UnreachableError(
                "\n".join(error.message for error in failed.values()),
                hint=next((error.hint for error in failed.values() if error.hint), None),
            )
        with self.cluster.observing():
            self.recorder.wait_for(
                lambda picture: None if _unheard(picture) else True,
                what="the first word of every node that runs",
                timeout=_FIRST_WORD,
                last_seen=lambda picture: f"nothing from {', '.join(_unheard(picture))}",
                stop=self._stop,
            )
        return self.view

    def disagreement(self) -> str | None:
        """Return why the cluster is not whole and of one mind, None when it is."""
        return disagreement(self.recorder.picture, nodes=self.cluster.names)

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
        self._heed()
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
        self._heed()
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
        self._heed()
        traffic = self._writing()
        if kind not in self.system.writes:
            raise TaskError(
                f"{self.system.name} has no writes of the kind {kind}",
                hint=f"kinds: {', '.join(self.system.writes)}",
            )
        acknowledged = traffic.burst(kind, count, names)
        self._heed()
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

    # --- waiting -----------------------------------------------------------------------------

    def await_steady(self) -> str | None:
        """Wait until the nodes that run agree; return why they do not, None when they do."""
        view = self.look()
        if not view.up:
            return f"no node is up: {', '.join(view.down)} not running"
        return self.await_agreement(None)

    def await_agreement(self, timeout: float | None) -> str | None:
        """Wait until all live nodes agree; return what stood in the way, None when nothing did."""
        return self._outcome(
            lambda: self.cluster.await_agreement(timeout=timeout, stop=self._stop),
            lambda: disagreement(self.recorder.picture) or "they did not agree in time",
        )

    def await_failover(self, victim: str, timeout: float | None) -> str | None:
        """Wait until all that ``victim`` led has moved; return what has not, None when all has."""
        with self.cluster.observing():
            found = self.cluster.await_failover(victim, timeout=timeout, stop=self._stop)
        self._heed()
        back = [f"{group} is led by {victim} again, in its old term" for group in found.back]
        return "; ".join([*back, *found.waiting.values()]) or None

    def await_converged(
        self, timeout: float | None, names: Sequence[str] | None = None
    ) -> str | None:
        """Wait until all live nodes, or these, have applied what leaders had; return who has not."""
        return self._outcome(
            lambda: self.cluster.await_converged(nodes=names, timeout=timeout, stop=self._stop),
            lambda: "a node is still behind its leader",
        )

    def await_leaders(self, timeout: float | None) -> str | None:
        """Wait until every group has a leader; return which has not."""

        def lacking() -> str:
            view = self.view
            return f"nobody leads {', '.join(g for g in view.groups if not view.leaders[g])}"

        return self._outcome(
            lambda: self.cluster.await_leaders(timeout=timeout, stop=self._stop), lacking
        )

    def await_answers(self, names: Sequence[str], timeout: float | None) -> str | None:
        """Wait until these nodes answer, whatever they have caught up with."""
        return self._outcome(
            lambda: self.cluster.await_answers(names, timeout=timeout, stop=self._stop),
            lambda: f"{', '.join(names)} did not answer in time",
        )

    def await_ready(self, timeout: float | None) -> str | None:
        """Wait until every node that was started is up; return those that are not."""
        waiting = self.cluster.await_ready(timeout=timeout, stop=self._stop)
        self._heed()
        return f"{', '.join(waiting)} not up, for want of a quorum" if waiting else None

    def _outcome(self, wait: Callable[[], bool], lacking: Callable[[], str]) -> str | None:
        with self.cluster.observing():
            met = wait()
        self._heed()
        return None if met else lacking()

    @property
    def reaction(self) -> float:
        """The longest, in seconds, that the system's timing can take to react to a fault."""
        timing = self.system.timing(self.nodes[0])
        return timing.reaction if timing else _NO_TIMING

    def watch(self, seconds: float) -> None:
        """Let the observers go on for some time: harm can come late."""
        deadline, turn = Deadline.after(seconds, self._clock), threading.Condition()
        with self.recorder.waiting("late effects of what was done", seconds), turn:
            while not (deadline.passed or self._stop.is_set()):
                self._clock.wait(turn, min(deadline.left, _TURN))
        self._heed()

    def _heed(self) -> None:
        if self._stop.is_set():
            raise InterruptedRun("interrupted by a signal")


def _unheard(picture: Picture) -> list[str]:
    """Return the nodes that run and have not said a word of every group yet."""
    down = picture.standing_in(Standing.DOWN)
    return [
        name
        for name, node in picture.nodes.items()
        if name not in down and (node.heard is None or set(picture.groups) - node.groups.keys())
    ]
