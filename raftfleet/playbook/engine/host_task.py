"""A task on one host, from its loop to its result; whatever goes wrong becomes part of the result."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raftfleet.errors import HostKeyError, InterruptedRun, RaftfleetError, UnreachableError
from raftfleet.playbook.engine import reach
from raftfleet.playbook.engine.attempt import Attempt, pause, refuse_when_stopped
from raftfleet.playbook.engine.loop import ends, items_of, turns
from raftfleet.playbook.engine.outcome import Outcome, bare_data
from raftfleet.playbook.engine.recorder import CENSORED
from raftfleet.playbook.engine.secrets import masked_diff, secret_values
from raftfleet.playbook.module import Status
from raftfleet.playbook.templating import TemplatingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.job import Job
    from raftfleet.playbook.syntax.nodes import Loop
    from raftfleet.playbook.templating import Scope

__all__ = ["Done", "HostTask"]


@dataclass(slots=True)
class Done:
    """What a task came to on a host."""

    host: Host
    outcome: Outcome
    seconds: float = 0.0


class HostTask:
    """One task on one host; lives in one thread."""

    def __init__(self, job: Job, host: Host) -> None:
        self._job = job
        self._host = host
        self._clock = job.services.clock

    def run(self) -> Done:
        """Run it; raises only `InterruptedRun`."""
        began = self._clock.monotonic()
        scope = self._job.scope(self._host)
        loop = self._job.task.loop
        if loop is None:
            outcome = self._finished(lambda: self._attempt(scope), scope)
        else:
            outcome = self._guarded(lambda: self._looped(loop, scope), scope)
            if not outcome.parts:
                outcome = self._consequences(outcome, scope)
        return Done(self._host, outcome, self._clock.monotonic() - began)

    def _finished(self, work: Callable[[], Outcome], scope: Scope) -> Outcome:
        """Do the work, whatever goes wrong in it, and see what follows from it."""
        return self._consequences(self._guarded(work, scope), scope)

    def _consequences(self, outcome: Outcome, scope: Scope) -> Outcome:
        """Evaluate what depends on the result; a failure there is the task's."""
        register = self._job.task.register
        after = scope.over({register: outcome.values}) if register else scope
        frame, status = self._job.frame, outcome.status
        try:
            if status is Status.UNREACHABLE:
                ignore = frame.value("ignore_unreachable")
                outcome.ignored = reach.flag(ignore, after, key="ignore_unreachable")
            elif status is Status.FAILED:
                ignore = frame.value("ignore_errors")
                outcome.ignored = reach.flag(ignore, after, key="ignore_errors")
            elif status is Status.CHANGED or (self._job.task.loop and status is Status.OK):
                outcome.notify = self._notified(after)
            done = status in {Status.OK, Status.CHANGED}
            if done and reach.flag(frame.value("delegate_facts"), after, key="delegate_facts"):
                variables = self._job.services.variables
                outcome.owner = reach.acting_host(self._host, frame, after, variables).name
        except RaftfleetError as error:
            secret = outcome.secret
            outcome = Outcome.failed(str(error))
            outcome.secret = secret
        return outcome

    def _notified(self, scope: Scope) -> tuple[str, ...]:
        """Return the names of handlers; a name may stand for a list of names."""
        found: list[str] = []
        for name in self._job.frame.settings.notify:
            value = scope.template(name)
            found += map(str, value if isinstance(value, list) else [value])
        return tuple(found)

    def _attempt(self, scope: Scope) -> Outcome:
        return Attempt(self._job, self._host, scope, self._secret(scope)).run()

    def _secret(self, scope: Scope) -> bool:
        """Whether `no_log` holds; when that cannot be told, it does."""
        value = self._job.frame.value("no_log")
        try:
            return value is not None and reach.flag(value, scope, key="no_log")
        except RaftfleetError:
            return True

    def _guarded(self, work: Callable[[], Outcome], scope: Scope) -> Outcome:
        secret = self._secret(scope)
        try:
            outcome = work()
        except InterruptedRun:
            raise
        except UnreachableError as error:
            outcome = Outcome.unreachable(str(error))
            outcome.fatal = error if isinstance(error, HostKeyError) else None
        except RaftfleetError as error:
            outcome = Outcome.failed(str(error))
        except Exception as error:  # noqa: BLE001 - one host's defect must not hide the others' results
            outcome = _defect(error, self._job.task.action, secret=secret)
        outcome.secret = outcome.secret or secret
        self._describe(outcome, scope)
        return outcome

    def _describe(self, outcome: Outcome, scope: Scope) -> None:
        """Add what only whoever shows it wants to know: where it was done, what to mask in a diff."""
        frame, variables = self._job.frame, self._job.services.variables
        if frame.value("delegate_to") is not None and not outcome.values.get("skipped"):
            with suppress(RaftfleetError):
                acting = reach.acting_host(self._host, frame, scope, variables).name
                outcome.delegated = acting if acting != self._host.name else ""
        if "diff" in outcome.values and not outcome.secret:
            hidden = variables.memory[self._host.name].hidden
            outcome.diff = masked_diff(outcome.values["diff"], secret_values(scope, hidden))

    def _looped(self, loop: Loop, scope: Scope) -> Outcome:
        items = items_of(loop, scope, self._job.frame.settings.conditions)
        if items is None:
            return Outcome.skipped()
        parts: list[Outcome] = []
        facts: dict[str, Any] = {}
        for item, variables in turns(loop, items):
            if parts:
                self._rest(loop, scope)
            part = self._turn(loop, item, variables, facts)
            parts.append(part)
            facts |= {**part.included, **part.facts}
            if self._job.task.register:
                facts[self._job.task.register] = part.values
            if part.status is Status.UNREACHABLE and not part.ignored:
                break
            if ends(loop, self._job.scope(self._host, facts).over(variables)):
                break
        return Outcome.of_loop(parts)

    def _turn(
        self, loop: Loop, item: Any, variables: dict[str, Any], facts: dict[str, Any]
    ) -> Outcome:
        refuse_when_stopped(self._job.services.stop)
        began = self._clock.monotonic()
        scope = self._job.scope(self._host, facts).over(variables)
        outcome = self._finished(lambda: self._attempt(scope), scope)
        outcome.values |= bare_data(variables)
        seconds = self._clock.monotonic() - began
        label = self._label(loop, item, scope, outcome)
        recorder = self._job.services.recorder
        recorder.result(self._job, self._host, outcome, seconds=seconds, item=str(label))
        return outcome

    def _label(self, loop: Loop, item: Any, scope: Scope, outcome: Outcome) -> Any:
        """Return what the item is called; when that cannot be told, the item failed."""
        if loop.label is None:
            return item
        register = self._job.task.register
        try:
            return scope.over({register: outcome.values} if register else {}).template(loop.label)
        except TemplatingError as error:
            outcome.values |= {"failed": True, "msg": f"loop_control: label: {error}"}
            self._consequences(outcome, scope)
            return loop.label

    def _rest(self, loop: Loop, scope: Scope) -> None:
        seconds = reach.number(loop.pause, scope, key="pause")
        if seconds > 0:
            pause(seconds, self._job)


def _defect(error: Exception, action: str, *, secret: bool) -> Outcome:
    """Return the failure for an exception that is our own fault, and keep it for the end."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    what = CENSORED if secret else str(error)
    outcome = Outcome.failed(f"defect in {action}: {type(error).__name__}: {what} ({where})")
    outcome.defect = RuntimeError(outcome.values["msg"]) if secret else error
    return outcome
