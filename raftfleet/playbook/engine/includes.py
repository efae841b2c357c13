"""Including tasks and roles while the playbook runs: each host may include something else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError
from raftfleet.playbook.engine import reach
from raftfleet.playbook.engine.header import header_of
from raftfleet.playbook.engine.loop import ends, items_of, turns
from raftfleet.playbook.engine.outcome import Outcome, bare_data
from raftfleet.playbook.engine.tags import settled, settled_settings
from raftfleet.playbook.engine.task_run import TaskRun, remembering
from raftfleet.playbook.module import Status
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
    from raftfleet.playbook.syntax.nodes import Node
    from raftfleet.playbook.templating import Scope

__all__ = ["Includes"]


@dataclass(slots=True)
class _Inclusion:
    """The same thing included with the same loop variables, by one host or several."""

    arguments: dict[str, Any]
    passed: dict[str, Any]
    hosts: list[Host] = field(default_factory=list)
    label: str | None = None

    @property
    def name(self) -> str:
        """What is included."""
        return str(self.arguments.get("file") or self.arguments.get("name"))


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
                ready.append((inclusion, *self._nodes(job, inclusion, frame)))
            except RaftfleetError as error:
                failed |= self._fail(job, inclusion.hosts, error) if inclusion.hosts else set()
        for inclusion, _, _ in ready:
            values: dict[str, Any] = {"changed": False, "include": inclusion.name}
            if inclusion.label is not None:
                values["item"] = inclusion.label
            for host in inclusion.hosts:
                self._record(job, host, Outcome(dict(values)))
        for inclusion, nodes, inner in ready:
            failed |= self._carry_out(inclusion, nodes, inner, failed)
        return failed

    @staticmethod
    def _once(job: Job, host: Host) -> bool:
        return reach.flag(job.frame.value("run_once"), job.scope(host), key="run_once")

    def _collect(self, job: Job, host: Host, found: list[_Inclusion]) -> None:
        """Add what a host includes, item by item of its loop, and register it."""
        scope, loop = job.scope(host), job.task.loop
        if loop is None:
            outcome = _turn(job, host, scope, {}, found)
        elif (items := items_of(loop, scope, job.frame.settings.conditions)) is None:
            outcome = Outcome.skipped()
        else:
            parts: list[Outcome] = []
            for item, variables in turns(loop, items):
                part = _turn(job, host, scope.over(variables), variables, found)
                parts.append(part)
                after = scope.over({**variables, job.task.register or "": part.values})
                label = str(item if loop.label is None else after.template(loop.label))
                if part.status is Status.SKIPPED:
                    self._record(job, host, part, item=label)
                else:
                    next(one for one in found if one.passed == variables).label = label
                if ends(loop, after):
                    break
            outcome = Outcome.of_loop(parts)
        if outcome.status is Status.SKIPPED:
            self._record(job, host, outcome)
        elif job.frame.role is not None:
            job.state.be_active(job.frame.role, host.name)
        if job.task.register:
            once = self._once(job, host)
            for name in remembering(self._flow.run, job.state, host, once=once):
                job.services.variables.memory[name].facts[job.task.register] = outcome.values

    def _carry_out(
        self, inclusion: _Inclusion, nodes: Sequence[Node], inner: Frame, failed: set[str]
    ) -> set[str]:
        present = self._flow.state.present(inclusion.hosts)
        hosts = [host for host in present if host.name not in failed]
        if not hosts:
            return set()
        fallen = self._flow.body(nodes, hosts, inner)
        self._flow.state.leave(fallen)
        return fallen

    def _nodes(self, job: Job, inclusion: _Inclusion, frame: Frame) -> tuple[Sequence[Node], Frame]:
        """Return what is included, and the frame inside."""
        task = job.task
        passed = {**task.settings.variables, **inclusion.passed}
        library = job.services.library
        apply = task.apply
        if apply is not None:
            apply = settled_settings(apply, job.scope(inclusion.hosts[0]).over(inclusion.passed))
        inner = frame.including(passed, apply)
        state, within = self._flow.state, job.frame.including(inclusion.passed, None)
        header = partial(
            header_of, state.play, state.roles, job.services.variables, library, within
        )
        role = frame.role.path if frame.role else None
        site = Site(task.directory, self._flow.state.play.file.parent, role)
        if task.action == "include_tasks":
            name = str(inclusion.arguments["file"])
            nodes: tuple[Node, ...] = library.tasks(site.tasks_file(name, task.mark), site)
        else:
            use = library.imported_role(inclusion.arguments, Settings(), site, task.mark)
            public = bool(inclusion.arguments["public"])
            nodes = (replace(use, variables=passed, public=public),)
        nodes = settled(nodes, header)
        self._flow.adopt(nodes, inner)
        return nodes, inner

    def _fail(self, job: Job, hosts: Sequence[Host], error: RaftfleetError) -> set[str]:
        """Record that the include failed; a wrong included file is shown with its place."""
        return TaskRun(self._flow.run, job, hosts).fail(error)

    @staticmethod
    def _record(job: Job, host: Host, outcome: Outcome, *, item: str | None = None) -> None:
        outcome.secret = bool(job.frame.value("no_log"))  # a template may put it into the name
        job.services.recorder.result(job, host, outcome, seconds=0.0, item=item)


def _turn(
    job: Job, host: Host, scope: Scope, passed: dict[str, Any], found: list[_Inclusion]
) -> Outcome:
    """Add what a host includes in one turn of the loop; return what `register` sees of it."""
    failing = first_false(job.frame.settings.conditions, scope)
    if failing is not None:
        outcome = Outcome.skipped(failing)
        outcome.values |= bare_data(passed)
        return outcome
    arguments = _arguments(job, scope)
    # An item that comes twice in one host's loop is included twice, each at its turn.
    known = next(
        (
            one
            for one in found
            if (one.arguments, one.passed) == (arguments, passed) and host not in one.hosts
        ),
        None,
    )
    if known is None:
        known = _Inclusion(arguments, passed)
        found.append(known)
    known.hosts.append(host)
    return Outcome({"changed": False, **_told(job, known), **bare_data(passed)})


def _told(job: Job, inclusion: _Inclusion) -> dict[str, Any]:
    """Return what `register` sees of what is included."""
    if job.task.action == "include_tasks":
        return {"include": inclusion.name, "include_args": {}}
    given = job.task.arguments.keys() - {"apply"}
    return {"include_args": {key: inclusion.arguments[key] for key in sorted(given)}}


def _arguments(job: Job, scope: Scope) -> dict[str, Any]:
    declared = DYNAMIC[job.task.action]
    written = job.task.arguments
    given = {
        name: value if name in declared.raw else scope.template(value)
        for name, value in written.items()
    }
    return finish_arguments(declared, given, written)
