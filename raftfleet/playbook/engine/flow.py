"""The way of hosts through blocks, roles and tasks: linear, one task at a time on all of them.

Each method runs something on hosts and returns the names of those that failed in it and were not
rescued; who called decides what becomes of them. A block's rescue runs on the hosts that failed
in its body while the others wait, its always on all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.playbook.engine.attempt import refuse_when_stopped
from raftfleet.playbook.engine.handlers import add_role_handlers, settle
from raftfleet.playbook.engine.includes import Includes
from raftfleet.playbook.engine.meta import Meta
from raftfleet.playbook.engine.role_places import imported_by
from raftfleet.playbook.engine.start import starts_at
from raftfleet.playbook.engine.task_run import TaskRun, in_check_mode, make_job, title_of
from raftfleet.playbook.syntax.actions import DYNAMIC
from raftfleet.playbook.syntax.nodes import Block, RoleUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.job import Job
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.engine.run_state import RunState
    from raftfleet.playbook.syntax.nodes import Node, Task

__all__ = ["Flow"]


class Flow:
    """Runs the nodes of one play on one batch of its hosts."""

    def __init__(self, run: RunState, state: PlayState) -> None:
        self.run = run
        self.state = state
        self._includes = Includes(self)
        self._meta = Meta(self)

    def section(self, nodes: Sequence[Node]) -> None:
        """Run a section of the play and then its handlers; who fails is out."""
        state = self.state
        state.failed |= self.body(nodes, state.standing(), state.frame) - state.pardoned
        state.leave(state.failed)
        state.failed |= self.flush(state.batch)

    def body(self, nodes: Iterable[Node], hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run nodes one after the other."""
        failed: set[str] = set()
        doomed_before = self.state.doomed
        for node in nodes:
            out = failed | self.state.leaving
            running = [host for host in self.state.present(hosts) if host.name not in out]
            if not running:
                break
            failed |= self.node(node, running, frame)
            if self.state.doomed and not doomed_before:
                return failed | {host.name for host in self.state.present(hosts)}
        return failed

    def node(self, node: Node, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run one block, role or task."""
        refuse_when_stopped(self.run.services.stop)
        if isinstance(node, Block):
            return self.block(node, hosts, frame)
        if isinstance(node, RoleUse):
            return self.role(node, hosts, frame)
        if not self._turn_of(node, frame):
            return set()
        return self.task(node, hosts, frame)

    def _turn_of(self, task: Task, frame: Frame) -> bool:
        """Whether tags and `--start-at-task` let the task run."""
        if self.run.start_at is not None:
            role = frame.role.name if frame.role else None
            if not starts_at(self.run.start_at, task.title, role):
                return False
            self.run.start_at = None
        return self.run.services.options.tags.takes(frame.settings.tags | task.settings.tags)

    def task(
        self, task: Task, hosts: Sequence[Host], frame: Frame, *, handler: bool = False
    ) -> set[str]:
        """Run one task, whatever its tags are."""
        if task.action == "meta":
            return self._meta.run(task, hosts, frame)
        job = make_job(self.run, self.state, task, frame.enter(task.settings), handler=handler)
        check = in_check_mode(job, hosts[0])
        self.run.services.recorder.task_started(job, title_of(job, hosts[0]), check=check)
        if task.action in DYNAMIC:
            return self._includes.run(job, hosts, frame)
        return TaskRun(self.run, job, hosts).run()

    def block(self, block: Block, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run a block: its body, rescue on the hosts that failed, always on all."""
        inner = frame.enter(block.settings)
        always = bool(block.always)
        body = inner.guarded(rescue=bool(block.rescue), always=always)
        failed = self.body(block.body, hosts, body)
        past = self.state.leave(failed)
        if block.rescue and failed - past:
            fallen = [host for host in self.state.present(hosts) if host.name in failed - past]
            rescue = inner.guarded(rescue=False, always=always)
            failed = failed & past | self.body(block.rescue, fallen, rescue)
        if block.always:
            present = self.state.present(hosts)
            left = [host for host in present if block.rescue or host.name not in past]
            failed |= self.body(block.always, left, inner) if left else set()
        return failed

    def role(self, use: RoleUse, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run a role after those it depends on, on the hosts that have not had it in this form."""
        done = self.state.done_roles.setdefault(use.identity, set())
        running = [host for host in hosts if not (use.once and host.name in done)]
        if not running:
            return set()
        nodes = (*use.role.dependencies, *use.role.tasks)
        failed = self.body(nodes, running, frame.enter_role(use))
        self.state.leaving -= {host.name for host in running}
        done |= {host.name for host in running} - failed
        self.state.leave(failed)
        return failed

    def adopt(self, nodes: Iterable[Node], frame: Frame) -> None:
        """Take the roles of what is included into the play: handlers, and variables of public ones."""
        places = list(imported_by(nodes, frame))
        scope = self.run.services.variables.of_play(self.state.play.settings.variables)
        add_role_handlers(self.state, places, scope)
        self.state.roles += [use for use, _ in places]

    def quiet_job(self, task: Task, frame: Frame) -> Job:
        """Return a job that is not recorded, for what counts as no task."""
        return make_job(self.run, self.state, task, frame)

    def flush(self, among: Sequence[Host], *, rescuable: bool = False) -> set[str]:
        """Run notified handlers in the order of their definition, until none is left notified.

        ``rescuable``: the flush stands in a block that has a rescue for handlers that fail.
        """
        failed: set[str] = set()
        settle(self.state, self._eligible(among, failed))
        again = True
        while again:
            again = self._flush_once(among, failed, rescuable=rescuable)
        return failed

    def _flush_once(self, among: Sequence[Host], failed: set[str], *, rescuable: bool) -> bool:
        ran = False
        for entry in list(self.state.handlers):
            hosts = [host for host in self._eligible(among, failed) if host.name in entry.notified]
            if not hosts:
                continue
            for host in hosts:
                del entry.notified[host.name]
            refuse_when_stopped(self.run.services.stop)
            frame = entry.frame.guarded(rescue=rescuable, always=False)
            failed |= self.task(entry.handler.task, hosts, frame, handler=True)
            ran = True
        return ran

    def _eligible(self, among: Sequence[Host], failed: set[str]) -> list[Host]:
        """Return the hosts that run handlers: failed ones only where `force_handlers` says so."""
        forced = self.state.play.force_handlers  # what the play says outranks the command line
        if forced is None:
            forced = self.run.services.options.force_handlers
        out = failed if forced else failed | self.state.failed
        return [host for host in self.state.present(among) if host.name not in out]
