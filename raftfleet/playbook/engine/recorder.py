"""Writes the run's events, with secrets taken out before anybody sees them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from raftfleet.journal.events import (
    PlayEnded,
    PlayStarted,
    TaskCommand,
    TaskProgress,
    TaskResult,
    TaskStarted,
)
from raftfleet.playbook.recap import Recap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.inventory import Host
    from raftfleet.journal.events import Event
    from raftfleet.playbook.engine.job import Job
    from raftfleet.playbook.engine.outcome import Outcome

__all__ = ["CENSORED", "Recorder"]

CENSORED = "hidden by no_log"
_KEPT = ("changed", "failed", "skipped", "unreachable", "attempts")
_REPEATED = ("results", "stdout_lines", "stderr_lines")  # an item's own events, stdout, stderr
_LABEL = 200


class Recorder:
    """Hands events on, one at a time, and keeps the recap."""

    def __init__(self, record: Callable[[Event], object]) -> None:
        self._record = record
        self._lock = threading.Lock()
        self.recap = Recap()

    def _write(self, event: Event) -> None:
        with self._lock:
            self.recap.add(event)
            self._record(event)

    def play_started(
        self,
        name: str,
        hosts: Sequence[Host],
        unmatched: Sequence[str] = (),
        *,
        check: bool = False,
    ) -> None:
        """Say that a play begins on these hosts; on none when its pattern matches nobody."""
        names = tuple(host.name for host in hosts)
        self._write(PlayStarted(play=name, hosts=names, unmatched=tuple(unmatched), check=check))

    def play_ended(self, name: str, *, cut: bool = False) -> None:
        """Say that a play ended; ``cut``: for all, because of one failure."""
        self._write(PlayEnded(play=name, cut=cut))

    def task_started(self, job: Job, title: str, *, check: bool = False) -> None:
        """Say that a task begins."""
        mark = job.task.mark
        self._write(
            TaskStarted(
                task=job.number,
                name=title,
                module=job.task.action,
                where=f"{mark.file}:{mark.line}",
                handler=job.frame.handling,
                check=check,
            )
        )

    def command(
        self,
        job: Job,
        host: Host,
        what: str,
        line: str,
        become: str | None,
        *,
        secret: bool,
    ) -> None:
        """Say what is about to be done on a host."""
        shown = CENSORED if secret else line
        self._write(
            TaskCommand(task=job.number, host=host.name, what=what, line=shown, become=become or "")
        )

    def progress(
        self,
        job: Job,
        host: Host,
        text: str,
        *,
        done: int | None = None,
        total: int | None = None,
        left: int | None = None,
        secret: bool = False,
    ) -> None:
        """Say what a busy task is at."""
        shown = CENSORED if secret else str(text)
        self._write(
            TaskProgress(
                task=job.number, host=host.name, text=shown, done=done, total=total, left=left
            )
        )

    def result(
        self,
        job: Job,
        host: Host,
        outcome: Outcome,
        *,
        seconds: float,
        item: str | None = None,
        ignored: bool = False,
        rescued: bool = False,
    ) -> None:
        """Say what a task, or one item of its loop, came to on a host."""
        self._write(
            TaskResult(
                task=job.number,
                host=host.name,
                status=str(outcome.status),
                seconds=seconds,
                result=_shown(outcome),
                item=None if item is None else _label(item, secret=outcome.secret),
                ignored=ignored,
                rescued=rescued,
                delegated=outcome.delegated,
                quiet=outcome.quiet,
            )
        )


def _shown(outcome: Outcome) -> dict[str, Any]:
    if outcome.secret:
        kept = {key: outcome.values[key] for key in _KEPT if key in outcome.values}
        return {**kept, "censored": CENSORED}
    # What was gathered is large, the same in every play, and holds the environment, secrets and all.
    left_out = {*_REPEATED, "ansible_facts"} if outcome.gathered else _REPEATED
    shown = {key: value for key, value in outcome.values.items() if key not in left_out}
    return {**shown, "diff": outcome.diff} if "diff" in shown else shown


def _label(item: str, *, secret: bool) -> str:
    if secret:
        return CENSORED
    return item if len(item) <= _LABEL else f"{item[:_LABEL]}..."
