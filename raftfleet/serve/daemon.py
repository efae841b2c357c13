"""The daemon: pages answered by threads, the cluster watched by threads, drills on the main thread.

Drills run where signals arrive, so a signal in the middle of one is the drill's own affair: it
starts again what it stopped and ends as interrupted. One at a time: a schedule that comes due
meanwhile is skipped, and so is one whose cluster is not in a steady state, is locked by another
controller, or has a host that cannot be asked. What is skipped is counted and logged, and not made
up for.
"""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from raftfleet.errors import ExitCode, RaftfleetError, UnreachableError
from raftfleet.metrics import Figures, Live

from .timetable import Timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder

    from .config import Scheduled
    from .log import Log
    from .own import Own
    from .timetable import Due
    from .watch import Watch

__all__ = ["Daemon", "Ran", "Runner"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_AGAIN = 15.0
"""Seconds after which the wall clock is looked at again: it may have been set."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a scheduled run came to: its exit code, its run folder's name, what to say of it."""

    code: ExitCode
    run: str = ""
    message: str = ""

    @property
    def result(self) -> str:
        """The word for it in metrics."""
        return {
            ExitCode.PASSED: "pass",
            ExitCode.DRILL_FAILED: "fail",
            ExitCode.INCONCLUSIVE: "inconclusive",
            ExitCode.INTERRUPTED: "interrupted",
        }.get(self.code, "error")


class Runner(Protocol):
    """Runs the drills of a schedule, on the thread that calls it."""

    def __call__(
        self, one: Scheduled, began: Callable[[Recorder], None], stop: Callable[[], bool]
    ) -> Ran:
        """Tell ``began`` where it records, run, judge, and return what it came to.

        ``stop`` says whether a signal came before it had taken them over.
        """
        ...


class Daemon:
    """Runs what is scheduled until a signal ends it; `run` belongs on the main thread."""

    def __init__(
        self,
        scheduled: Sequence[Scheduled],
        watch: Watch,
        runner: Runner,
        own: Own,
        clock: Clock,
        log: Log,
    ) -> None:
        self._scheduled = {one.name: one for one in scheduled}
        self._watch = watch
        self._runner = runner
        self._own = own
        self._clock = clock
        self._log = log
        self._turn = threading.Condition()
        self._stopping = False
        self._live: Live | None = None
        self._ended: dict[str, Figures] = {}
        self.timetable = timetable(scheduled, clock.wall())

    # --- what metrics show -------------------------------------------------------------------

    def figures(self) -> Figures:
        """Return what the drill under way shows, and that those before it are over."""
        live = self._live
        figures = Figures({"raftfleet_drill_active": dict.fromkeys(self._over, 0.0)})
        if live is not None:
            figures.add(live.figures())
        return figures

    # --- until a signal comes ----------------------------------------------------------------

    def stop(self) -> None:
        """End `run` when the drill under way, if any, is over; any thread may call."""
        self._stopping = True
        with self._turn:
            self._turn.notify_all()

    def run(self) -> ExitCode:
        """Wait for slots and run drills until a signal comes; return the exit code.

        It is 130 when a drill was interrupted. A signal while nothing is drilled ends the daemon
        as it should be ended: 0.
        """
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        try:
            while not self._stopping:
                for due in self.timetable.take(self._clock.wall()):
                    if not self._stopping and self._due(due) is ExitCode.INTERRUPTED:
                        return ExitCode.INTERRUPTED
                self._await(min(_LOOK_AGAIN, self.timetable.left(self._clock.wall())))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return ExitCode.PASSED

    def _signalled(self, number: int, frame: Any) -> None:
        del frame
        self._stopping = True
        # This runs on the main thread, which may hold any lock right now: another has to tell it.
        threading.Thread(target=self._tell, args=(number,), daemon=True).start()

    def _tell(self, number: int) -> None:
        self._log.info("signal received, ending", signal=signal.Signals(number).name)
        self.stop()

    def _await(self, seconds: float) -> None:
        with self._turn:
            if not self._stopping and seconds > 0:
                self._clock.wait(self._turn, seconds)

    # --- one slot ----------------------------------------------------------------------------

    def _due(self, due: Due) -> ExitCode | None:
        one = self._scheduled[due.name]
        reason, why = self._unfit(due)
        if reason:
            self._own.skipped(one.name, reason)
            self._log.warn("schedule skipped", schedule=one.name, reason=reason, why=why)
            return None
        return self._drill(one).code

    def _unfit(self, due: Due) -> tuple[str, str]:
        """Return why nothing is to be begun now, two empty texts when it may."""
        if due.missed:
            overlapped = self._last_end - due.late
            ...
        return "", ""
