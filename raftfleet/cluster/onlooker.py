"""Looking at a cluster and waiting for it: what changes nothing there, under one stop signal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, UnreachableError
from raftfleet.journal import Standing, disagreement

from .selection import RaftView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Picture, Recorder
    from raftfleet.systems.protocol import Node, System

    from .cluster import Cluster

__all__ = ["Onlooker"]

_FIRST_WORD = 5.0
_TURN = 0.5
_NO_TIMING = 10.0


class Onlooker:
    """Sees a cluster for one run. Once ``stop`` is set waits raise `InterruptedRun`."""

    def __init__(self, cluster: Cluster, clock: Clock, stop: threading.Event) -> None:
        self.cluster = cluster
        self._clock = clock
        self._stop = stop

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
            lambda: self.cluster.waits.agreement(timeout=timeout, stop=self._stop),
            lambda: disagreement(self.recorder.picture) or "they did not agree in time",
        )

    def await_failover(self, victim: str, timeout: float | None) -> str | None:
        """Wait until all that ``victim`` led has moved; return what has not, None when all has."""
        with self.cluster.observing():
            found = self.cluster.await_failover(victim, timeout=timeout, stop=self._stop)
        self.heed()
        back = [f"{group} is led by {victim} again, in its old term" for group in found.back]
        return "; ".join([*back, *found.waiting.values()]) or None

    def await_converged(
        self, timeout: float | None, names: Sequence[str] | None = None
    ) -> str | None:
        """Wait until all live nodes, or these, have applied what leaders had; return who has not."""
        return self._outcome(
            lambda: self.cluster.waits.converged(names, timeout=timeout, stop=self._stop),
            lambda: "a node is still behind its leader",
        )

    def await_leaders(self, timeout: float | None) -> str | None:
        """Wait until every group has a leader; return which has not."""

        def lacking() -> str:
            view = self.view
            return f"nobody leads {', '.join(g for g in view.groups if not view.leaders[g])}"

        return self._outcome(
            lambda: self.cluster.waits.leaders(timeout=timeout, stop=self._stop), lacking
        )

    def await_answers(self, names: Sequence[str], timeout: float | None) -> str | None:
        """Wait until these nodes answer, whatever they have caught up with."""
        return self._outcome(
            lambda: self.cluster.waits.answers(names, timeout=timeout, stop=self._stop),
            lambda: f"{', '.join(names)} did not answer in time",
        )

    def await_ready(self, timeout: float | None) -> str | None:
        """Wait until every node that was started is up; return those that are not."""
        waiting = self.cluster.await_ready(timeout=timeout, stop=self._stop)
        self.heed()
        return f"{', '.join(waiting)} not up, for want of a quorum" if waiting else None

    def _outcome(self, wait: Callable[[], bool], lacking: Callable[[], str]) -> str | None:
        with self.cluster.observing():
            met = wait()
        self.heed()
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
        self.heed()

    def heed(self) -> None:
        """Raise `InterruptedRun` once ``stop`` is set."""
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
