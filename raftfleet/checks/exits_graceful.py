"""`exits-graceful`: whoever was asked to stop did so, in order and in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exits import Exit, ExitClass
from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import Window

__all__ = ["EXITS_GRACEFUL"]

_TEXTS = {
    ExitClass.SLOW: "exited slowly",
    ExitClass.FORCED: "was ended by its own watchdog",
    ExitClass.KILLED: "was killed early",
    ExitClass.CRASHED: "crashed",
    ExitClass.NONE: "did not exit",
}


def _judge(window: Window) -> Iterator[Finding]:
    if not window.exits:
        yield Finding("exits-graceful", Severity.GAP, "no node was asked to exit")
    for one in window.exits:
        yield from _exit(one)


def _exit(one: Exit) -> Iterator[Finding]:
    t = one.at.hi if one.at else None
    if one.kind is ExitClass.UNKNOWN:
        text = f"how {one.node} exited cannot be told: {one.why}"
        yield Finding("exits-graceful", Severity.GAP, text, one.node, t=t)
    elif one.kind is ExitClass.GRACEFUL or (one.kind, one.signal) == (ExitClass.KILLED, "KILL"):
        return
    else:
        after = "" if one.latency is None else f" {one.latency.middle:.2f} s after SIG{one.signal}"
        text = f"{one.node} {_TEXTS[one.kind]}{after}: {one.why}"
        yield Finding("exits-graceful", Severity.VIOLATION, text, one.node, t=t)


EXITS_GRACEFUL = Check("exits-graceful", _judge)
