"""One execution of a task on one host: condition, arguments, the module, its verdict, retries."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, RaftfleetError, UnreachableError
from raftfleet.inventory import mark_of
from raftfleet.inventory.source import MarkedStr
from raftfleet.playbook.engine import reach
from raftfleet.playbook.engine.no_transport import NoTransport
from raftfleet.playbook.engine.outcome import Outcome
from raftfleet.playbook.engine.overheard import Overheard
from raftfleet.playbook.module import ModuleContext
from raftfleet.playbook.syntax.arguments import finish_arguments
from raftfleet.playbook.templating import OMIT, Omit, evaluate, first_false, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.job import Job, Stop
    from raftfleet.playbook.module import Module
    from raftfleet.playbook.syntax.nodes import Retry
    from raftfleet.playbook.templating import Scope
    from raftfleet.transport.protocol import Transport

__all__ = ["Attempt", "pause", "refuse_when_stopped"]

_GLANCE = 0.2  # seconds between two looks at whether the run was interrupted
_RETRIES = 3
_AFTERWARDS = ("delegate_facts", "ignore_unreachable", "no_log")
_DELAY = 5.0  # seconds between two tries
_COMMANDS = 3  # the verbosity from which on commands are told


@dataclass(frozen=True, slots=True)
class Attempt:
    """A task on a host, with the variables of this moment (of this item of its loop).

    ``target`` are the variables of the host that it is delegated to, if it is.
    """

    job: Job
    host: Host
    scope: Scope
    secret: bool
    target: Scope | None = None

    def run(self) -> Outcome:
        """Run the task, unless a condition does not hold."""
        refuse_when_stopped(self.job.services.stop)
        variables = self.job.services.variables
        acting = reach.acting_host(self.host, self.job.frame, self.scope, variables)
        failing = first_false(self.job.frame.settings.conditions, self.scope)
        if failing is not None:
            return Outcome.skipped(failing)
        if acting.name != self.host.name:
            return self._delegated(acting).tried(acting)
        return self.tried(acting)

    def _delegated(self, acting: Host) -> Attempt:
        """Return the attempt as it sees the host that it is delegated to."""
        target = self.job.scope(acting)
        seen: dict[str, Any] = {"ansible_delegated_vars": {acting.name: target}}
        if (
            "ansible_host" not in self.host.variables
            and self.scope["ansible_host"] == self.host.name
        ):
            seen["ansible_host"] = target["ansible_host"]
        return replace(self, scope=self.scope.over(seen), target=target)

    def tried(self, acting: Host) -> Outcome:
        """Run the module on the host that is acted on, as often as it takes."""
        module = self.job.task.module
        if module is None:  # the flow runs includes and meta itself
            raise TypeError(f"{self.job.task.action} is not a module")
        for key in _AFTERWARDS:  # what is wrong with them is to be known before anything is done
            reach.flag(self.job.frame.value(key), self.scope, key=key)
        arguments = self._arguments(module)
        began = self.job.services.clock.monotonic()
        try:
            context = self._context(acting, local=module.local)
        except UnreachableError:
            outcome = Outcome({})
            if self._timed_out(began, outcome):  # connecting is part of what the task does
                return outcome
            raise
        retry = self.job.task.retry
        if retry is None:
            return self._once(module, arguments, context)
        return self._repeated(module, arguments, context, retry)

    def _arguments(self, module: Module) -> dict[str, Any]:
        written = self.job.task.arguments
        given = {
            self.scope.template(name): value
            if name in module.raw
            else _kept(self.scope.template(value))
            for name, value in written.items()
        }
        return finish_arguments(module, given, written)

    def _context(self, acting: Host, *, local: bool) -> ModuleContext:
        job, scope, services = self.job, self.scope, self.job.services
        target = reach.reached(acting, job.frame, self.target or scope)
        return ModuleContext(
            host=target,
            transport=NoTransport(target.name) if local else self._transport(target),
            hosts=job.hosts,
            variables=scope,
            template=self._template,
            condition=lambda condition: holds(condition, scope),
            find=scope.find,
            check_mode=self._mode("check_mode", default=services.options.check),
            diff=self._mode("diff", default=services.options.diff),
            deadline=self._deadline() or services.options.task_deadline,
            clock=services.clock,
            environment=reach.environment(job.frame, scope),
            become=reach.become_user(job.frame, scope),
            progress=self._progress,
            mark=job.task.mark,
            stopping=services.stop.is_set,
        )

    def _transport(self, target: Host) -> Transport:
        services = self.job.services
        transport = services.transports(target, timeout=self._deadline() or math.inf)
        if services.options.verbosity < _COMMANDS:
            return transport

        def tell(what: str, line: str, become: str | None) -> None:
            services.recorder.command(self.job, target, what, line, become, secret=self.secret)

        return Overheard(transport, tell)

    def _template(self, text: str) -> Any:
        mark = mark_of(text)
        whole_file = mark is not None and mark.source == text
        return evaluate(text, self.scope, of_file=whole_file or not isinstance(text, MarkedStr))

    def _mode(self, key: str, *, default: bool) -> bool:
        value = self.job.frame.value(key)
        return default if value is None else reach.flag(value, self.scope, key=key)

    def _deadline(self) -> float:
        value = self.job.frame.value("timeout", 0)
        return reach.number(value, self.scope, key="timeout")

    def _progress(
        self,
        text: str,
        done: int | None = None,
        total: int | None = None,
        *,
        left: int | None = None,
    ) -> None:
        self.job.services.recorder.progress(
            *(self.job, self.host, text), done=done, total=total, left=left, secret=self.secret
        )

    def _once(
        self, module: Module, arguments: Mapping[str, Any], context: ModuleContext
    ) -> Outcome:
        """Run the module and let `changed_when` and `failed_when` have their say."""
        began = context.clock.monotonic()
        outcome = _called(module, arguments, context)
        self._timed_out(began, outcome)
        if not outcome.values.get("unreachable"):
            self._judge(outcome)
        return outcome

    def _timed_out(self, began: float, outcome: Outcome) -> bool:
        """Let the outcome be a failure if the task's time is over; return whether it is."""
        limit = self._deadline()
        if not limit or self.job.services.clock.monotonic() - began < limit:
            return False
        period = int(limit) if limit.is_integer() else limit
        msg = f"not done within its timeout of {limit:g} s"
        outcome.values |= {"failed": True, "msg": msg, "timedout": {"period": period}}
        return True

    def _judge(self, outcome: Outcome) -> None:
        task = self.job.task
        if (not task.changed_when and not task.failed_when) or outcome.values.get("skipped"):
            return
        key = "changed_when_result"
        try:
            if task.changed_when:
                outcome.values["changed"] = holds(task.changed_when, self._seeing(outcome))
            if task.failed_when:
                key = "failed_when_result"
                failed = holds(task.failed_when, self._seeing(outcome))
                outcome.values |= {"failed": failed, key: failed}
        except RaftfleetError as error:
            outcome.values |= {"failed": True, key: str(error), "msg": str(error)}

    def _seeing(self, outcome: Outcome) -> Scope:
        """Return the variables with this outcome already registered."""
        name = self.job.task.register
        return self.scope.over({name: outcome.values}) if name else self.scope.over()

    def _repeated(
        self, module: Module, arguments: Mapping[str, Any], context: ModuleContext, retry: Retry
    ) -> Outcome:
        """Try until the condition holds; without one, until the task does not fail."""
        retries = _RETRIES
        if retry.retries is not None:
            said = reach.number(retry.retries, self.scope, key="retries", default=_RETRIES)
            retries = max(0, int(said))
        if not retries:
            return self._once(module, arguments, context)
        delay = reach.number(retry.delay, self.scope, key="delay", default=_DELAY)
        for number in range(1, retries + 2):
            outcome = self._once(module, arguments, context)
            outcome.values["attempts"] = number
            if outcome.values.get("unreachable") or self._met(retry, outcome):
                return outcome
            if number <= retries:
                left = retries - number + 1
                self._progress(
                    f"FAILED - RETRYING ({left} {'retries' if left > 1 else 'retry'} left)",
                    left=left,
                )
                pause(delay, self.job)
        outcome.values |= {"failed": True, "attempts": retries}
        return outcome

    def _met(self, retry: Retry, outcome: Outcome) -> bool:
        if retry.until:
            return holds(retry.until, self._seeing(outcome))
        return not outcome.values["failed"]


