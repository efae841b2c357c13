"""A cluster that is only imagined: what a drill would do to it, step by step, touching nothing.

It stands in for the controls of a cluster while a playbook runs on paper. Nodes go down when they
are stopped, groups move when a failover is waited for, and everything is written down with its
undoing and the longest it can take.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from raftfleet.cluster import RaftView, patience
from raftfleet.errors import TaskError
from raftfleet.journal.values import majority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.drill.declaration import Declaration
    from raftfleet.systems import Node, System

__all__ = ["Imagined", "PlanStep", "fresh_view"]

_MARGIN = 15.0
"""Seconds on top of a grace for connecting and interpreters; see `cluster/stopping.py`."""
_WRITE = 16.0
_READ = 20.0
_COLLECT = 300.0
_FIRST_WRITES = 20.0
_WIPE = 120.0
_HEAL = "started again at the end, or when the run is interrupted"
_STAYS = "none: it stays down until raftfleet up"


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step: where, what, how it is undone, the longest it can take in seconds.

    ``margin`` is how many more nodes could be lost after it with a quorum left, below 0 without
    one.
    """

    host: str
    does: str
    undo: str
    worst: float
    margin: int


def fresh_view(system: System, nodes: Sequence[Node]) -> RaftView:
    """Return what a cluster looks like that was started node by node: the first leads it all."""
    names = tuple(node.name for node in nodes)
    return RaftView(
        nodes=names,
        groups=tuple(system.groups),
        leaders=dict.fromkeys(system.groups, names[0]),
        down=(),
        terms=dict.fromkeys(system.groups, 1),
    )


