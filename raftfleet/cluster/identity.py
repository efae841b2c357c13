"""Which process a node is: by the record of whoever started it, never by a pattern.

A pid alone names nothing, for the kernel gives it out again. With the start time it names one
process for good, and a record from before a reboot names none.
"""

from __future__ import annotations

import contextlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal.values import Incarnation, Interval

from .remote import number

if TYPE_CHECKING:
    from .remote import Place, Reply

__all__ = ["ExitRecord", "Life", "Program", "find", "latest_life", "life_in", "program_of"]

_TIMEOUT = 10.0
_READING = 120.0
"""Seconds that reading a whole program may take on a slow host."""
_TICK = 0.01
_WAITER_LAG = 0.02
"""Seconds the waiter may need to wake and look at the clock; 0.2-0.4 ms where measured, at rest."""


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How a process ended, as the waiter that started it wrote down.

    ``at`` is on the host's boot clock, ``wall`` (Unix time, 0 if unknown) when it was written down
    on its wall clock. ``status`` is the exit status, negative for the number of
    the signal that ended it: a shell says 128 plus that number, so a program that itself exits
    with 129 to 192 looks like one that a signal ended.
    """

    status: int
    at: Interval
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a node's process, as its host knows it.

    ``began`` is when the process was made, on the host's boot clock; ``sigign`` are the signals
    it was started with ignored; ``console`` how many bytes its console log held before.
    ``ended`` is None while it runs, and where nobody kept its end.
    """

    incarnation: Incarnation
    alive: bool
    began: Interval
    sigign: str
    console: int
    ended: ExitRecord | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What a process runs: the digest (SHA-256) of its program, or of the script it interprets."""

    path: str
    digest: str
    script: bool

    def __str__(self) -> str:
        return f"the script {self.path}" if self.script else self.path


def find(place: Place) -> Incarnation | None:
    """Return the incarnation in which a node runs, or None."""
    life = latest_life(place)
    return life.incarnation if life and life.alive else None


def latest_life(place: Place, *, patience: float = 0.0) -> Life | None:
    """Return a node's latest life, running or not; None when we never started it.

    ``patience`` is how many seconds to wait for the waiter to write down an end.
    """
    turns = int(patience * 100)
    reply = place.ask("record.sh", timeout=_TIMEOUT + patience, patience=turns)
    return life_in(reply, alive=reply.last("alive") == "yes")


def life_in(reply: Reply, *, alive: bool) -> Life | None:
    """Read a life from a script's reply."""
    if "life.pid" not in reply:
        return None
    start = int(reply.last("life.start"))
    counter = int(reply.last("life.counter"))
    return Life(
        Incarnation(int(reply.last("life.pid")), start, counter),
        alive=alive,
        began=Interval(start * _TICK, (start + 1) * _TICK),
        sigign=reply.last("life.sigign"),
        console=int(reply.last("life.console", "0") or 0),
        ended=exit_in(reply) if not alive else None,
    )


def exit_in(reply: Reply) -> ExitRecord | None:
    """Read how a process ended, or None when the waiter has not written it.

    Its own stamp is a tick of the uptime; systemd's, ``at``, is exact to microseconds.
    """
    with contextlib.suppress(ValueError):
        status, uptime = int(reply.last("exit.status")), float(reply.last("exit.uptime"))
        lo, hi = reply.pair("exit.at") if "exit.at" in reply else (uptime, uptime + _TICK)
        status = 128 - status if 128 < status <= 192 else status
        at = Interval(lo - _WAITER_LAG, hi)
        return ExitRecord(status, at, number(reply.last("exit.wall")))
    return None


def program_of(place: Place, incarnation: Incarnation) -> Program | None:
    """Return what a running process runs; None when it is gone or will not say.

    Of a script, /proc/PID/exe is the interpreter: the file on its command line counts instead.
    """
    pid, start, home = incarnation.pid, incarnation.start_time, str(place.node.home)
    reply = place.ask("program.sh", timeout=_READING, pid=pid, start=start, home=home)
    if not reply.last("digest"):
        return None
    path = posixpath.normpath(reply.last("path").removesuffix(" (deleted)"))
    return Program(path, reply.last("digest"), reply.last("kind") == "script")
