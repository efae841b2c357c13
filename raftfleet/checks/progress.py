"""`progress`: writes never stand still longer than the drill's budget, until its watch ends.

The budget is `budget: {outage: SECONDS}`; without one it is the longest an election may take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .finding import Check, Finding, Severity
from .outages import writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .outages import Outage
    from .window import Window

__all__ = ["PROGRESS"]

_NAME = "progress"
_EARLY = 5.0
"""Seconds before the drill's end at which writers may stop, to read back what they wrote."""


def _judge(window: Window) -> Iterator[Finding]:
    budget = _budget(window)
    if budget is None:
        text = "the drill has no budget for outages, and this system's timing is not known"
        yield Finding(_NAME, Severity.GAP, text)
        return
    found = [outage for outage in window.outages if outage.seconds > budget]
    everywhere = [outage for outage in found if not outage.via]
    for outage in found:
        if not outage.via or not any(outage.overlaps(whole) for whole in everywhere):
            yield _finding(window, outage, budget)
    yield from _thin(window)


def _finding(window: Window, outage: Outage, budget: float) -> Finding:
    how = "" if outage.ended else "at least "
    text = (
        f"no write through {outage.via or 'any node'} was acknowledged for {how}"
        f"{outage.seconds:.1f} s (budget {budget:g} s)"
    )
    if outage.cause:
        text += f": {outage.cause}"
    severity = Severity.WARNING if outage.via else Severity.VIOLATION
    if window.drill.allow_quorum_loss or window.away(outage.via, outage.start):
        severity = Severity.NOTE
    return Finding(_NAME, severity, text, outage.via or None, t=outage.start, cause=outage.cause)


def _budget(window: Window) -> float | None:
    given = window.drill.budget.get("outage")
    if given is not None:
        return given
    timing = window.cluster.timing if window.cluster else None
    return timing.reaction if timing else None


def _thin(window: Window) -> Iterator[Finding]:
    """See that somebody wrote while nodes were away, and to the end."""
    spans = writing(window)
    if not window.of(ev.WriteEnded):
        yield Finding(_NAME, Severity.GAP, "nothing was written during the drill")
        return
    for away in window.absences:
        if away.lo < window.start or away.lo > window.end:
            continue
        if not any(span.lo <= min(away.hi, window.end) and span.hi >= away.lo for span in spans):
            text = f"nothing was written during the {away.kind} of {away.node}"
            yield Finding(_NAME, Severity.GAP, text, away.node, t=away.lo)
    last = max(span.hi for span in spans)
    if last < window.end - max(_EARLY, window.drill.watch * 0.1):
        text = f"nothing was written in the last {window.end - last:.1f} s of the drill"
        yield Finding(_NAME, Severity.GAP, text)


PROGRESS = Check(_NAME, _judge)
