"""What one command that acts has in hand: inventory, connections, journal, cluster, playbooks.

Everything is put together here and nowhere else; each part knows only the floors below its own.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

import click

from raftfleet.cli.asked import PROJECT
from raftfleet.cli.connections import Connections
from raftfleet.cli.errors import all_of, told
from raftfleet.cli.exporting import Exports
from raftfleet.cli.fleet import Fleet
from raftfleet.cli.interruption import Interruption
from raftfleet.cli.options import without_secrets
from raftfleet.cli.output import write_junit
from raftfleet.cli.reading import read_playbook, read_playbooks
from raftfleet.clock import SystemClock
from raftfleet.drill import DrillExtension
from raftfleet.errors import ExitCode, InterruptedRun, RaftfleetError, UsageError, worst
from raftfleet.journal import Recorder, make_run_folder, write_summary
from raftfleet.journal.events import DrillStarted, FindingMade, RunEnded, RunStarted, VerdictGiven
from raftfleet.playbook import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from raftfleet.checks import Judgement
    from raftfleet.cli.asked import Asked
    from raftfleet.cluster import Control
    from raftfleet.playbook import Memory, Playbook

__all__ = ["Session"]

_PACKAGES = ("raftfleet", "fabric", "paramiko", "jinja2", "msgspec", "pyyaml")


class Session:
    """One run: a context manager that leaves a run folder behind."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.clock = SystemClock()
        self.exports = Exports(asked.exporting, PROJECT)
        self.fleet = Fleet(asked)
        self.inventory = self.fleet.inventory
        keep = bool(self.fleet.hosts) if asked.keep is None else asked.keep
        self.folder = make_run_folder(asked.runs, asked.what, self.clock) if keep else None
        self.recorder = Recorder(self.folder, self.clock)
        self.connections = Connections(
            PROJECT / "known_hosts", self.recorder, self.clock, asked.reach
        )
        self.interruption = Interruption(self.recorder)
        self._codes: list[ExitCode] = []
        self._cluster_lock = threading.Lock()

    # --- the cluster -------------------------------------------------------------------------

    def control(self) -> Control:
        """Return the controls of the inventory's cluster; `UsageError` when it has no node."""
        with self._cluster_lock:
            return self._control

    @cached_property
    def _control(self) -> Control:
        from raftfleet.cluster import Cluster, Control, Holder  # noqa: PLC0415 - only for a cluster

        fleet = self.fleet
        if not fleet.nodes:
            raise UsageError(
                f"the inventory has no hosts in group {fleet.group!r}, so there is no cluster",
                hint="put the nodes' hosts into a group raft, or name theirs: -e raft_group=NAME",
            )
        hosts = [replace(fleet.hosts[node.name], variables=node.variables) for node in fleet.nodes]
        transports = self.connections.of_all(hosts)
        run = self.folder.name if self.folder else self.asked.what
        cluster = Cluster(
            *(fleet.group, fleet.system, fleet.nodes, transports, self.recorder, self.clock),
            holder=Holder.ourselves(f"run {run}", self.clock.wall()),
        )
        return Control(
            *(cluster, transports, self.clock, self.interruption.stop), limit=self.limited_nodes()
        )

    def limited_nodes(self) -> tuple[str, ...] | None:
        """Return the nodes that `--limit` leaves; None without it."""
        if self.asked.limit is None:
            return None
        chosen = {host.name for host in self.inventory.select("all", self.asked.limit)}
        return tuple(node.name for node in self.fleet.nodes if node.name in chosen)

    # --- playbooks ---------------------------------------------------------------------------

    def load(self, path: Path) -> Playbook:
        """Read and check a playbook."""
        return read_playbook(path, self.control, self._extensions)

    def load_all(self, paths: Sequence[Path]) -> list[Playbook]:
        """Read and check playbooks; what is wrong in any of them is raised together."""
        return read_playbooks(paths, self.control, self._extensions)

    @cached_property
    def _extensions(self) -> dict[str, DrillExtension]:
        return {"drill": DrillExtension(self.control)}

    def play(
        self,
        playbook: Playbook,
        extra: Mapping[str, Any] | None = None,
        *,
        first: bool = True,
        memory: Memory | None = None,
    ) -> ExitCode:
        """Run a playbook and return its own exit code; only the ``first`` starts at a task.

        ``memory`` is what the playbooks before it have left of facts and added hosts.
        """
        engine = Engine(
            playbook,
            self.inventory,
            transports=self.connections.of,
            record=self.recorder.record,
            clock=self.clock,
            extra_vars={**self.asked.extra, **(extra or {})},
            limit=self.asked.limit,
            forks=self.asked.forks,
            extensions=self._extensions,
            variable_providers={"raft": self._raft},
            inventory_file=next(iter(self.asked.inventories), None),
            verbosity=self.asked.verbose,
            memory=memory,
            stop=self.interruption.stop,
            **self._options(first=first),
        )
        code = self._guarded(engine)
        self._codes.append(code)
        return code

    def _options(self, *, first: bool) -> dict[str, Any]:
        """Return what the command line asks of the engine, keywords for all plays among it."""
        options = dict(self.asked.playbook)
        said = {"connection": "ansible_connection", "remote_user": "ansible_user"}
        defaults = {key: self.asked.reach.get(name) for key, name in said.items()}
        for key in ("become", "become_user"):
            defaults[key] = options.pop(key, None)
        if not first:
            options.pop("start_at_task", None)
        return {**options, "defaults": {k: v for k, v in defaults.items() if v is not None}}

    def _raft(self) -> dict[str, Any]:
        """Return what templates see as ``raft``: one picture, frozen for a task."""
        return self.control().view.variables()

    def _guarded(self, engine: Engine) -> ExitCode:
        try:
            result = engine.run()
        except InterruptedRun as error:
            click.echo(f"interrupted: {error.message}", err=True)
            return ExitCode.INTERRUPTED
        except RaftfleetError as error:
            click.echo(f"error: {error}", err=True)
            self.recorder.record(told(error))
            return error.exit_code
        for defect in result.defects:
            click.echo(f"defect in raftfleet: {type(defect).__name__}: {defect}", err=True)
            self.recorder.record(told(defect))
        return result.exit_code

    # --- the run -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.recorder.record(
            RunStarted(
                run=self.folder.name if self.folder else self.asked.what,
                argv=without_secrets(sys.argv),
                versions={name: version(name) for name in _PACKAGES},
                seed=int.from_bytes(os.urandom(4), "big"),
                inventory={
                    name: str(host.variables.get("ansible_host", name))
                    for name, host in self.inventory.hosts.items()
                },
            )
        )
        self.interruption.arm()
        self.exports.watch(self.recorder, self.clock)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RaftfleetError):
            for one in all_of(error):
                self.recorder.record(told(one))
            self.recorder.record(RunEnded(exit_code=error.exit_code, reason=error.message))
        self.interruption.disarm()
        if "_control" in self.__dict__:
            self._control.release()
            self._control.cluster.close()
        self.connections.close()
        self.exports.close()
        self.recorder.close()
        for defect in self.recorder.broken:
            what = f"a view of the run ended early: {type(defect).__name__}: {defect}"
            click.echo(f"defect in raftfleet: {what}; the run itself went on", err=True)
        if self.asked.output.junit is not None:
            write_junit(self.recorder.journal(), self.asked.output.junit)

    def finish(self) -> tuple[Judgement | None, ExitCode]:
        """Judge what was recorded, write it down, and return judgement and exit code.

        A run without a run folder and without a drill left nothing to judge.
        """
        journal = self.recorder.journal()
        judgement = None
        if self.folder is not None or any(journal.of(DrillStarted)):
            from raftfleet.checks import judge  # noqa: PLC0415 - only where there is something

            judgement = judge(journal)
        codes = [*self._codes, judgement.exit_code if judgement else ExitCode.PASSED]
        if self.interruption.stop.is_set():
            codes.append(ExitCode.INTERRUPTED)
        code = worst(codes)
        self._note(judgement)
        self.recorder.record(RunEnded(exit_code=code))
        if judgement is not None and self.folder is not None:
            from raftfleet.checks import judgement_json  # noqa: PLC0415 - as above

            write_summary(self.folder, judgement_json(judgement))
            self.export(judgement)
        return judgement, code

    def _note(self, judgement: Judgement | None) -> None:
        """Record how it was judged."""
        for drill in judgement.drills if judgement else ():
            for finding in drill.findings:
                self.recorder.record(
                    FindingMade(
                        drill=drill.drill,
                        check=finding.check,
                        severity=str(finding.severity),
                        message=finding.message,
                        node=finding.node,
                        group=finding.group,
                        at=finding.t,
                        cause=finding.cause,
                    )
                )
            self.recorder.record(VerdictGiven(drill=drill.drill, verdict=str(drill.verdict)))

    def export(self, judgement: Judgement) -> None:
        """Hand out the metrics of what was recorded; nothing of it can fail the run."""
        if self.folder is not None:
            self.exports.deliver(judgement, self.recorder.journal(), self.folder)
