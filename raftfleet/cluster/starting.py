"""Starting nodes one at a time: the next when the one before is up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, NodeError

from .ready import Readiness, lacks_quorum

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import System

    from .life import NodeLife

__all__ = ["Starts"]

_LOOK_AGAIN = 0.1
_FOR_WANT_OF_A_QUORUM = 1.0
"""Seconds for which a node must have waited for others before they are started."""


class Starts:
    """Starts nodes in turn, and keeps those that wait for a quorum.

    After a shutdown of all, a node cannot come up before a majority of its voters run: it is left
    waiting, and the next start waits for it too.
    """

    def __init__(
        self, system: System, recorder: Recorder, clock: Clock, check: Callable[[], None]
    ) -> None:
        self._system = system
        self._recorder = recorder
        self._clock = clock
        self._check = check
        self._pending: dict[str, Readiness] = {}

    @property
    def pending(self) -> tuple[str, ...]:
        """The nodes that were started and are not up, for want of a quorum."""
        return tuple(self._pending)

    def start(self, life: NodeLife, timeout: float, stop: threading.Event | None) -> bool:
        """Start a node and wait until it is up; return False when it was up already.

        Raises `NodeError` when it ends, or is not up ``timeout`` seconds later.
        """
        started = self.launch(life)
        if not started and self._recorder.picture.node(life.name).ready:
            return False
        try:
            self._await(timeout, stop)
        except BaseException:
            self._pending.pop(life.name, None)
            raise
        return started

    def launch(self, life: NodeLife) -> bool:
        """Start a node and do not wait; return False when it was running already."""
        started = life.start()
        if started or not self._recorder.picture.node(life.name).ready:
            self._pending[life.name] = Readiness(life, self._system, self._recorder)
        return started

    def wait(self, timeout: float, stop: threading.Event | None) -> None:
        """Wait until every node that was launched is up, or waits for others.

        Raises `NodeError` when one ends, or is not up ``timeout`` seconds later.
        """
        if self._pending:
            self._await(timeout, stop)

    def forget(self, name: str) -> None:
        """Wait no more for a node that is being stopped."""
        self._pending.pop(name, None)

    def _await(self, timeout: float, stop: threading.Event | None) -> None:
        """Wait until every node that was started is up, or none of them can be by itself."""
        names = ", ".join(self._pending)
        deadline = Deadline.after(timeout, self._clock)
        alone: Deadline | None = None
        with self._recorder.waiting(f"{names} to be up", timeout) as wait:
            while not self._all_up():
                wait.last_seen = "; ".join(f"{n}: {one.lacks}" for n, one in self._pending.items())
                self._check()
                if not self._wait_for_others():
                    alone = None
                elif alone is None:
                    alone = Deadline.after(_FOR_WANT_OF_A_QUORUM, self._clock)
                elif alone.passed:
                    wait.met = False
                    return
                if stop is not None and stop.is_set():
                    raise InterruptedRun(f"interrupted while waiting for {names}")
                if deadline.passed:
                    raise self._too_late(timeout)
                turn = threading.Condition()
                with turn:
                    self._clock.wait(turn, min(_LOOK_AGAIN, deadline.left))
            wait.last_seen = ""

    def _wait_for_others(self) -> bool:
        """Whether none of those that are not up can be before more nodes run."""
        return all(lacks_quorum(self._recorder.picture, name) for name in self._pending)

    def _all_up(self) -> bool:
        for name, one in list(self._pending.items()):
            if one.look():
                del self._pending[name]
        return not self._pending

    def _too_late(self, timeout: float) -> NodeError:
        name, one = next(iter(self._pending.items()))
        return NodeError(
            f"{name} is not up after {timeout:g} s: {one.lacks}\n{one.account()}",
            hint=f"look at it on its host, or give it longer (timeout: {2 * timeout:g})",
        )
