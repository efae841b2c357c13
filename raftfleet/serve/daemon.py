"""The daemon: pages answered by threads, the cluster watched by threads, drills on the main thread.

Drills run where signals arrive, so a signal in the middle of one is the drill's own affair: it
starts again what it stopped and ends as interrupted. One runs at a time: another schedule that comes
due meanwhile waits its turn, the same one is skipped. Skipped is also what is due while the cluster
is not in a steady state, is locked by another controller, or has a host that cannot be asked, and
what was due while this process did not run. What is skipped is counted, logged and not made up for.

SIGHUP has everything read anew, as Prometheus does: between two drills, never in the middle of one.
Where that fails everything stays as it was.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from raftfleet.errors import ExitCode, RaftfleetError, UnreachableError
from raftfleet.metrics import Figures, Live

from .timetable import Timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.metrics.figures import Labels

    from .config import Scheduled
    from .log import Log
    from .own import Own
    from .watch import Watch

    Anew = Callable[[], tuple[Sequence[Scheduled], Watch]]

__all__ = ["ENDING", "Daemon", "Ran", "Runner"]

ENDING = (signal.SIGINT, signal.SIGTERM)
"""The signals that end it."""

_ACTIVE = "raftfleet_drill_active"
_SEEN = "raftfleet_raft_role"
_LOOK_AGAIN = 1.0
"""Seconds after which the wall clock, which may have been set, is looked at again. It is short
because a signal that comes just before the main thread begins to wait does not wake it."""


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

    def __call__(self, one: Scheduled, daemon: Daemon) -> Ran:
        """Show where it records, run, judge, and return what it came to.

        It takes the signals over while it lasts: one that came before is `Daemon.stopping`, and of
        one that comes meanwhile it tells with `Daemon.stop`.
        """
        ...


class Daemon:
    """Runs what is scheduled until a signal ends it; `run` belongs on the main thread.

    ``anew`` reads everything again and returns what is scheduled then, and the watch that looks at
    what the inventory says then; whatever it raises, what there was stays.
    """

    def __init__(
        self,
        scheduled: Sequence[Scheduled],
        watch: Watch,
        runner: Runner,
        own: Own,
        clock: Clock,
        log: Log,
        *,
        anew: Anew,
    ) -> None:
        self._runner = runner
        self._own = own
        self._clock = clock
        self._log = log
        self._turn = threading.Condition()
        self._anew = anew
        self._stopping = False
        self._outdated = False
        self._waiting: deque[str] = deque()
        self._live: Live | None = None
        self._over: set[Labels] = set()
        self._take(scheduled, watch, clock.wall())

    def _take(self, scheduled: Sequence[Scheduled], watch: Watch, wall: float) -> None:
        """Go by this schedule from ``wall`` on, and look at the cluster with this watch."""
        self._scheduled = {one.name: one for one in scheduled}
        self._watch = watch
        self._waiting = deque(name for name in self._waiting if name in self._scheduled)
        self.timetable = Timetable(
            {one.name: one.when for one in scheduled},
            wall,
            jitter={one.name: one.jitter for one in scheduled},
        )

    # --- what metrics show -------------------------------------------------------------------

    def figures(self) -> Figures:
        """Return what goes on now, and that the drills before are over.

        Once the drill under way has seen the nodes itself, it speaks alone: it looks more often.
        """
        figures = Figures()
        if self._over:
            figures.values[_ACTIVE] = dict.fromkeys(sorted(self._over), 0.0)
        live = self._live
        drilled = live.figures() if live is not None else Figures()
        if _SEEN not in drilled.values:
            figures.add(self._watch.live.figures())
        figures.add(drilled)
        return figures

    def show(self, recorder: Recorder) -> None:
        """Show what is recorded there, until the drill under way is over."""
        self._live = Live(recorder, self._clock)

    # --- until a signal comes ----------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether `run` is to end."""
        return self._stopping

    def stop(self) -> None:
        """End `run` when the drill under way, if any, is over; any thread may call."""
        self._stopping = True
        self._wake()

    def run(self) -> ExitCode:
        """Wait for slots and run drills until a signal comes; return the exit code.

        It is 130 when a drill was interrupted. A signal while nothing is drilled ends the daemon
        as it should be ended: 0.
        """
        before = {number: signal.signal(number, self._signalled) for number in ENDING}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hung_up)
        try:
            while not self._stopping:
                wall = self._clock.wall()
                self._gather(wall)
                if self._outdated:
                    self._read_anew(wall)
                elif not self._waiting:
                    self._await(min(_LOOK_AGAIN, self.timetable.left(self._clock.wall())))
                elif self._turn_of(self._waiting.popleft()) is ExitCode.INTERRUPTED:
                    return ExitCode.INTERRUPTED
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

    def _hung_up(self, number: int, frame: Any) -> None:
        del number, frame
        self._outdated = True
        threading.Thread(target=self._wake, daemon=True).start()

    def _wake(self) -> None:
        with self._turn:
            self._turn.notify_all()

    def _read_anew(self, wall: float) -> None:
        """Go on with what the files say now; where they say nothing sound, as before."""
        self._outdated = False
        try:
            scheduled, watch = self._anew()
        except Exception as error:  # noqa: BLE001 - neither a typing error nor a defect ends it
            why = str(error) if isinstance(error, RaftfleetError) else f"defect: {error!r}"
            self._own.reread(None)
            self._log.error("reload failed, everything stays as it was", error=why)
            return
        self._take(scheduled, watch, wall)
        self._own.reread(wall)
        self._log.info("reloaded", schedules=len(scheduled))

    def _await(self, seconds: float) -> None:
        with self._turn:
            if not (self._stopping or self._outdated) and seconds > 0:
                self._clock.wait(self._turn, seconds)

    # --- slots -------------------------------------------------------------------------------

    def _gather(self, wall: float) -> None:
        """Line up what is due; what comes too late is skipped."""
        for due in self.timetable.take(wall):
            if due.missed:
                self._skip(due.name, "late", f"it was due {due.late:.0f} s ago")
            elif due.name not in self._waiting:
                self._waiting.append(due.name)

    def _gather_behind(self, running: str, since: float) -> None:
        """Line up what came due while a drill ran; itself it does not wait for."""
        for due in self.timetable.take(self._clock.wall()):
            if due.name == running:
                self._skip(due.name, "overlap", "it was still running")
            elif due.missed and self._clock.wall() - due.late < since:
                self._skip(due.name, "late", f"it was due {due.late:.0f} s ago")
            elif due.name not in self._waiting:
                self._waiting.append(due.name)

    def _skip(self, name: str, reason: str, why: str) -> None:
        self._own.skipped(name, reason)
        self._log.warning("schedule skipped", schedule=name, reason=reason, why=why)

    def _turn_of(self, name: str) -> ExitCode | None:
        """Run the drills of a schedule, unless the cluster is not fit for it."""
        reason, why = self._unfit()
        if reason:
            self._skip(name, reason, why)
            return None
        since = self._clock.wall()
        code = self._drill(self._scheduled[name]).code
        self._gather_behind(name, since)
        return code

    def _unfit(self) -> tuple[str, str]:
        """Return why no drill may begin now, two empty texts when one may."""
        trouble = self._watch.unsteady()
        if trouble is not None:
            return "unsteady", trouble
        try:
            holder = self._watch.locked()
        except UnreachableError as error:
            return "unreachable", error.message
        return ("locked", f"by {holder}") if holder else ("", "")

    def _drill(self, one: Scheduled) -> Ran:
        self._own.active = one.name
        self._watch.busy.set()
        began = self._clock.monotonic()
        self._log.info("drill begins", schedule=one.name, drills="+".join(one.drills))
        try:
            ran = self._runner(one, self)
        except RaftfleetError as error:
            ran = Ran(error.exit_code, message=str(error))
        except Exception as error:  # noqa: BLE001 - a defect costs one run, not the daemon
            ran = Ran(ExitCode.DEFECT, message=f"defect in raftfleet: {error!r}")
        finally:
            live, self._live = self._live, None
            if live is not None:
                self._over |= live.figures().values.get(_ACTIVE, {}).keys()
            self._watch.busy.clear()
            self._own.active = None
        self._own.ran(one.name, ran.result)
        say = self._log.info if ran.code is ExitCode.PASSED else self._log.warning
        more = {"run": ran.run} if ran.run else {}
        more |= {"why": ran.message} if ran.message else {}
        seconds = f"{self._clock.monotonic() - began:.1f}"
        say("drill ended", schedule=one.name, result=ran.result, seconds=seconds, **more)
        return ran
