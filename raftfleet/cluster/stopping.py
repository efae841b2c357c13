"""Ending a process: one command on its host that checks, stamps, signals, waits and stamps again.

The stamps are the host's, so what SSH costs is no part of them. How exact they are depends on what
the host has: python3 or perl are told by the kernel (a process descriptor), and say how long they
then queued for a processor; a shell looks at clocks of 10 ms.
"""

from __future__ import annotations

import enum
import signal as signals
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from raftfleet.errors import UnreachableError, UsageError, nearest
from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval

from .hostclock import WAYS
from .identity import exit_in, find
from .intervals import meet
from .remote import SeveredError, asset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.journal import Recorder
    from raftfleet.journal.values import Incarnation

    from .hostclock import HostClocks
    from .remote import Place, Reply

__all__ = ["Ending", "Stopped", "signal_number", "stop"]

_MARGIN = 15.0
"""Seconds on top of the grace for connecting, interpreters and the waiter's record."""

_SHELL_TICK = 0.01
_SHELL_LAG = 0.05


class Ending(enum.StrEnum):
    """What came of stopping a node."""

    EXITED = "exited"
    ALIVE = "alive"
    NOT_RUNNING = "not running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stopped:
    """What came of stopping a node.

    ``latency`` is seconds from signal to exit on the host's clock, ``status`` as in `NodeExited`,
    ``led`` the groups it led before, with their terms.
    """

    node: str
    ending: Ending
    latency: Interval | None = None
    status: int | None = None
    led: Mapping[str, int] = field(default_factory=dict)
    sigign: str = ""
    method: str = ""


def signal_number(name: str) -> int:
    """Return the number of a signal named with or without SIG; raise `UsageError` for another."""
    word = name.upper().removeprefix("SIG")
    try:
        return int(signals.Signals[f"SIG{word}"])
    except KeyError:
        known = [one.name.removeprefix("SIG") for one in signals.Signals]
        close = nearest(word, known)
        hint = f"did you mean {close}?" if close else "INT, TERM, QUIT, HUP or KILL, say"
        raise UsageError(f"{name!r} is not a signal", hint=hint) from None


def stop(
    place: Place,
    incarnation: Incarnation,
    signal: str,
    grace: float,
    recorder: Recorder,
    clocks: HostClocks,
    ways: tuple[str, ...] = WAYS,
    *,
    undo: str = "",
    unit: str = "",
) -> Stopped:
    """Signal exactly this incarnation and record what came of it; ``unit`` is systemd's name for it."""
    name = signal.upper().removeprefix("SIG")
    led = recorder.picture.leads(place.node.name)
    intent = ev.NodeStopIntent(
        node=place.node.name, signal=name, grace=grace, leads=tuple(sorted(led))
    )
    recorder.record(intent)
    try:
        reply = _ask(place, incarnation, name, grace, ways, undo, unit)
    except SeveredError as error:
        recorder.record(ev.HostLost(host=place.host, reason=error.message))
        _find_again(place, recorder)
        return Stopped(place.node.name, Ending.UNKNOWN, led=led)
    except UnreachableError as error:
        recorder.record(ev.HostLost(host=place.host, reason=error.message))
        raise
    clocks.learn(place, reply)
    if "signalled" not in reply:
        return Stopped(place.node.name, Ending.NOT_RUNNING, led=led)
    return _Account(place, incarnation, name, recorder, clocks, reply).write(led)


def _ask(
    place: Place,
    incarnation: Incarnation,
    name: str,
    grace: float,
    ways: tuple[str, ...],
    undo: str,
    unit: str,
) -> Reply:
    return place.change(
        "stop.sh",
        timeout=grace + _MARGIN,
        pid=incarnation.pid,
        start=incarnation.start_time,
        counter=incarnation.counter,
        signal=signal_number(name),
        grace=grace,
        ways=" ".join(ways),
        undo=undo,
        unit=unit,
        python=asset("end_process.py"),
        perl=asset("end_process.pl"),
    )


def _find_again(place: Place, recorder: Recorder) -> None:
    """Record what runs now, if the host answers: whether our signal arrived is not known."""
    try:
        running = find(place)
    except UnreachableError:
        return
    recorder.record(ev.NodeFound(node=place.node.name, incarnation=running))


@dataclass(frozen=True, slots=True)
class _Account:
    """What the host said of a stop, and where it is written."""

    place: Place
    incarnation: Incarnation
    signal: str
    recorder: Recorder
    clocks: HostClocks
    reply: Reply

    @property
    def node(self) -> str:
        return self.place.node.name

    @property
    def _by_shell(self) -> bool:
        return self.reply.last("method") == "shell"

    @property
    def _signalled(self) -> Interval:
        lo, hi = self.reply.pair("signalled")
        return Interval(lo, hi + (_SHELL_TICK if self._by_shell else 0.0))

    @property
    def _gone(self) -> Interval:
        """When the process was gone; the waiter's own stamp cannot be earlier than that."""
        lo, hi = self.reply.pair("gone")
        if self._by_shell:
            lo, hi = max(lo - _SHELL_LAG, self._signalled.lo), hi + _SHELL_TICK
        ended = exit_in(self.reply)
        return meet(Interval(lo, hi), ended.at) if ended else Interval(lo, hi)

    def write(self, led: Mapping[str, int]) -> Stopped:
        """Record signal and end."""
        sigign = self.reply.last("sigign")
        self.recorder.record(
            ev.NodeSignalled(
                node=self.node,
                signal=self.signal,
                incarnation=self.incarnation,
                at=self._ours(self._signalled),
                sigign=sigign,
            )
        )
        stopped = Stopped(
            self.node, Ending.ALIVE, led=led, sigign=sigign, method=self.reply.last("method")
        )
        if "gone" not in self.reply:
            self._write_alive(sigign)
            return stopped
        latency = self._gone.minus(self._signalled)
        ended = exit_in(self.reply)
        status = ended.status if ended else None
        self._write_gone(latency, status)
        return replace(stopped, ending=Ending.EXITED, latency=latency, status=status)

    def _ours(self, theirs: Interval) -> Interval:
        """Place a stamp on our clock: it was taken while we waited for the answer."""
        while_asking = Interval(self.reply.sent, self.reply.received)
        return meet(self.clocks.ours(self.place, theirs), while_asking)

    def _write_alive(self, sigign: str) -> None:
        ended = float(self.reply.last("ended"))
        self.recorder.record(
            ev.NodeNotExited(
                node=self.node,
                incarnation=self.incarnation,
                signal=self.signal,
                waited=max(0.0, ended - self._signalled.hi),
                sigign=sigign,
            )
        )

    def _write_gone(self, latency: Interval, status: int | None) -> None:
        self.recorder.record(
            ev.NodeExited(
                node=self.node,
                incarnation=self.incarnation,
                at=self._ours(self._gone),
                status=status,
                latency=latency,
                signal=self.signal,
            )
        )