class Imagined:
    """Takes the place of `raftfleet.cluster.Control`; ``view`` is how the cluster begins.

    ``limit`` are the nodes that tasks may change, all if it is None.
    """

    def __init__(
        self,
        system: System,
        nodes: Sequence[Node],
        view: RaftView,
        limit: tuple[str, ...] | None = None,
    ) -> None:
        self.system = system
        self.nodes = tuple(nodes)
        self.view = view
        self.guarded = False
        self.limit = limit
        self.steps: list[PlanStep] = []
        self._led: dict[str, str] = {}
        self._healed = False
        self.traffic = SimpleNamespace(budget=SimpleNamespace(room=None))
        timing = system.timing(self.nodes[0])
        self.patience = patience(timing)
        self.reaction = timing.reaction if timing else self.patience

    # --- writing down ------------------------------------------------------------------------

    def note(self, host: str, does: str, worst: float = 0.0, undo: str = "") -> None:
        """Write a step down."""
        self.steps.append(PlanStep(host, does, undo, worst, self.margin))

    @property
    def margin(self) -> int:
        """How many more nodes could be lost with a quorum left."""
        return len(self.view.up) - majority(len(self.view.nodes))

    def begin(self, drill: Declaration) -> None:
        """Write down what comes before a drill's tasks."""
        self.guarded = not drill.allow_quorum_loss
        self._healed = drill.leaves == "running"
        self.note("all", "ask what runs, and wait until every node agrees", self.patience)
        if drill.writes and self.system.writes:
            entries = drill.rates.entries or (self.system.log_keeps or 0) // 2
            self.traffic.budget.room = entries or None
            limit = f", {entries} entries at most while a node is away" if entries else ""
            does = f"write {drill.rates.total:g} times a second through every node{limit}"
            self.note("all", does, _FIRST_WRITES, "removed at the end, unless keep_data is set")

    def finish(self, drill: Declaration) -> None:
        """Write down what comes after a drill's tasks."""
        if drill.leaves == "running" and self.view.down:
            self.start(self.view.down, timeout=None)
        watch = self.reaction if drill.watch is None else drill.watch
        self.note("all", "watch for late effects", watch)
        if drill.writes and self.system.writes:
            self.note("all", "stop writing", _WRITE)
            self.read_back(None)
        self.note("all", "collect the logs", _COLLECT)
        if drill.writes and self.system.writes and not drill.keep_data:
            self.note("all", "remove what was written", _WRITE)
        self.guarded = self._healed = False
        self.traffic.budget.room = None

    # --- looking -----------------------------------------------------------------------------

    def variables(self) -> dict[str, Any]:
        """Return what templates see as ``raft``."""
        return self.view.variables()

    def look(self) -> RaftView:
        """Return the imagined cluster."""
        return self.view

    def node(self, name: str) -> Node:
        """Return a node by name."""
        return next(node for node in self.nodes if node.name == name)

    # --- acting ------------------------------------------------------------------------------

    def belonging_to_others(self, user: str) -> dict[str, str]:
        """Take every node for this user's: nobody is asked."""
        del user
        return {}

    def stop(self, name: str, signal: str, grace: float) -> bool:
        """Imagine a node stopped; the quorum guard stands in front as it does in earnest."""
        down = (*self.view.down, name)
        if self.guarded and len(self.view.nodes) - len(down) < majority(len(self.view.nodes)):
            raise TaskError(
                f"stopping {name} would cost the quorum",
                hint="start what is down first, or say allow_quorum_loss: true in drill:",
            )
        self._led |= dict.fromkeys(self.view.led_by(name), name)
        leaders = {g: None if n == name else n for g, n in self.view.leaders.items()}
        self.view = replace(self.view, down=down, leaders=leaders)
        undo = f"{name} is {_HEAL}" if self._healed else _STAYS
        self.note(name, f"kill -{signal} its process", grace + _MARGIN, undo)
        return True

    def start(self, names: Sequence[str], *, timeout: float | None) -> tuple[str, ...]:
        """Imagine nodes started one after another."""
        for name in names:
            self._up(name)
            self.note(name, self._line(name), self.patience if timeout is None else timeout)
        return tuple(names)

    def launch(self, names: Sequence[str]) -> tuple[str, ...]:
        """Imagine processes started."""
        return self.start(names, timeout=_MARGIN)

    def _up(self, name: str) -> None:
        """A node that is back before anybody was elected leads what it led."""
        leaders = {
            group: name if leader is None and self._led.get(group) == name else leader
            for group, leader in self.view.leaders.items()
        }
        down = tuple(one for one in self.view.down if one != name)
        self.view = replace(self.view, down=down, leaders=leaders)
        self._elect()

    def _elect(self) -> None:
        """Let the node that leads most already lead what nobody leads, if there is a quorum."""
        if self.margin < 0:
            return
        terms = dict(self.view.terms)
        leaders = dict(self.view.leaders)
        for group, leader in self.view.leaders.items():
            if leader is None:
                leaders[group] = max(self.view.up, key=list(leaders.values()).count)
                terms[group] = (terms.get(group) or 0) + 1
        self.view = replace(self.view, leaders=leaders, terms=terms)

    def _line(self, name: str) -> str:
        command = self.system.start(self.node(name))
        return f"cd {command.cwd} && {command.line}" if command.cwd else command.line

    def restart(self, names: Sequence[str]) -> None:
        """Imagine nodes started again."""
        self.start(names, timeout=None)

    def wipe(self, names: Sequence[str]) -> None:
        """Imagine data directories emptied."""
        for name in names:
            paths = ", ".join(map(str, self.system.data_paths(self.node(name))))
            undo = "none: the others send it what it lacks"
            self.note(name, f"empty {paths} (only with our marker in it)", _WIPE, undo)

    def burst(self, kind: str, count: int, names: Sequence[str]) -> int:
        """Imagine writes: all of them acknowledged with a quorum, none without."""
        worst = _WRITE * -(-count // len(names))
        through = ", ".join(names)
        room = self.traffic.budget.room
        past = room is not None and self.view.down and count > room
        does = f"write {count} of kind {kind}{', past the entry budget' if past else ''}"
        self.note(through, does, worst, "removed at the end, unless keep_data is set")
        return count if self.margin >= 0 else 0

    def read_back(self, timeout: float | None) -> tuple[dict[str, int], str | None]:
        """Imagine every store read."""
        rest = 2 * (self.patience if timeout is None else timeout)
        self.note("all", "come to rest and read every node's own store", rest + _READ)
        return dict.fromkeys(self.view.up, 0), None

    def heal(self, *, keep_data: bool) -> tuple[tuple[str, ...], int]:
        """Imagine everything undone."""
        healed = self.start(self.view.down, timeout=None)
        if not keep_data:
            self.note("all", "remove what was written", _WRITE)
        return healed, 0

    def give_up(self, reason: str) -> None:
        """Write down that the drill would end here."""
        self.note("all", f"give up: {reason}")

    # --- waiting -----------------------------------------------------------------------------

    def _wait(self, what: str, timeout: float | None) -> None:
        self.note("all", f"wait {what}", self.patience if timeout is None else timeout)

    def await_failover(self, victim: str, timeout: float | None) -> str | None:
        """Imagine an election of all that a node led."""
        self._wait(f"until all that {victim} led has another leader", timeout)
        self._elect()
        return None

    def await_agreement(self, timeout: float | None) -> str | None:
        """Imagine agreement."""
        self._wait("until all agree", timeout)
        return None

    def await_converged(
        self, timeout: float | None, names: Sequence[str] | None = None
    ) -> str | None:
        """Imagine that everybody has caught up."""
        who = ", ".join(names) if names else "every node"
        self._wait(f"until {who} has caught up", timeout)
        return None

    def await_leaders(self, timeout: float | None) -> str | None:
        """Imagine a leader of every group."""
        self._wait("until every group has a leader", timeout)
        return None

    def await_answers(self, names: Sequence[str], timeout: float | None) -> str | None:
        """Imagine an answer."""
        self._wait(f"until {', '.join(names)} answers", timeout)
        return None

    def await_ready(self, timeout: float | None) -> str | None:
        """Imagine every node ready."""
        self._wait("until every node is up", timeout)
        return None
