"""`bystanders-alive`: no process that nobody touched died, restarted or was replaced.

A node that answers is no proof: it may have restarted between two polls. Only its host knows, so
every bystander's process has to be looked at again after the drill's last action. And a log that
begins anew more often than we started its node tells of a process that nobody here started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lives import Life
    from .window import Window

__all__ = ["BYSTANDERS_ALIVE"]

_NAME = "bystanders-alive"
_BEGINS = "configured"
"""The meaning of the line with which a process begins its log."""
_SLACK = 1.0
_SOON = 60.0
"""Seconds after its start within which a process writes that line."""


def _judge(window: Window) -> Iterator[Finding]:
    action = _last_action(window)
    for lives in window.lives.values():
        for life in lives:
            if not _is_bystander(window, life):
                continue
            yield from _end(window, life)
            if not life.over and not _looked_at(window, life, action):
                text = f"the process of {life.node} was not looked at again after the last action"
                yield Finding(_NAME, Severity.GAP, text, life.node)
    yield from _strangers(window)
    if not window.lives:
        yield Finding(_NAME, Severity.GAP, "no node's process was ever looked at")


def _is_bystander(window: Window, life: Life) -> bool:
    """Whether a life was under way when the drill began and was not signalled in it."""
    if life.index > window.last or (life.started and window.inside(life.index)):
        return False
    if life.exited is not None and life.exited_index < window.span.start:
        return False
    if life.vanished is not None and life.vanished_index < window.span.start:
        return False
    return not any(signal.index <= window.last for signal in life.signals)


def _end(window: Window, life: Life) -> Iterator[Finding]:
    if life.exited is not None and window.inside(life.exited_index):
        text = f"{life.node} ended by itself (status {life.exited.status}), nobody had touched it"
        yield Finding(_NAME, Severity.VIOLATION, text, life.node, t=life.exited.at.hi)
    elif life.vanished is not None and window.inside(life.vanished_index):
        text = f"{life.node} is not the process it was: nobody had touched it"
        yield Finding(_NAME, Severity.VIOLATION, text, life.node, t=life.vanished)


def _strangers(window: Window) -> Iterator[Finding]:
    """Find lines with which a process begins that no start of ours explains."""
    begun = [
        line
        for line in window.journal.of(ev.LogLine)
        if line.marker == _BEGINS and window.start <= line.at.lo and line.at.hi <= window.end
    ]
    explained: set[int] = set()
    for line in sorted(begun, key=lambda line: line.at.lo):
        ours = [
            life.index
            for life in window.lives.get(line.node, ())
            if life.started is not None and life.index not in explained
            if line.at.hi - life.began + _SLACK >= 0 and line.at.lo - life.began <= _SOON
        ]
        if ours:
            explained.add(ours[0])
            continue
        text = f"a process of {line.node} began, by its log, that nobody had started"
        yield Finding(_NAME, Severity.VIOLATION, text, line.node, t=line.at.lo)


def _last_action(window: Window) -> int:
    acted = (ev.NodeSignalled, ev.NodeStarted, ev.NodeExited, ev.NodeWiped, ev.FaultUndone)
    places = [i for i, event in enumerate(window.events) if isinstance(event, acted)]
    return window.span.start + (places[-1] if places else 0)


def _looked_at(window: Window, life: Life, action: int) -> bool:
    return any(action < sighting.place < window.span.until for sighting in life.found)


BYSTANDERS_ALIVE = Check(_NAME, _judge)