def _called(module: Module, arguments: Mapping[str, Any], context: ModuleContext) -> Outcome:
    """Run the module; an error it means to raise is a failure like any other, and may be retried."""
    try:
        return Outcome.of(module.run(arguments, context), diff=context.diff)
    except (InterruptedRun, UnreachableError):
        raise
    except RaftfleetError as error:
        return Outcome.failed(str(error))


def _kept(value: Any) -> Any:
    """Drop what came out as `omit` inside a mapping or list."""
    if isinstance(value, dict):
        return {key: _kept(item) for key, item in value.items() if item is not OMIT}
    if isinstance(value, list):
        return [_kept(item) for item in value if not isinstance(item, Omit)]
    return value


def refuse_when_stopped(stop: Stop) -> None:
    """Raise `InterruptedRun` once the run is to end."""
    if stop.is_set():
        raise InterruptedRun("the run was interrupted")


def pause(seconds: float, job: Job) -> None:
    """Let time pass, as long as the run is not interrupted."""
    clock, stop = job.services.clock, job.services.stop
    deadline = Deadline.after(seconds, clock)
    condition = threading.Condition()
    while not deadline.passed:
        refuse_when_stopped(stop)
        with condition:
            clock.wait(condition, min(_GLANCE, deadline.left))
    refuse_when_stopped(stop)
