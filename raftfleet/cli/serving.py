"""Putting the daemon together: settings, sessions, pages; what `raftfleet serve` does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftfleet.cli.asked import PROJECT
from raftfleet.cli.catalogue import steps_of
from raftfleet.cli.connections import Connections
from raftfleet.cli.session import Session
from raftfleet.cli.targets import Targets, no_nodes, unopened
from raftfleet.clock import SystemClock
from raftfleet.errors import ExitCode, SourceError, UsageError
from raftfleet.journal import Recorder
from raftfleet.metrics import Figures
from raftfleet.metrics.state import MetricsState, state_path
from raftfleet.serve.address import Address, check_closed, listen
from raftfleet.serve.config import Settings, read_settings
from raftfleet.serve.daemon import Daemon, Ran
from raftfleet.serve.httpserver import HttpServer
from raftfleet.serve.log import Log
from raftfleet.serve.own import Own
from raftfleet.serve.pages import Pages
from raftfleet.serve.watch import KEPT, Watch
from raftfleet.serve.webconfig import WebConfig, read_web_config

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from raftfleet.checks import Judgement
    from raftfleet.cli.asked import Asked
    from raftfleet.cli.catalogue import Step
    from raftfleet.serve.config import Scheduled

__all__ = ["Wanted", "serve"]

_DEFAULT = Path("config/serve.yml")
_FINDINGS = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says beside the inventory."""

    config: Path | None
    listen: str
    web_config: Path | None


def serve(asked: Asked, wanted: Wanted, *, check: bool) -> int:
    """Check everything, then watch, answer and drill until a signal comes."""
    if asked.limit:
        raise UsageError("serve watches the whole cluster, so it goes with no --limit")
    settings = _settings(wanted.config)
    web = read_web_config(wanted.web_config) if wanted.web_config else WebConfig()
    address = Address.of(wanted.listen)
    check_closed(address, web)
    # An ordinary user's session moves into the sandbox's network: the port belongs outside.
    with ExitStack() as stack:
        listener = None if check else stack.enter_context(listen(address))
        session = Session(replace(asked, keep=False))
        if not session.fleet.nodes:
            raise no_nodes(session.fleet.group)
        for one in settings.scheduled:
            _playbooks(session, one)
        if listener is None:
            _checked(session, settings, address)
            return ExitCode.PASSED
        return _Serving(asked, session, settings, web, listener).run()


def _settings(path: Path | None) -> Settings:
    if path is not None and not path.is_file():
        raise UsageError(f"there is no file {path}", hint=f"--config names settings as {_DEFAULT}")
    if path is None and not _DEFAULT.is_file():
        return Settings()
    return read_settings(path or _DEFAULT)


def _playbooks(session: Session, one: Scheduled) -> Sequence[Step]:
    """Return what a schedule runs; raise `SourceError` where it names what is no drill."""
    try:
        steps = steps_of(one.drills, one.rounds, clean=False)
        for step in steps:
            session.load(step.path)
    except SourceError:
        raise
    except UsageError as error:
        raise SourceError(error.message, one.mark, hint=error.hint) from None
    return steps


def _checked(session: Session, settings: Settings, address: Address) -> None:
    names = ", ".join(node.name for node in session.fleet.nodes)
    click.echo(f"would watch {session.fleet.group} ({session.fleet.system.name}): {names}")
    click.echo(f"would listen on {address}")
    wall = session.clock.wall()
    for one in settings.scheduled:
        due = _stamp(one.when.after(wall))
        click.echo(f"schedule {one.name}: {', '.join(one.drills)}, next due {due}")


def _stamp(wall: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M:%S} UTC"


class _Serving:
    """The parts of one daemon."""

    def __init__(
        self,
        asked: Asked,
        session: Session,
        settings: Settings,
        web: WebConfig,
        listener: socket.socket,
    ) -> None:
        self._asked = asked
        self._session = session
        self._settings = settings
        self._web = web
        self._listener = listener
        self._clock = SystemClock()
        self._log = Log()
        recorder = Recorder(None, self._clock, keep=KEPT)
        self._connections = Connections(PROJECT / "known_hosts", recorder, self._clock, asked.reach)
        self._state = MetricsState(state_path(PROJECT, session.fleet.group))

    def run(self) -> ExitCode:
        """Serve until a signal comes."""
        watch = Watch(
            *(self._session.fleet.group, self._session.fleet.system, self._session.fleet.nodes),
            *(unopened(self._session, self._connections), self._clock, self._log),
            period=self._settings.poll_interval,
        )
        own = Own(self._clock, lambda: daemon.timetable.due)
        daemon = Daemon(self._settings.scheduled, watch, self._drill, own, self._clock, self._log)
        own.watch = watch
        pages = Pages(
            (lambda: self._past(own), daemon.figures, own.figures),
            *(own, self._web.users, self._clock, self._log),
            targets=Targets(self._session, watch, self._connections),
            groups=tuple(self._session.inventory.groups),
            healthy=lambda: None if watch.alive else "nobody watches the cluster",
            ready=lambda: None if watch.ready else "not every node and host was looked at yet",
        )
        try:
            with HttpServer(self._listener, pages, self._web.tls) as http, watch:
                own.http = http
                self._begun(daemon)
                code = daemon.run()
        finally:
            self._connections.close()
        self._log.info("ended", exit_code=int(code))
        return code

    def _begun(self, daemon: Daemon) -> None:
        host, port, *_ = self._listener.getsockname()
        scheme = "https" if self._web.tls else "http"
        names = ",".join(node.name for node in self._session.fleet.nodes)
        self._log.info("listening", url=f"{scheme}://{Address(host, port)}/metrics")
        self._log.info("watching", cluster=self._session.fleet.group, nodes=names)
        for name, at in daemon.timetable.due.items():
            self._log.info("schedule", schedule=name, next=_stamp(at))

    # --- what is shown -----------------------------------------------------------------------

    def _past(self, own: Own) -> Figures:
        """Return the figures of past drills; a damaged file is said so, and costs only those."""
        try:
            figures = self._state.figures()
        except UsageError as error:
            if own.state_readable:
                self._log.error("figures of past drills cannot be read", error=error.message)
            own.state_readable = False
            return Figures()
        own.state_readable = True
        return figures

    # --- a scheduled run -----------------------------------------------------------------------

    def _drill(self, one: Scheduled, daemon: Daemon) -> Ran:
        asked = replace(
            self._asked, what=one.name, keep=True, extra={**self._asked.extra, **one.variables}
        )
        with Session(asked) as session:
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
        if [n.identity for n in session.fleet.nodes] != [
            n.identity for n in self._session.fleet.nodes
        ]:
            raise UsageError(
                "the inventory has other nodes now than those that are watched",
                hint="restart serve: it looks at the inventory when it begins",
            )
        steps = _playbooks(session, one)
        playbooks = [session.load(step.path) for step in steps]
        for step, playbook in zip(steps, playbooks, strict=True):
            extra = {**step.extra, **one.variables}
            if session.play(playbook, extra) is not ExitCode.PASSED:
                break
        return session.finish()
