"""`meta`: what a playbook says to the engine itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.playbook.engine import reach
from raftfleet.playbook.templating import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.flow import Flow
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.job import Job
    from raftfleet.playbook.syntax.nodes import Task

__all__ = ["Meta"]


class Meta:
    """The actions of `meta`; none of them counts as a task in the recap."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._actions: dict[str, Callable[[list[Host]], set[str]]] = {
            "noop": lambda _hosts: set(),
            "flush_handlers": lambda _hosts: flow.flush(),
            "end_host": self._end_host,
            "end_batch": self._end_batch,
            "end_play": self._end_play,
            "clear_host_errors": self._clear_host_errors,
        }

    def run(self, task: Task, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Carry the action out for the hosts whose condition holds."""
        inner = frame.enter(task.settings)
        job = self._flow.quiet_job(task, inner)
        action = str(task.arguments["action"])
        if action == "flush_handlers":
            return self._flow.flush()
        chosen = [host for host in hosts if holds(inner.settings.conditions, job.scope(host))]
        if not chosen:
            return set()
        if action == "reset_connection":
            return self._reset(chosen, job)
        return self._actions[action](chosen)

    def _end_host(self, hosts: list[Host]) -> set[str]:
        self._flow.state.gone |= {host.name for host in hosts}
        return set()

    def _end_batch(self, hosts: list[Host]) -> set[str]:
        del hosts
        self._flow.state.ended = True
        return set()

    def _end_play(self, hosts: list[Host]) -> set[str]:
        self._flow.state.over = True
        return self._end_batch(hosts)

    def _clear_host_errors(self, hosts: list[Host]) -> set[str]:
        """Take every host of the play back, whatever happened to it."""
        del hosts
        state, run = self._flow.state, self._flow.run
        everyone = {host.name for host in state.everyone}
        state.gone -= state.failed | run.failed | run.unreachable
        state.failed.clear()
        run.failed -= everyone
        run.unreachable -= everyone
        return set()

    def _reset(self, hosts: list[Host], job: Job) -> set[str]:
        for host in hosts:
            target = reach.reached(host, job.frame, job.scope(host))
            self._flow.run.services.transports(target).close()
        return set()
