"""One node's process: found, started, ended, and its data wiped; intent first, result after."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.errors import NodeError, UnreachableError
from raftfleet.journal import events as ev
from raftfleet.journal.fold import same_process
from raftfleet.journal.picture import Standing
from raftfleet.journal.values import Interval
from raftfleet.systems.protocol import MARKER
from raftfleet.transport.shell import inner

from . import stopping
from .identity import Life, latest_life, life_in, program_of
from .intervals import meet
from .remote import asset, plain
from .unit import unit_of

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from raftfleet.journal import Recorder
    from raftfleet.journal.values import Incarnation
    from raftfleet.systems.protocol import System

    from .hostclock import HostClocks
    from .identity import ExitRecord
    from .remote import Place
    from .stopping import Stopped

__all__ = ["CONSOLE", "NodeLife"]

CONSOLE = "logs/console.log"
"""Below a node's home: what it prints, panics and complaints before its log has begun included."""

_LAUNCH = 15.0
_WIPE = 120.0
_TIMEOUT = 10.0
_LAST_LINES = 15
_LONGEST_LINE = 300


class NodeLife:
    """Acts on one node's process. One thread at a time; others wait.

    ``deployed`` maps the files that were brought to the host to their digests: a node that is
    started and runs one of them with another digest is refused.
    """

    def __init__(
        self, place: Place, system: System, recorder: Recorder, clocks: HostClocks
    ) -> None:
        self.place = place
        self.deployed: dict[str, str] = {}
        self._system = system
        self._recorder = recorder
        self._clocks = clocks
        self._lock = threading.RLock()
        self._accounted: set[tuple[int, int]] = set()
        self._lost = ""
        self.unit = unit_of(system, place.node, place.cluster, place.root)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.place.node.name

    @property
    def console(self) -> PurePosixPath:
        """The file on the host that holds what the node prints."""
        return self.place.node.home / CONSOLE

    # --- found -----------------------------------------------------------------------------

    def found(self) -> bool:
        """Ask the host what runs and record it; return whether the process runs.

        That a process still runs is recorded each time: it shows that nobody replaced it.
        """
        with self._lock:
            life = self._look()
            if life is None or not life.alive:
                self._reconcile(life)
                return False
            self._recorder.record(ev.NodeFound(node=self.name, incarnation=life.incarnation))
            return True

    def settle(self) -> bool:
        """Ask the host whether the process still runs, and record what the journal lacks.

        Done when a node falls silent. An exit that nobody asked for is recorded with its status.
        Returns whether the process runs; does not wait for a stop or start under way.
        """
        if not self._lock.acquire(blocking=False):
            return True
        try:
            life = self._look(patience=0.2)
            self._reconcile(life)
            return life is not None and life.alive
        finally:
            self._lock.release()

    def _look(self, *, patience: float = 0.0) -> Life | None:
        try:
            life = latest_life(self.place, patience=patience)
        except UnreachableError as error:
            self.lost(error)
            raise
        self._lost = ""
        return life

    def lost(self, error: UnreachableError) -> None:
        """Record that the host does not answer, once until it does."""
        if self._lost != error.message:
            self._lost = error.message
            self._recorder.record(ev.HostLost(host=self.place.host, reason=error.message))

    def _reconcile(self, life: Life | None) -> None:
        known = self._recorder.picture.node(self.name)
        if life is not None and life.alive:
            same = same_process(known.incarnation, life.incarnation)
            if not same or known.process not in {Standing.ALIVE, Standing.STOPPING}:
                self._recorder.record(ev.NodeFound(node=self.name, incarnation=life.incarnation))
        elif known.process is not Standing.DOWN:
            ended = (
                life.ended if life and same_process(known.incarnation, life.incarnation) else None
            )
            if life and ended and _process(life.incarnation) not in self._accounted:
                self._write_exit(life.incarnation, ended)
            else:
                self._recorder.record(ev.NodeFound(node=self.name, incarnation=None))

    def _write_exit(self, incarnation: Incarnation, ended: ExitRecord) -> None:
        """Record an exit that nobody asked for."""
        self._accounted.add(_process(incarnation))
        self._recorder.record(
            ev.NodeExited(
                node=self.name,
                incarnation=incarnation,
                at=self._clocks.of_exit(self.place, ended),
                status=ended.status,
            )
        )

    # --- start -----------------------------------------------------------------------------

    def start(self) -> bool:
        """Start the process; return False when it was running already.

        Returns as soon as the process exists. Raises `NodeError` with its last lines when it is
        gone again by then.
        """
        with self._lock:
            self._clocks.fresh(self.place)
            intent = self._recorder.record(ev.NodeStartIntent(node=self.name))
            life, fresh, received = self._launch()
            if not fresh:
                self._recorder.record(ev.NodeFound(node=self.name, incarnation=life.incarnation))
                return False
            at = self._clocks.ours(self.place, life.began)
            self._started(life, meet(at, Interval(intent.t, received)))
            return True

    def _launch(self) -> tuple[Life, bool, float]:
        command = self._system.start(self.place.node)
        try:
            reply = self.place.change(
                "launch.sh",
                timeout=_LAUNCH,
                stdin=asset("waiter.sh").encode(),
                unit=self.unit.name if self.unit else "",
                mark=self.unit.mark if self.unit else "",
                home=str(self.place.node.home),
                console=str(self.console),
                scene=inner(command, spelled=True),
                line=command.line,
            )
        except UnreachableError as error:
            self.lost(error)
            raise
        fresh = "begun" in reply
        life = life_in(reply, alive="exit.status" not in reply)
        if life is None:
            raise NodeError(
                f"{self.name} was not started: {plain(reply.last('refused', reply.text))}",
                hint="deploy it first, and look for a full disk",
            )
        return life, fresh, reply.received

    def _started(self, life: Life, at: Interval) -> None:
        try:
            program = program_of(self.place, life.incarnation)
        except UnreachableError as error:
            program = None
            self.lost(error)
        self._recorder.record(
            ev.NodeStarted(
                node=self.name,
                incarnation=life.incarnation,
                at=at,
                executable=program.digest if program else "",
                sigign=life.sigign,
            )
        )
        wanted = self.deployed.get(program.path) if program else None
        if program and wanted is not None and program.digest != wanted:
            raise NodeError(
                f"{self.name} does not run what was deployed: {program} has the digest "
                f"{program.digest[:12]}, deployed was {wanted[:12]}",
                hint="stop it, deploy, and start it again",
            )

    # --- its last words --------------------------------------------------------------------

    def last_words(self, life: Life | None) -> str:
        """Return the last lines a life wrote to its console, or else to its log; secrets masked."""
        reply = self.place.ask(
            "console.sh",
            *self._system.log_files(self.place.node),
            timeout=_TIMEOUT,
            home=str(self.place.node.home),
            console=str(self.console),
            offset=life.console if life else 0,
            lines=_LAST_LINES,
        )
        text = plain(self._system.redact(reply.text.encode()).decode("utf-8", "replace"))
        lines = [line[:_LONGEST_LINE] for line in text.splitlines() if line.strip()]
        return "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"

    # --- stop and wipe ---------------------------------------------------------------------

    def stop(self, signal: str, grace: float, *, undo: str = "") -> Stopped:
        """Signal the process and wait ``grace`` seconds for its end, both stamped on its host.

        ``undo`` are lines for the host's record that it is to be started again. Raises
        `UsageError` for a signal that is none.
        """
        stopping.signal_number(signal)
        with self._lock:
            self._clocks.fresh(self.place)
            life = self._look()
            if life is None or not life.alive:
                self._reconcile(life)
                return stopping.Stopped(self.name, stopping.Ending.NOT_RUNNING)
            self._reconcile(life)
            stopped = stopping.stop(
                *(self.place, life.incarnation, signal, grace, self._recorder, self._clocks),
                undo=undo,
                unit=self.unit.name if self.unit else "",
            )
            # Where the connection broke nobody knows whether our signal was sent, so its end is
            # neither known to be ours nor known not to be.
            if stopped.ending in {stopping.Ending.EXITED, stopping.Ending.UNKNOWN}:
                self._accounted.add(_process(life.incarnation))
            elif stopped.ending is stopping.Ending.NOT_RUNNING:
                self._reconcile(self._look(patience=1.0))
            return stopped

    def wipe(self) -> tuple[str, ...]:
        """Empty the node's data directories that carry our marker; return those that held anything.

        Raises `NodeError`, and removes nothing, when the node runs or a directory is not ours.
        """
        paths = [str(path) for path in self._system.data_paths(self.place.node)]
        with self._lock:
            reply = self.place.change("wipe.sh", *paths, timeout=_WIPE, marker=MARKER)
            if "unmarked" in reply:
                path = reply.last("unmarked")
                raise NodeError(
                    f"{self.name}: {path} on its host carries no {MARKER} file: nothing was wiped",
                    hint=f"if it is the node's, make it ours: touch {path}/{MARKER}",
                )
            if "refused" in reply:
                raise NodeError(f"{self.name} was not wiped: {reply.last('refused')}")
            wiped = tuple(reply.all("wiped"))
            self._recorder.record(ev.NodeWiped(node=self.name, paths=wiped))
            return wiped


def _process(incarnation: Incarnation) -> tuple[int, int]:
    return incarnation.pid, incarnation.start_time
