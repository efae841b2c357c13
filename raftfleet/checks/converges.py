"""`converges`: every node reached the index that the leader had at a stated instant.

Equal indices at one moment prove nothing: under live writes they differ, at rest they may be equal
by luck. The instant is the last time a node became ready in the drill, or shortly before its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.agreement import behind, watermarks
from raftfleet.journal.picture import Standing

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import Window

__all__ = ["CONVERGES"]

_NAME = "converges"
_BEFORE_END = 5.0
"""Seconds before the drill's end at which the leader's index is taken."""


def _judge(window: Window) -> Iterator[Finding]:
    marks, instant = _marks(window)
    nodes = [name for name, node in window.after.nodes.items() if node.process is not Standing.DOWN]
    if not nodes:
        yield Finding(_NAME, Severity.GAP, "no node was up when the drill ended")
        return
    for group in window.after.groups or ("every group",):
        if group not in marks:
            text = f"{group}: it had no leader whose index the others could reach"
            yield Finding(_NAME, Severity.GAP, text, group=group)
    lacking = behind(window.after, marks, nodes)
    for name, what in lacking.items():
        known = window.after.standing(name) is not Standing.UNKNOWN
        known = known and name not in window.after.isolated
        severity = Severity.VIOLATION if known and not window.cut else Severity.GAP
        text = f"{name} did not reach the leader's index of {window.end - instant:.1f} s before: {what}"
        yield Finding(_NAME, severity, text, name, t=window.end)
    if len(nodes) == 1:
        yield Finding(_NAME, Severity.GAP, f"only {nodes[0]} was up: nothing to compare")


def _marks(window: Window) -> tuple[dict[str, int], float]:
    """Return the index to reach in each group, and the instant it was taken."""
    ready = [life.ready.t for life in window.started() if life.ready is not None]
    instant = max(window.start, window.end - _BEFORE_END, *ready)
    marks: dict[str, int] = {}
    if window.before.t >= instant:
        marks = watermarks(window.before)
    for _, _, after in window.walk():
        if after.t >= instant:
            for group, mark in watermarks(after).items():
                marks.setdefault(group, mark)
    return marks, instant


CONVERGES = Check(_NAME, _judge)
