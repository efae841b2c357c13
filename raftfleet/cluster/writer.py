"""A writer: sends writes of one kind through one node, on its schedule, and records each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .schedule import Missed, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder

    from .entry import Entries
    from .keys import Keys

__all__ = ["Writer"]


class Writer:
    """Writes through ``via`` from `begin` to `end`, as often as wanted.

    At most ``most`` writes are under way; one may take ``timeout`` seconds, so `end` takes no
    longer than that. ``noted`` is told of every write that came to an end.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        via: str,
        keys: Keys,
        entries: Entries,
        recorder: Recorder,
        clock: Clock,
        *,
        prefix: str,
        most: int,
        timeout: float,
        noted: Callable[[str, ev.WriteEnded], None],
    ) -> None:
        self.name = name
        self.kind = kind
        self.via = via
        self.acknowledged = 0
        self.defect: Exception | None = None
        self._keys = keys
        self._entries = entries
        self._recorder = recorder
        self._clock = clock
        self._prefix = prefix
        self._most = most
        self._timeout = timeout
        self._noted = noted
        self._turn = threading.Condition()
        self._ending = False
        self._times = 0
        self._shown = name
        self._thread: threading.Thread | None = None

    # --- on schedule -------------------------------------------------------------------------

    def begin(self, period: float) -> None:
        """Start to send a write every ``period`` seconds."""
        self._ending = False
        self._open(period)
        self._thread = threading.Thread(
            target=self._run, args=(period,), name=f"write: {self._shown}", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Send no more, and wait until every write has come to an end; raise what went wrong."""
        with self._turn:
            self._ending = True
            self._turn.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self.defect is not None:
            raise self.defect

    def _open(self, period: float) -> None:
        self._times += 1
        self._shown = self.name if self._times == 1 else f"{self.name} ({self._times})"
        self._recorder.record(
            ev.WriterStarted(
                writer=self._shown, kind=self.kind, via=self.via, period=period, prefix=self._prefix
            )
        )

    def _run(self, period: float) -> None:
        schedule = Schedule(self._clock.monotonic(), period, self._most)
        with ThreadPoolExecutor(self._most, self._shown) as pool:
            while not self._ending:
                self._turn_of(schedule, pool)
            with self._turn:
                while schedule.under_way:
                    self._clock.wait(self._turn, self._timeout)
        self._tell(schedule.end())
        self._recorder.record(ev.WriterStopped(writer=self._shown))

    def _turn_of(self, schedule: Schedule, pool: ThreadPoolExecutor) -> None:
        """Send what is due, and wait until something is again."""
        with self._turn:
            slots, missed = schedule.take(self._clock.monotonic())
        self._tell(missed)
        for slot in slots:
            pool.submit(self._send, schedule, slot)
        with self._turn:
            left = schedule.next - self._clock.monotonic()
            if left > 0 and not self._ending:
                self._clock.wait(self._turn, left)

    def _send(self, schedule: Schedule, slot: float) -> None:
        try:
            self._write(slot)
        except Exception as error:  # noqa: BLE001 - kept, and raised by `end`
            self.defect = self.defect or error
        finally:
            with self._turn:
                schedule.done()
                self._turn.notify_all()

    def _write(self, slot: float) -> ev.WriteEnded | None:
        """Write once; a slot for which no key is free is skipped."""
        taken = self._keys.take()
        if taken is None:
            self._tell([Missed(slot, slot, 1, "every key was in use")])
            return None
        key, value = taken
        done = self._entries.write(self.via, self.kind, key, value, timeout=self._timeout)
        ended = self._recorder.record(
            ev.WriteEnded(
                t=done.ended,
                writer=self._shown,
                via=self.via,
                key=key,
                value=value,
                sent=done.sent,
                outcome=done.outcome,
                intended=slot,
                reason=done.reason,
                legs=done.legs,
            )
        )
        self.acknowledged += done.outcome == "ok"
        self._noted(self.kind, ended)
        self._keys.give_back(key, done.outcome)
        return ended

    def _tell(self, missed: list[Missed]) -> None:
        for one in missed:
            self._recorder.record(
                ev.WriteSkipped(
                    writer=self._shown,
                    via=self.via,
                    intended=one.intended,
                    until=one.until,
                    count=one.count,
                    reason=one.reason,
                )
            )

    # --- one after another -------------------------------------------------------------------

    def burst(self, count: int, stopping: Callable[[], bool]) -> int:
        """Send ``count`` writes, each when the one before was answered; return how many were acknowledged."""
        self._open(0.0)
        acknowledged = 0
        for _ in range(count):
            if stopping():
                break
            ended = self._write(self._clock.monotonic())
            acknowledged += ended is not None and ended.outcome == "ok"
        self._recorder.record(ev.WriterStopped(writer=self._shown))
        return acknowledged
