"""Putting the daemon together: settings, sessions, pages; what `raftfleet serve` does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from raftfleet.cli.asked import PROJECT
from raftfleet.cli.connections import Connections
from raftfleet.cli.serve_files import Files, Wanted, playbooks_of, read_files, read_web
from raftfleet.cli.session import Session
from raftfleet.cli.targets import Targets, unopened
from raftfleet.clock import SystemClock
from raftfleet.errors import ExitCode, UsageError
from raftfleet.journal import Recorder
from raftfleet.metrics import Figures
from raftfleet.metrics.state import MetricsState, state_path
from raftfleet.serve.address import Address, listen
from raftfleet.serve.daemon import ENDING, Daemon, Ran
from raftfleet.serve.httpserver import HttpServer
from raftfleet.serve.log import Log
from raftfleet.serve.own import Own
from raftfleet.serve.pages import Pages
from raftfleet.serve.watch import KEPT, Watch

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from raftfleet.checks import Judgement
    from raftfleet.cli.asked import Asked
    from raftfleet.serve.config import Scheduled

__all__ = ["serve"]

_FINDINGS = 3


def serve(asked: Asked, wanted: Wanted, *, check: bool) -> int:
    """Check everything, then watch, answer and drill until a signal comes."""
    if asked.limit:
        raise UsageError("serve watches the whole cluster, so it goes with no --limit")
    address = Address.of(wanted.listen)
    web = read_web(wanted)
    # An ordinary user's session moves into the sandbox's network: the port belongs outside.
    with ExitStack() as stack:
        listener = None if check else stack.enter_context(listen(address))
        found = read_files(asked, wanted, web)
        if listener is None:
            _checked(found, address)
            return ExitCode.PASSED
        return _Serving(asked, wanted, found, listener).run()


def _checked(found: Files, address: Address) -> None:
    session = found.session
    names = ", ".join(node.name for node in session.fleet.nodes)
    click.echo(f"would watch {session.fleet.group} ({session.fleet.system.name}): {names}")
    click.echo(f"would listen on {address}")
    wall = session.clock.wall()
    for one in found.settings.scheduled:
        due = _stamp(one.when.after(wall))
        click.echo(f"schedule {one.name}: {', '.join(one.drills)}, next due {due}")


def _stamp(wall: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M:%S} UTC"


class _Eyes:
    """What looks at the cluster of one reading of the inventory: the watch, and who probes."""

    def __init__(self, found: Files, asked: Asked, log: Log) -> None:
        session, fleet = found.session, found.session.fleet
        recorder = Recorder(None, session.clock, keep=KEPT)
        self._connections = Connections(
            PROJECT / "known_hosts", recorder, session.clock, asked.reach
        )
        self.watch = Watch(
            *(fleet.group, fleet.system, fleet.nodes),
            *(unopened(session, self._connections), session.clock, log),
            period=found.settings.poll_interval,
        )
        self.targets = Targets(session, self.watch, self._connections)
        self._log = log
        self._open = ExitStack()

    def open(self) -> None:
        """Begin to look."""
        self._open.callback(self._connections.close)
        self._open.enter_context(self.watch)
        self._log.info("watching", cluster=self.watch.group, nodes=",".join(self.watch.names))

    def close(self) -> None:
        """Look no more."""
        self._open.close()


class _Serving:
    """The parts of one daemon."""

    def __init__(self, asked: Asked, wanted: Wanted, found: Files, listener: socket.socket) -> None:
        self._asked = asked
        self._wanted = wanted
        self._found = found
        self._listener = listener
        self._clock = SystemClock()
        self._log = Log()
        self._state = MetricsState(state_path(PROJECT, found.session.fleet.group))
        self._eyes = _Eyes(found, asked, self._log)
        self._own = Own(self._clock, lambda: self._daemon.timetable.due)
        self._own.watch = self._eyes.watch
        self._daemon = Daemon(
            *(found.settings.scheduled, self._eyes.watch, self._drill),
            *(self._own, self._clock, self._log),
            anew=self._anew,
        )
        self._pages = Pages(
            (self._past, self._daemon.figures, self._own.figures),
            *(self._own, found.web.users, self._clock, self._log),
            targets=self._eyes.targets,
            groups=tuple(found.session.inventory.groups),
            healthy=lambda: None if self._eyes.watch.alive else "nobody watches the cluster",
            ready=lambda: (
                None if self._eyes.watch.ready else "not every node and host was looked at yet"
            ),
        )
        self._http = self._own.http = HttpServer(listener, self._pages, found.web.tls)

    def run(self) -> ExitCode:
        """Serve until a signal comes."""
        host, port, *_ = self._listener.getsockname()
        scheme = "https" if self._found.web.tls else "http"
        try:
            with self._http:
                self._log.info("listening", url=f"{scheme}://{Address(host, port)}/metrics")
                self._eyes.open()
                for name, at in self._daemon.timetable.due.items():
                    self._log.info("schedule", schedule=name, next=_stamp(at))
                code = self._daemon.run()
        finally:
            self._eyes.close()
        self._log.info("ended", exit_code=int(code))
        return code

    def _anew(self) -> tuple[Sequence[Scheduled], Watch]:
        """Read every file anew; only when all of them are sound anything is changed."""
        found = read_files(self._asked, self._wanted, web := read_web(self._wanted))
        before, eyes = self._eyes, _Eyes(found, self._asked, self._log)
        eyes.open()
        self._found, self._eyes = found, eyes
        self._own.watch, self._http.tls = eyes.watch, web.tls
        self._pages.users, self._pages.targets = web.users, eyes.targets
        self._pages.groups = tuple(found.session.inventory.groups)
        before.close()
        return found.settings.scheduled, eyes.watch

    # --- what is shown -----------------------------------------------------------------------

    def _past(self) -> Figures:
        """Return the figures of past drills; a damaged file is said so, and costs only those."""
        try:
            figures = self._state.figures()
        except UsageError as error:
            if self._own.state_readable:
                self._log.error("figures of past drills cannot be read", error=error.message)
            self._own.state_readable = False
            return Figures()
        self._own.state_readable = True
        return figures

    # --- a scheduled run -----------------------------------------------------------------------

    def _drill(self, one: Scheduled, daemon: Daemon) -> Ran:
        asked = replace(
            self._asked, what=one.name, keep=True, extra={**self._asked.extra, **one.variables}
        )
        made = Session(asked)
        made.interruption.signals = ENDING  # SIGHUP is the daemon's own affair
        with made as session:
            daemon.show(session.recorder)
            if daemon.stopping:
                session.interruption.stop.set()
            try:
                judgement, code = self._played(session, one)
            finally:
                if session.interruption.stop.is_set():
                    daemon.stop()
        folder = session.folder.name if session.folder else ""
        if code is ExitCode.PASSED:
            return Ran(code, folder)
        findings = [
            f.message for drill in (judgement.drills if judgement else ()) for f in drill.findings
        ]
        return Ran(code, folder, "; ".join(findings[:_FINDINGS]))

    def _played(self, session: Session, one: Scheduled) -> tuple[Judgement | None, ExitCode]:
        watched = self._found.session.fleet.nodes
        if [n.identity for n in session.fleet.nodes] != [n.identity for n in watched]:
            raise UsageError(
                "the inventory has other nodes now than those that are watched",
                hint="send SIGHUP (systemctl reload): then serve reads it anew",
            )
        steps = playbooks_of(session, one)
        playbooks = [session.load(step.path) for step in steps]
        for step, playbook in zip(steps, playbooks, strict=True):
            extra = {**step.extra, **one.variables}
            if session.play(playbook, extra) is not ExitCode.PASSED:
                break
        return session.finish()
