"""`meta`: what a playbook says to the engine itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from raftfleet.errors import RaftfleetError, UnreachableError
from raftfleet.playbook.engine import reach
from raftfleet.playbook.engine.task_run import TaskRun, title_of
from raftfleet.playbook.templating import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.flow import Flow
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.job import Job
    from raftfleet.playbook.syntax.nodes import Task

__all__ = ["Meta"]


# The actions that act on each host whose condition holds.
_EACH: Final = frozenset({"noop", "flush_handlers", "reset_connection", "end_host", "end_role"})


class Meta:
    """The actions of `meta`; none of them counts as a task in the recap."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._actions: dict[str, Callable[[str], None]] = {
            "noop": lambda _name: None,
            "end_host": self._end_host,
            "end_batch": self._end_batch,
            "end_play": self._end_play,
            "end_role": self._end_role,
            "clear_facts": self._clear_facts,
            "clear_host_errors": self._clear_host_errors,
        }

    def run(self, task: Task, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Carry the action out for the hosts whose condition holds."""
        action = str(task.arguments["action"])
        job = self._flow.quiet_job(task, frame.enter(task.settings))
        flushing: list[Host] = []
        wrong: dict[str, RaftfleetError] = {}
        for host in hosts if action in _EACH else hosts[:1]:  # the first one speaks for all
            try:
                if not holds(job.frame.settings.conditions, job.scope(host)):
                    continue
            except RaftfleetError as error:
                wrong[host.name] = error
                continue
            if action == "flush_handlers":
                flushing.append(host)
            else:  # at once: the next host's condition may ask who is left
                self._act(action, host, job)
        failed = self._fail(job, [host for host in hosts if host.name in wrong], wrong)
        return failed | self._flow.flush(flushing, rescuable=frame.rescuable)

    def _fail(self, job: Job, hosts: list[Host], wrong: Mapping[str, RaftfleetError]) -> set[str]:
        """Record the hosts whose condition cannot be evaluated: only then `meta` is a task."""
        failed: set[str] = set()
        if hosts:
            self._flow.run.services.recorder.task_started(job, title_of(job, hosts[0]))
        for host in hosts:
            failed |= TaskRun(self._flow.run, job, [host]).fail(wrong[host.name])
        return failed

    def _act(self, action: str, host: Host, job: Job) -> None:
        if action == "reset_connection":
            self._reset(host, job)
        else:
            self._actions[action](host.name)

    def _end_host(self, name: str) -> None:
        self._flow.state.gone.add(name)

    def _end_role(self, name: str) -> None:
        self._flow.state.leaving.add(name)

    def _clear_facts(self, _name: str) -> None:
        """Forget what was gathered about every host of the play."""
        for host in self._flow.state.everyone:
            self._flow.run.services.variables.memory[host.name].gathered.clear()

    def _end_batch(self, _name: str) -> None:
        self._flow.state.ended = True

    def _end_play(self, name: str) -> None:
        self._flow.state.over = True
        self._end_batch(name)

    def _clear_host_errors(self, _name: str) -> None:
        """Take every host of the play back, whatever happened to it."""
        state, run = self._flow.state, self._flow.run
        everyone = {host.name for host in state.everyone}
        state.pardoned |= everyone
        state.doomed = state.silent
        state.gone -= (
            state.failed | run.unreachable
        )  # who failed in earlier plays is back in the next
        state.failed.clear()
        state.fallen.clear()
        run.failed -= everyone
        run.marked -= everyone
        run.unreachable -= everyone

    def _reset(self, host: Host, job: Job) -> None:
        target = reach.reached(host, job.frame, job.scope(host))
        with suppress(UnreachableError):  # then there is no connection to close
            self._flow.run.services.transports(target).close()
