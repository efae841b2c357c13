"""A task on all hosts whose turn it is: run it, record it, remember it, decide who goes on."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError
from raftfleet.playbook.engine import reach
from raftfleet.playbook.engine.handlers import notify
from raftfleet.playbook.engine.host_task import Done, HostTask
from raftfleet.playbook.engine.job import Job
from raftfleet.playbook.engine.outcome import Outcome
from raftfleet.playbook.engine.variables import Provided
from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.engine.run_state import RunState
    from raftfleet.playbook.syntax.nodes import Task
    from raftfleet.playbook.templating import Scope

__all__ = ["TaskRun", "in_check_mode", "make_job", "remembering", "title_of"]


def make_job(run: RunState, state: PlayState, task: Task, frame: Frame) -> Job:
    """Return a task ready to run; ``frame`` is the task's own."""
    return Job(
        number=run.next_task(),
        task=task,
        frame=frame,
        state=state,
        hosts=tuple(state.standing()),
        provided=Provided(run.services.options.providers),
        services=run.services,
    )


def title_of(job: Job, host: Host, *, with_role: bool = True) -> str:
    """Return the task's name, templated if that is possible, after its role's."""
    title = job.task.title
    if not job.frame.value("no_log"):  # otherwise a secret might stand in the name
        with suppress(RaftfleetError):
            title = job.scope(host).template(title)
    role = job.frame.role if with_role and job.task.action != "include_role" else None
    return f"{role.name} : {title}" if role else str(title)


def in_check_mode(job: Job, host: Host) -> bool:
    """Whether the task is to change nothing; what cannot be told counts as not."""
    value = job.frame.value("check_mode")
    if value is None:
        return job.services.options.check
    with suppress(RaftfleetError):
        return reach.flag(value, job.scope(host), key="check_mode")
    return False


def remembering(run: RunState, state: PlayState, host: Host, *, once: bool) -> list[str]:
    """Return who remembers what a task came to: all of the batch when it ran once for all.

    So do those that have failed or have no turn, but for hosts that do not answer.
    """
    everybody = (one.name for one in state.batch if one.name not in run.unreachable)
    return list(everybody) if once else [host.name]


