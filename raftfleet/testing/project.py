"""A project in a folder of its own, and commands of raftfleet run in it: for tests.

    project = FleetProject(tmp_path, {"inventory/hosts.yml": ..., "play.yml": ...})
    ran = project.run("play", "play.yml").check()
    assert ran.recap["n1"]["changed"] == 1

pytest is not needed; `raftfleet.testing.fixtures` makes a fixture of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

import yaml

from raftfleet.cli import run
from raftfleet.cli.connections import Connections
from raftfleet.clock import SystemClock
from raftfleet.journal import read_journal
from raftfleet.journal.events import TaskResult, TaskStarted
from raftfleet.journal.reader import JOURNAL
from raftfleet.playbook import Recap
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import LocalOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.inventory import Host
    from raftfleet.journal.events import Event
    from raftfleet.transport import SshOptions, Transport

__all__ = ["FleetProject", "Ran"]

_RUNS = "runs"
_INVENTORIES = ("inventory", "inventory/hosts.yml", "hosts.yml", "inventory.yml", "hosts.ini")
_ACTING = frozenset({"play", "drill", "up", "down", "heal", "status"})


@dataclass(frozen=True)
class Ran:
    """What a command came to.

    ``out`` and ``err`` are what it printed. ``folder`` is the run folder it left, None for a
    command that leaves none; ``events`` are those of its journal.
    """

    argv: tuple[str, ...]
    code: int
    out: str
    err: str
    folder: Path | None = None
    events: tuple[Event, ...] = ()

    def check(self, code: int = 0) -> Self:
        """Return itself when the exit code is this one; fail with all that was said otherwise."""
        if self.code != code:
            line = " ".join(self.argv)
            raise AssertionError(
                f"raftfleet {line}: exit code {self.code}, not {code}\n{self.out}{self.err}"
            )
        return self

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """The counters of each host: ok, changed, unreachable, failed, skipped, rescued, ignored."""
        return Recap.of(self.events).plain()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What ``--output jsonl`` printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    def results(self, task: str | None = None, host: str | None = None) -> list[TaskResult]:
        """Return results of tasks, of this name or on this host only; items of loops are left out."""
        names = {e.task: e.name for e in self.events if isinstance(e, TaskStarted)}
        return [
            event
            for event in self.events
            if isinstance(event, TaskResult)
            and event.item is None
            and task in {None, names.get(event.task)}
            and host in {None, event.host}
        ]


@dataclass
class FleetProject:
    """A folder with files, in which commands run.

    ``files`` are made at once: text is dedented, bytes are written as they are, anything else as
    YAML. Hosts that got a `fake` are not connected to, all others are.
    """

    folder: Path
    files: Mapping[str, object] = field(default_factory=dict)
    fakes: dict[str, FakeTransport] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            self.write(name, content)

    def write(self, name: str, content: object) -> Path:
        """Make a file, and the folders it lies in."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(textwrap.dedent(content).lstrip("\n"), encoding="utf-8")
        else:
            path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    def fake(self, host: str) -> FakeTransport:
        """Return a stand-in for a host: every command succeeds there until told otherwise."""
        if host not in self.fakes:
            self.fakes[host] = FakeTransport(host, clock=SystemClock())
            self.fakes[host].on("*")
        return self.fakes[host]

    def run(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Ran:
        """Run a command of raftfleet in the folder and return what it came to.

        For a command that acts the project's own inventory (``inventory/``, ``hosts.yml``) and a
        folder for runs are added unless they are named. Call it from the main thread.
        """
        argv = self._argv([str(word) for word in words])
        out, err = io.StringIO(), io.StringIO()
        before = self._runs()
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, env or {}),
            self._connections(),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = int(run(argv))
        made = sorted(self._runs() - before)
        folder = made[-1] if made else None
        events = read_journal(folder).events if folder and (folder / JOURNAL).exists() else ()
        return Ran(tuple(argv), code, out.getvalue(), err.getvalue(), folder, events)

    def _argv(self, words: list[str]) -> list[str]:
        if not words or words[0] not in _ACTING:
            return words
        given = {word.partition("=")[0] for word in words}
        if not given & {"-i", "--inventory"}:
            found = (name for name in _INVENTORIES if (self.folder / name).exists())
            words += ["-i", name] if (name := next(found, None)) else []
        if "--runs" not in given:
            words += ["--runs", _RUNS]
        return words

    def _runs(self) -> set[Path]:
        folder = self.folder / _RUNS
        return {one for one in folder.glob("*") if not one.is_symlink()}

    def _connections(self) -> contextlib.AbstractContextManager[object]:
        if not self.fakes:
            return contextlib.nullcontext()
        fakes = self.fakes

        class WithFakes(Connections):
            """Connections that know the stand-ins."""

            def _get(self, host: Host) -> tuple[Transport, SshOptions | LocalOptions]:
                fake = fakes.get(host.name)
                return (fake, LocalOptions()) if fake is not None else super()._get(host)

        return mock.patch("raftfleet.cli.session.Connections", WithFakes)
