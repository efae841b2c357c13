"""`starts`: every node that was started is really up, and stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.fold import same_process

from .finding import Check, Finding, Severity
from .logs import last_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lives import Life
    from .window import Window

__all__ = ["STARTS"]

_LONGEST = 200


def _judge(window: Window) -> Iterator[Finding]:
    started = window.started()
    for life in started:
        yield from _life(window, life)
    yield from _never_began(window)
    if not started and not window.of(ev.NodeStartIntent):
        yield Finding("starts", Severity.GAP, "no node was started")


def _life(window: Window, life: Life) -> Iterator[Finding]:
    asked = life.asked is not None or bool(life.signals)
    if life.ready is None or (life.signals and life.signals[0].sent.at.hi < life.ready.t):
        yield from _never_ready(window, life, asked=asked)
        return
    yield from _incomplete(window, life, life.ready)
    if life.vanished is not None and window.inside(life.vanished_index):
        text = "was not there any more after it said it was ready"
        yield _ended(window, life, text, life.vanished)
    elif life.exited is not None and not asked and window.inside(life.exited_index):
        text = f"died after it said it was ready (status {life.exited.status})"
        yield _ended(window, life, text, life.exited.at.hi)


def _never_ready(window: Window, life: Life, *, asked: bool) -> Iterator[Finding]:
    if asked:
        yield Finding(
            "starts", Severity.NOTE, f"{life.node} was stopped before it was ready", life.node
        )
    elif life.exited is not None:
        text = f"ended before it was ready (status {life.exited.status})"
        yield _ended(window, life, text, life.exited.at.hi)
    elif life.vanished is not None:
        yield _ended(window, life, "was gone before it was ready", life.vanished)
    elif life.cleared is not None:
        text = f"{life.node} was removed before it was seen to be ready"
        yield Finding("starts", Severity.GAP, text, life.node)
    elif window.cut:
        text = f"whether {life.node} came up was not seen any more"
        yield Finding("starts", Severity.GAP, text, life.node)
    else:
        yield _wrong(life, "was started and never became ready", window.end)


def _incomplete(window: Window, life: Life, ready: ev.NodeReady) -> Iterator[Finding]:
    """Look at what the readiness rests on: all ports held, and its own view of the voters."""
    ports = window.cluster.ports.get(life.node, ()) if window.cluster else ()
    held = set(ready.listening)
    deaf = [port for port in ports if not held & {port.name, str(port.number)}]
    if deaf:
        names = ", ".join(f"{port.name} ({port.number})" for port in deaf)
        yield _wrong(life, f"does not listen on {names}", ready.t)
    if life.node not in ready.seen_by:
        yield _wrong(life, "does not see itself among the voters of every group", ready.t)
    if not same_process(life.incarnation, ready.incarnation):
        yield _wrong(life, "became ready in another process than the one started", ready.t)


def _never_began(window: Window) -> Iterator[Finding]:
    """Find starts that were meant and never came to a process."""
    meant: dict[str, ev.NodeStartIntent] = {}
    for event in window.events:
        if isinstance(event, ev.NodeStartIntent):
            meant[event.node] = event
        elif isinstance(event, ev.NodeStarted | ev.NodeFound):
            meant.pop(event.node, None)
    for node, event in meant.items():
        severity = Severity.GAP if window.cut else Severity.VIOLATION
        yield Finding("starts", severity, f"{node} could not be started", node, t=event.t)


def _ended(window: Window, life: Life, text: str, t: float) -> Finding:
    """Say that a process ended by itself, with the last error it logged."""
    said = last_words(window.journal, life, t)
    return _wrong(life, f"{text}; it said: {said[:_LONGEST]}" if said else text, t)


def _wrong(life: Life, text: str, t: float) -> Finding:
    return Finding("starts", Severity.VIOLATION, f"{life.node} {text}", life.node, t=t)


STARTS = Check("starts", _judge)