class TaskRun:
    """One task on some hosts."""

    def __init__(self, run: RunState, job: Job, hosts: Sequence[Host]) -> None:
        self._run = run
        self._job = job
        self._hosts = hosts
        self._state = job.state
        module = job.task.module
        self._wrong: RaftfleetError | None = None
        first = job.scope(hosts[0])
        self._once = (module is not None and module.once) or self._flag("run_once", first)
        self._fatal, self._throttle = self._once, 0
        try:
            self._bound(first)
        except RaftfleetError as error:
            self._wrong = error

    def _bound(self, first: Scope) -> None:
        """Find out what the keywords say of all hosts together."""
        frame = self._job.frame
        self._fatal = self._once or self._flag("any_errors_fatal", first)
        if self._fatal and frame.value("ignore_errors") is not None:
            self._fatal = not self._flag("ignore_errors", first)
        self._throttle = int(reach.number(frame.value("throttle", 0), first, key="throttle"))

    def _flag(self, key: str, scope: Any) -> bool:
        return reach.flag(self._job.frame.value(key), scope, key=key)

    def run(self) -> set[str]:
        """Run the task; return the names of the hosts that failed or go down with one that did."""
        if self._wrong is not None:
            return self.fail(self._wrong)
        hosts = self._hosts[:1] if self._once else self._hosts
        gate = self._gate()
        dones: dict[str, Done] = {}

        def work(host: Host) -> Done:
            with gate:
                return HostTask(self._job, host).run()

        try:
            for done in self._run.pool.each(work, hosts):
                self._record(done)
                dones[done.host.name] = done
        finally:
            for host in hosts:
                if host.name in dones:
                    self._remember(dones[host.name])
        return self._fallen([dones[host.name] for host in hosts])

    def fail(self, error: RaftfleetError) -> set[str]:
        """Record on all hosts that the task cannot even be tried; return who failed."""
        dones = [Done(host, Outcome.failed(str(error))) for host in self._hosts]
        for done in dones:
            done.outcome.secret = bool(self._job.frame.value("no_log"))
            self._record(done)
        return self._fallen(dones)

    def _gate(self) -> AbstractContextManager[Any]:
        return threading.BoundedSemaphore(self._throttle) if self._throttle > 0 else nullcontext()

    def _record(self, done: Done) -> None:
        role, status = self._job.frame.role, done.outcome.status
        if role is not None and status not in {Status.SKIPPED, Status.UNREACHABLE}:
            self._state.be_active(role, done.host.name)
        failed = status is Status.FAILED and not done.outcome.ignored
        self._run.services.recorder.result(
            self._job,
            done.host,
            done.outcome,
            seconds=done.seconds,
            ignored=done.outcome.ignored,
            rescued=failed and self._job.frame.rescuable,
        )

    def _remember(self, done: Done) -> None:
        """Keep facts and registered results, for all hosts when the task ran once for all."""
        memory = self._run.services.variables.memory
        outcome = done.outcome
        for placement in outcome.placements:
            self._run.services.variables.population.place(placement)
            memory.placements.append(placement)
            self._state.welcome(placement.host)
        hosts = remembering(self._run, self._state, done.host, once=self._once)
        for part in outcome.parts or (outcome,):
            for name in hosts if part.owner is None else (part.owner,):
                memory[name].facts |= part.facts
                memory[name].included |= part.included
                memory[name].gathered |= part.gathered
        for name in hosts if self._job.task.register else ():
            memory[name].facts[str(self._job.task.register)] = outcome.values
        for name in hosts:
            names = {self._job.task.register or "", *_set_by(outcome)}
            memory[name].hidden.difference_update(names)
            if outcome.secret:
                memory[name].hidden.update(names)
        notify(self._state, outcome.notify, done.host, flushing=self._job.frame.handling)
        if outcome.defect is not None:
            self._run.defects.append(outcome.defect)

    def _fallen(self, dones: Sequence[Done]) -> set[str]:
        """Mark who is out, and return who failed."""
        failed = {d.host.name for d in dones if _down(d, Status.FAILED)}
        lost = {d.host.name for d in dones if _down(d, Status.UNREACHABLE)}
        self._run.unreachable |= lost
        self._state.gone |= lost
        for done in dones:
            if done.host.name in failed:
                self._note_failure(done)
        for done in dones:
            if done.outcome.fatal is not None:
                raise done.outcome.fatal
        down = self._spread(failed, lost)
        self._state.pardoned -= down
        return down

    def _note_failure(self, done: Done) -> None:
        if not self._job.frame.rescuable:
            self._state.failed.add(done.host.name)
            handlers_wait = self._state.forced and done.host.name in self._state.pending
            if not self._job.frame.awaited and not handlers_wait:
                self._state.fallen.add(done.host.name)
            self._run.dragged.discard(done.host.name)
            return
        facts = self._run.services.variables.memory[done.host.name].facts
        name = title_of(self._job, done.host, with_role=False) if self._job.task.name else ""
        facts["ansible_failed_task"] = {"name": name, "action": self._job.task.action}
        facts["ansible_failed_result"] = done.outcome.values

    def _spread(self, failed: set[str], lost: set[str]) -> set[str]:
        """Return the failed hosts with those that fail together with them."""
        everybody = {host.name for host in self._hosts}
        rescuable = self._job.frame.rescuable
        fatal = self._fatal and bool(failed or lost)
        if failed and fatal and self._once:
            self._state.past |= everybody - failed - lost
        if fatal and rescuable:
            self._run.marked |= everybody - failed - lost
            return everybody - lost
        too_many = not rescuable and self._too_many()
        if too_many or (fatal and not rescuable):
            self._state.doomed = True
            self._state.silent = too_many
            present = {host.name for host in self._state.present(self._state.batch)}
            if not failed:
                self._run.dragged |= present - self._state.failed
            self._state.failed |= present
            return everybody - lost
        return failed

    def _too_many(self) -> bool:
        """Whether more hosts of the batch failed than `max_fail_percentage` allows."""
        allowed = self._state.play.max_fail_percentage
        if allowed is None:
            return False
        batch = {host.name for host in self._state.batch}
        return len(self._state.fallen & batch) * 100 > float(allowed) * len(batch)


def _down(done: Done, status: Status) -> bool:
    return done.outcome.status is status and not done.outcome.ignored


def _set_by(outcome: Outcome) -> set[str]:
    """Return the names of the variables that a task set, in all turns of its loop."""
    return {name for part in (outcome, *outcome.parts) for name in (*part.facts, *part.included)}
