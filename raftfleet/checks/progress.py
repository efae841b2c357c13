"""`progress`: writes never stand still longer than the drill's budget, until its watch ends.

The budget is `budget: {outage: SECONDS}`. Without one it is the longest that the elections may take
which were held, with the exit before them and the slots of the writers around them.
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
_SLOTS = 4
_LAG = 0.1
"""Share of the watch, or as many seconds, by which writers may end early."""


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
    if window.drill.allow_quorum_loss or _was_away(window, outage):
        severity = Severity.NOTE
    return Finding(_NAME, severity, text, outage.via or None, t=outage.start, cause=outage.cause)


def _was_away(window: Window, outage: Outage) -> bool:
    """Whether the node that was written through was itself away meanwhile."""
    return any(
        away.node == outage.via and away.lo < outage.end and away.hi > outage.start
        for away in window.absences
    )


def _budget(window: Window) -> float | None:
    given = window.drill.budget.get("outage")
    if given is not None:
        return given
    if window.cluster is None or window.cluster.timing is None:
        return None
    elections = [window.cluster.timing.reaction]
    elections += [one.predicted.hi for one in window.succession.failovers if one.predicted]
    slots = _SLOTS * max((span.period for span in writing(window)), default=0.0)
    return max(elections) + window.cluster.exit_bound + slots


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
    yield from _ended_early(window, max(span.hi for span in spans))


def _ended_early(window: Window, last: float) -> Iterator[Finding]:
    """See that writers went on while the drill watched, after the last node was back.

    What comes after the watch, reading back and collecting logs, takes as long as it takes.
    """
    back = [away.hi for away in window.returns]
    if window.cut or not back:
        return
    written = last - max(back)
    if written < window.drill.watch * (1 - _LAG) - _LAG:
        unwatched = min(window.drill.watch - written, window.end - last)
        text = (
            f"nothing was written in the last {unwatched:.1f} s of watching after the last return"
        )
        yield Finding(_NAME, Severity.GAP, text)


PROGRESS = Check(_NAME, _judge)
