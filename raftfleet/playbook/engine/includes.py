"""Including tasks and roles while the playbook runs: each host may include something else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError
from raftfleet.playbook.engine import reach
from raftfleet.playbook.engine.header import header_of
from raftfleet.playbook.engine.loop import items_of, turns
from raftfleet.playbook.engine.outcome import Outcome
from raftfleet.playbook.engine.tags import settled, settled_settings
from raftfleet.playbook.engine.task_run import TaskRun
from raftfleet.playbook.syntax.actions import DYNAMIC
from raftfleet.playbook.syntax.arguments import finish_arguments
from raftfleet.playbook.syntax.nodes import Settings
from raftfleet.playbook.syntax.site import Site
from raftfleet.playbook.templating import first_false

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.flow import Flow
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.job import Job
    from raftfleet.playbook.templating import Scope

__all__ = ["Includes"]


@dataclass(slots=True)
class _Inclusion:
    """The same thing included with the same loop variables, by one host or several."""

    arguments: dict[str, Any]
    passed: dict[str, Any]
    hosts: list[Host] = field(default_factory=list)


class Includes:
    """Runs `include_tasks` and `include_role`."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def run(self, job: Job, hosts: Sequence[Host], frame: Frame) -> set[str]:
        """Find out what each host includes, then run one inclusion after the other."""
        failed: set[str] = set()
        inclusions: list[_Inclusion] = []
        for host in hosts[:1] if self._once(job, hosts[0]) else hosts:
            try:
                self._collect(job, host, inclusions)
            except RaftfleetError as error:
                failed |= self._fail(job, [host], error)
        ready = []
        for inclusion in inclusions:  # all are read before any runs
            inclusion.hosts = [host for host in inclusion.hosts if host.name not in failed]
            try:
                ready.append((inclusion, *self._node(job, inclusion, frame)))
            except RaftfleetError as error:
                failed |= self._fail(job, inclusion.hosts, error) if inclusion.hosts else set()
        for inclusion, _, _ in ready:
            values = {"changed": False, "failed": False, "include": _name(inclusion)}
            for host in inclusion.hosts:
                self._record(job, host, Outcome(dict(values)))
        for inclusion, node, inner in ready:
            failed |= self._carry_out(inclusion, node, inner, failed)
        return failed

    @staticmethod
    def _once(job: Job, host: Host) -> bool:
        return reach.flag(job.frame.value("run_once"), job.scope(host), key="run_once")

    def _collect(self, job: Job, host: Host, found: list[_Inclusion]) -> None:
        """Add what a host includes, item by item of its loop."""
        scope = job.scope(host)
        loop = job.task.loop
        if loop is None:
            rounds: list[dict[str, Any]] = [{}]
        else:
            rounds = [variables for _, variables in turns(loop, items_of(loop, scope))]
        wanted = [variables for variables in rounds if self._wanted(job, scope.over(variables))]
        if not wanted:
            self._record(job, host, Outcome.skipped("Conditional result was False"))
        for variables in wanted:
            arguments = _arguments(job, scope.over(variables))
            # An item that comes twice in one host's loop is included twice, each at its turn.
            known = next(
                (
                    i
                    for i in found
                    if (i.arguments, i.passed) == (arguments, variables) and host not in i.hosts
                ),
                None,
            )
            if known is None:
                known = _Inclusion(arguments, variables)
                found.append(known)
            known.hosts.append(host)

    @staticmethod
    def _wanted(job: Job, scope: Scope) -> bool:
        return first_false(job.frame.settings.conditions, scope) is None

    def _carry_out(
        self, inclusion: _Inclusion, node: Any, inner: Frame, failed: set[str]
    ) -> set[str]:
        present = self._flow.state.present(inclusion.hosts)
        hosts = [host for host in present if host.name not in failed]
        if not hosts:
            return set()
        fallen = self._flow.body(node, hosts, inner)
        self._flow.state.leave(fallen)
        return fallen

    def _node(self, job: Job, inclusion: _Inclusion, frame: Frame) -> tuple[Any, Frame]:
        """Return what is included, and the frame inside."""
        task = job.task
        passed = {**task.settings.variables, **inclusion.passed}
        library = job.services.library
        apply = task.apply
        if apply is not None:
            apply = settled_settings(apply, job.scope(inclusion.hosts[0]).over(inclusion.passed))
        inner = frame.including(passed, apply)
        state, within = self._flow.state, job.frame.including(inclusion.passed, None)
        header = header_of(state.play, state.roles, job.services.variables, library, within)
        role = frame.role.path if frame.role else None
        site = Site(task.directory, self._flow.state.play.file.parent, role)
        if task.action == "include_tasks":
            name = str(inclusion.arguments["file"])
            path = site.tasks_file(name, task.mark)
            nodes = library.tasks(path, site)
        else:
            use = library.imported_role(inclusion.arguments, Settings(), site, task.mark)
            public = bool(inclusion.arguments["public"])
            nodes = (replace(use, variables=task.settings.variables, public=public),)
        nodes = settled(nodes, header)
        self._flow.adopt(nodes, inner)
        return nodes, inner

    def _fail(self, job: Job, hosts: Sequence[Host], error: RaftfleetError) -> set[str]:
        """Record that the include failed; a wrong included file is shown with its place."""
        return TaskRun(self._flow.run, job, hosts).fail(error)

    @staticmethod
    def _record(job: Job, host: Host, outcome: Outcome) -> None:
        outcome.secret = bool(job.frame.value("no_log"))  # a template may put it into the name
        job.services.recorder.result(job, host, outcome, seconds=0.0)
        if job.task.register:
            memory = job.services.variables.memory
            memory[host.name].facts[job.task.register] = outcome.values


def _arguments(job: Job, scope: Scope) -> dict[str, Any]:
    declared = DYNAMIC[job.task.action]
    written = job.task.arguments
    given = {
        name: value if name in declared.raw else scope.template(value)
        for name, value in written.items()
    }
    return finish_arguments(declared, given, written)


def _name(inclusion: _Inclusion) -> str:
    return str(inclusion.arguments.get("file") or inclusion.arguments.get("name"))
