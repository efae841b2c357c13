"""Watching the cluster: one thread for each node that asks for its own view, over and over.

Beside them one thread ticks each second, and one asks hosts about processes: when a node falls
silent, or answers though it should not run.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from raftfleet.errors import RaftfleetError
from raftfleet.journal.events import CoverageSampled

from .polling import Poller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import Access, System

__all__ = ["PERIOD", "TIMEOUT", "Observer"]

PERIOD = 0.02
"""Seconds between two polls of a node."""

TIMEOUT = 1.0
"""Seconds a poll may take."""

_TICK = 1.0
_ASK_AGAIN = 0.5
_ASK_AGAIN_PERIODS = 5
_SUSPENDED = 0.1
_JOIN = 10.0


class Observer:
    """Watches from `start` to `stop`, as often as wanted. ``names`` maps the system's ids to nodes.

    ``settle(node)`` asks a node's host about its process and records what is new.
    """

    def __init__(
        self,
        system: System,
        accesses: Mapping[str, Access],
        names: Mapping[str, str],
        recorder: Recorder,
        clock: Clock,
        *,
        settle: Callable[[str], object],
        period: float = PERIOD,
        timeout: float = TIMEOUT,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._settle = settle
        self._ask_again = max(_ASK_AGAIN, _ASK_AGAIN_PERIODS * period)
        self._wakeup = threading.Condition()
        self._stopping = False
        self._suspects: dict[str, float] = {}
        self._defects: list[tuple[str, Exception]] = []
        thinner = recorder.thinner()
        self._pollers = {
            name: Poller(
                system, access, names, recorder, thinner, clock, period=period, timeout=timeout
            )
            for name, access in accesses.items()
        }
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to watch."""
        with self._wakeup:
            self._stopping = False
            self._suspects.clear()
        for poller in self._pollers.values():
            poller.begin()
        self._run("tick", self._tick)
        self._run("settle", self._settle_suspects)
        for poller in self._pollers.values():
            self._run(f"poll {poller.name}", lambda poller=poller: self._poll(poller))  # type: ignore[misc]

    def stop(self) -> None:
        """End every thread; what they saw is written."""
        with self._wakeup:
            self._stopping = True
            self._wakeup.notify_all()
        for thread in self._threads:
            thread.join(_JOIN)
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        self._threads = []
        self.sample()
        self._recorder.flush()
        if alive:
            raise RuntimeError(f"observer threads do not end: {', '.join(alive)}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise what went wrong in a thread, if anything did."""
        found = self._defects + [
            (poller.name, poller.defect) for poller in self._pollers.values() if poller.defect
        ]
        for where, error in found:
            if isinstance(error, RaftfleetError):
                raise error
            raise RuntimeError(f"watching {where} went wrong: {error!r}") from error

    # --- threads ---------------------------------------------------------------------------

    def _run(self, name: str, body: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                body()
            except Exception as error:  # noqa: BLE001 - kept, and raised by `check`
                self._defects.append((name, error))
                self._recorder.wake()

        thread = threading.Thread(target=guarded, name=f"observe: {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _sleep_until(self, due: float) -> bool:
        """Wait for a point in time; False when it is over."""
        with self._wakeup:
            while not self._stopping:
                left = due - self._clock.monotonic()
                if left <= 0:
                    return True
                self._clock.wait(self._wakeup, left)
        return False

    def _poll(self, poller: Poller) -> None:
        due = self._clock.monotonic()
        while self._sleep_until(due):
            due = poller.poll()
            if poller.suspicious:
                self._suspect(poller.name)

    def _tick(self) -> None:
        due = self._clock.monotonic() + _TICK
        asleep = self._asleep()
        while self._sleep_until(due):
            due += _TICK
            slept = self._asleep() - asleep
            asleep += slept
            if slept > _SUSPENDED:
                for poller in self._pollers.values():
                    poller.interrupted(f"this controller was suspended for {slept:.1f} s")
            self.sample()

    def _asleep(self) -> float:
        return self._clock.boottime() - self._clock.monotonic()

    def sample(self) -> None:
        """Record how well each node was watched since the last sample: each second, and when asked."""
        now = self._clock.monotonic()
        sampled = {name: poller.tally.sample(now) for name, poller in self._pollers.items()}
        self._recorder.record(
            CoverageSampled(
                polls={name: polls for name, (polls, _, _) in sampled.items()},
                misses={name: misses for name, (_, misses, _) in sampled.items()},
                gap={name: round(gap, 4) for name, (_, _, gap) in sampled.items()},
                t=now,
            )
        )

    # --- processes -------------------------------------------------------------------------

    def _suspect(self, name: str) -> None:
        with self._wakeup:
            if name not in self._suspects:
                self._suspects[name] = self._clock.monotonic()
                self._wakeup.notify_all()

    def _settle_suspects(self) -> None:
        """Ask about every suspect, each at most twice a second, and seldom when polls are seldom."""
        while (name := self._next_suspect()) is not None:
            try:
                self._settle(name)
            except RaftfleetError:
                continue  # recorded by whoever could not reach the host
            finally:
                self._postpone(name)

    def _next_suspect(self) -> str | None:
        with self._wakeup:
            while not self._stopping:
                now = self._clock.monotonic()
                due = [name for name, at in self._suspects.items() if at <= now]
                if due:
                    return due[0]
                self._clock.wait(self._wakeup, min(self._suspects.values(), default=now + 1) - now)
        return None

    def _postpone(self, name: str) -> None:
        """Forget a suspect that fits again; ask about another later."""
        with self._wakeup:
            if self._pollers[name].suspicious:
                self._suspects[name] = self._clock.monotonic() + self._ask_again
            else:
                del self._suspects[name]
