"""The way of hosts through blocks, roles and tasks: linear, one task at a time on all of them.

Each method runs something on hosts and returns the names of those that failed in it and were not
rescued; who called decides what becomes of them. A block's rescue runs on the hosts that failed
in its body while the others wait, its always on all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

_ALWAYS: Final = frozenset({"always"})


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
        before = set(state.failed)
        failed = self.body(nodes, state.standing(), state.frame)
        state.failed |= failed - state.pardoned
        if not state.forced:  # pardoned or not, they have lost their place in the play
            state.gone |= failed & state.pardoned
        state.leave(state.failed)
        if self._takes_always(state.frame):
            hosts = [host for host in state.batch if host.name not in before]
            state.failed |= self.flush(hosts)

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
        """Whether tags and `--start-at-task` let the task run; what a handler includes does."""
        if frame.handling:
            return True
        if self.run.start_at is not None:
            role = frame.role.name if frame.role else None
            if not starts_at(self.run.start_at, task.title, role):
                return False
            self.run.start_at = None
        return self._chosen((task,), frame.settings.tags)

    def _takes_always(self, frame: Frame) -> bool:
        """Whether what happens here anyway happens: `--skip-tags` may rule `always` out."""
        return self.run.services.options.tags.takes(frame.settings.tags | _ALWAYS)

    def _chosen(self, nodes: Sequence[Node], tags: frozenset[str]) -> bool:
        """Whether tags let any task of these nodes run; ``tags`` are those that it inherits."""
        for node in nodes:
            own = tags | node.settings.tags
            if isinstance(node, Block):
                chosen = self._chosen((*node.body, *node.rescue, *node.always), own)
            elif isinstance(node, RoleUse):
                chosen = self._chosen((*node.role.dependencies, *node.role.tasks), own)
            else:
                chosen = self.run.services.options.tags.takes(own)
            if chosen:
                return True
        return False

    def task(self, task: Task, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run one task, whatever its tags are."""
        if task.action == "meta":
            return self._meta.run(task, hosts, frame)
        job = make_job(self.run, self.state, task, frame.enter(task.settings))
        check = in_check_mode(job, hosts[0])
        self.run.services.recorder.task_started(job, title_of(job, hosts[0]), check=check)
        if task.action in DYNAMIC:
            return self._includes.run(job, hosts, frame)
        return TaskRun(self.run, job, hosts).run()

    def block(self, block: Block, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run a block: its body, rescue on the hosts that failed, always on all."""
        inner = frame.enter(block.settings)
        rescuing, always = (
            self._chosen(part, inner.settings.tags) for part in (block.rescue, block.always)
        )
        body = inner.guarded(rescue=rescuing, always=always)
        failed = self.body(block.body, hosts, body)
        past = self.state.leave(failed)
        barred = set() if rescuing else past
        if rescuing and failed - past:
            fallen = [host for host in self.state.present(hosts) if host.name in failed - past]
            rescue = inner.guarded(rescue=False, always=always)
            failed = failed & past | self.body(block.rescue, fallen, rescue)
            barred = self.state.leave(failed)
        if always:
            left = [host for host in self.state.present(hosts) if host.name not in barred]
            failed |= self.body(block.always, left, inner) if left else set()
            self.state.leave(failed)
            failed -= self.state.pardoned
        return failed

    def role(self, use: RoleUse, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Run a role after those it depends on, on the hosts that have not had it in this form."""
        done = self.state.done_roles.setdefault(use.identity, set())
        running = [host for host in hosts if not (use.once and host.name in done)]
        if not running:
            return set()
        nodes = (*use.role.dependencies, *use.role.tasks)
        before = self.state.active.pop(use.role.path, set())
        inner = frame.enter_role(use)
        failed = self.body(nodes, running, inner)
        self.state.leaving -= {host.name for host in running}
        active = self.state.active.setdefault(use.role.path, set())
        if self._takes_always(inner):
            done |= {host.name for host in running if host.name in active} - failed
        active |= before
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
        """Run notified handlers in the order of their definition.

        One that is notified by a later one waits for the next flush. ``rescuable``: the flush stands
        in a block that has a rescue for handlers that fail.
        """
        failed: set[str] = set()
        if self.state.silent:
            return failed
        settle(self.state, self._eligible(among, failed))
        for entry in list(self.state.handlers):
            hosts = [host for host in self._eligible(among, failed) if host.name in entry.notified]
            if not hosts:
                continue
            for host in hosts:
                del entry.notified[host.name]
            refuse_when_stopped(self.run.services.stop)
            frame = entry.frame.guarded(rescue=rescuable, always=False)
            failed |= self.task(entry.handler.task, hosts, frame)
        return failed

    def _eligible(self, among: Sequence[Host], failed: set[str]) -> list[Host]:
        """Return the hosts that run handlers: failed ones only where `force_handlers` says so."""
        out = failed if self.state.forced else failed | self.state.failed
        return [host for host in self.state.present(among) if host.name not in out]
