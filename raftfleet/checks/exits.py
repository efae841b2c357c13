"""How processes ended, and to which class each end belongs.

Status 0 alone proves nothing: a process that its own watchdog ends by force may exit with 0 too.
So the latency and the lines of the log decide with it, and where the log is missing there is no
class but `unknown`.
"""

from __future__ import annotations

import enum
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal.fold import fold
from raftfleet.journal.values import Interval

from .logs import life_markers, log_gap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.journal import events as ev
    from raftfleet.journal.reader import Journal

    from .lives import Life, Signal

__all__ = ["Exit", "ExitClass", "exits_of", "plain_signal"]

_SHUTDOWN_LINES = ("shutdown_requested", "terminating")


class ExitClass(enum.StrEnum):
    """The kinds of exit; `unknown` where the evidence for any is missing."""

    GRACEFUL = "graceful"
    SLOW = "slow"
    FORCED = "forced"
    KILLED = "killed"
    CRASHED = "crashed"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exit:
    """One exit, or one signal that was not followed by any.

    ``latency`` is seconds from the signal to the process being gone (how long was waited, for
    class `none`), None for an exit nobody asked for. ``signal`` is the name without SIG, empty
    when nobody sent one. ``late``: the signal came before the node was ready. ``why`` says what
    the class rests on, or which evidence is missing. ``index`` is the place of the exit's event.
    """

    node: str
    life: Life
    index: int
    kind: ExitClass
    signal: str
    latency: Interval | None
    status: int | None
    why: str
    late: bool = False
    at: Interval | None = None


def plain_signal(name: str) -> str:
    """Return a signal's name as people type it: INT for SIGINT."""
    return name.upper().removeprefix("SIG")


def exits_of(journal: Journal, lives: Mapping[str, list[Life]]) -> list[Exit]:
    """Return every exit of a journal, in the order they were written."""
    cluster = fold(journal.events).cluster
    found = [
        exit_
        for node_lives in lives.values()
        for place, life in enumerate(node_lives)
        for exit_ in _exits(journal, cluster, life, node_lives[place + 1 : place + 2])
    ]
    return sorted(found, key=lambda one: one.index)


def _exits(
    journal: Journal, cluster: ev.ClusterDescribed | None, life: Life, following: list[Life]
) -> list[Exit]:
    found = [_resisted(life, one) for one in life.signals if one.resisted is not None]
    if life.exited is not None:
        found.append(_ended(journal, cluster, life, life.exited, following))
    return found


def _resisted(life: Life, sent: Signal) -> Exit:
    event = sent.resisted
    assert event is not None  # noqa: S101 - the caller asks only for those
    name = plain_signal(event.signal)
    why = f"alive {event.waited:.1f} s after SIG{name}"
    if event.sigign and _ignores(event.sigign, name):
        why += f", which it was started to ignore (SigIgn {event.sigign})"
    elif event.sigign:
        why += f" (SigIgn {event.sigign})"
    return Exit(
        node=life.node,
        life=life,
        index=sent.resisted_index,
        kind=ExitClass.NONE,
        signal=name,
        latency=Interval(event.waited, event.waited),
        status=None,
        why=why,
    )


def _ignores(sigign: str, name: str) -> bool:
    """Whether the mask of /proc/PID/status (hexadecimal, bit 0 is signal 1) holds a signal."""
    try:
        return bool(int(sigign, 16) >> (_number(name) - 1) & 1)
    except ValueError:
        return False


def _number(name: str) -> int:
    try:
        return int(signal.Signals[f"SIG{name}"])
    except KeyError:
        return 0


def _ended(
    journal: Journal,
    cluster: ev.ClusterDescribed | None,
    life: Life,
    event: ev.NodeExited,
    following: list[Life],
) -> Exit:
    asked = life.asked
    name = plain_signal(asked.signal) if asked else ""
    latency = event.latency
    if latency is None and asked is not None:
        latency = event.at.minus(asked.at)
    late = asked is not None and _came_early(life, asked)
    case = _Case(journal, cluster, life, event, name, latency, late, following)
    kind, why = case.judged()
    return Exit(
        node=life.node,
        life=life,
        index=life.exited_index,
        kind=kind,
        signal=name,
        latency=latency if asked else None,
        status=event.status,
        why=why,
        late=late,
        at=event.at,
    )


def _came_early(life: Life, asked: ev.NodeSignalled) -> bool:
    """Whether the signal came while the node was still starting up."""
    if life.started is None:
        return False
    return life.ready is None or life.ready.t > asked.at.hi


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything one class is decided on."""

    journal: Journal
    cluster: ev.ClusterDescribed | None
    life: Life
    event: ev.NodeExited
    signal: str
    latency: Interval | None
    late: bool
    following: list[Life]

    def judged(self) -> tuple[ExitClass, str]:
        status = self.event.status
        if not self.signal:
            shown = "with an unknown status" if status is None else f"with status {status}"
            return ExitClass.CRASHED, f"it ended by itself, {shown}"
        if self.signal == "KILL" and status in (None, -_number("KILL")):
            return ExitClass.KILLED, "ended by our SIGKILL"
        if status is None:
            return ExitClass.UNKNOWN, "nobody kept its exit status"
        if status < 0:
            return self._by_signal(-status)
        return self._by_itself(status)

    def _by_signal(self, number: int) -> tuple[ExitClass, str]:
        if number == _number(self.signal):
            return ExitClass.KILLED, f"killed early: SIG{self.signal} found no handler"
        return ExitClass.CRASHED, f"ended by signal {number}, which we did not send"

    def _by_itself(self, status: int) -> tuple[ExitClass, str]:
        markers = life_markers(self.journal, self.life, self.following)
        if "forced" in markers:
            return ExitClass.FORCED, f"its log says so (status {status})"
        watchdog = self.cluster.watchdog if self.cluster else None
        if watchdog is not None and self.latency is not None and self.latency.hi >= watchdog:
            return ExitClass.FORCED, f"it took as long as the watchdog waits ({watchdog:g} s)"
        if status > 0:
            return ExitClass.CRASHED, f"status {status}"
        asked = self.life.asked
        reach = self.event.at.lo if asked is None else asked.at.lo
        gap = log_gap(self.journal, self.life.node, self.life.exited_index, reach)
        if gap:
            return ExitClass.UNKNOWN, f"status 0 proves nothing and {gap}"
        return self._by_log(markers)

    def _by_log(self, markers: set[str]) -> tuple[ExitClass, str]:
        if self.cluster is None:
            return ExitClass.UNKNOWN, "nothing says how this system's exits are told apart"
        wanted = [name for name in _SHUTDOWN_LINES if name in self.cluster.markers]
        if not wanted:
            return ExitClass.UNKNOWN, "this system names no line that proves a shutdown"
        lacking = [name for name in wanted if name not in markers]
        if lacking:
            text = self.cluster.markers[lacking[0]]
            return ExitClass.FORCED, f"status 0, but its log lacks the line {text!r}"
        bound = self.cluster.exit_bound
        if self.latency is not None and self.latency.lo > bound and not self.late:
            return ExitClass.SLOW, f"over the bound of {bound:g} s"
        return ExitClass.GRACEFUL, "late: the signal came during start-up" if self.late else ""
