"""`no-busy-loop`: at rest no node burns a core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.picture import Standing
from raftfleet.journal.values import Interval

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import Window

__all__ = ["NO_BUSY_LOOP"]

_NAME = "no-busy-loop"
_SETTLES = 5.0
"""Seconds after the last node is back before the cluster counts as at rest."""
_ENOUGH = 3.0
"""Seconds of rest that must have been sampled of a node."""
_BURNING = 0.9
"""A share of one core: a loop that never waits comes close to all of it."""
_FOR = 5.0
"""Seconds without a pause that no honest work at rest takes."""


def _judge(window: Window) -> Iterator[Finding]:
    rest: dict[str, list[ev.NodeBusy]] = {}
    for sample in window.of(ev.NodeBusy):
        if _at_rest(window, sample.since) and _at_rest(window, sample.t):
            rest.setdefault(sample.node, []).append(sample)
    for name, node in sorted(window.after.nodes.items()):
        samples = rest.get(name, [])
        seconds = sum(sample.t - sample.since for sample in samples)
        if seconds < _ENOUGH:
            if node.process is not Standing.DOWN:
                text = f"the processor time of {name} was sampled for {seconds:.1f} s at rest"
                yield Finding(_NAME, Severity.GAP, text, name)
            continue
        burnt = _longest(samples)
        if burnt.width >= _FOR:
            text = f"{name} used a whole core for {burnt.width:.0f} s at rest"
            yield Finding(_NAME, Severity.VIOLATION, text, name, t=burnt.lo)


def _longest(samples: list[ev.NodeBusy]) -> Interval:
    """Return the longest stretch in which every sample shows a core burning."""
    longest, since = Interval(0.0, 0.0), None
    for sample in samples:
        if sample.cpu <= _BURNING * (sample.t - sample.since):
            since = None
            continue
        since = sample.since if since is None else since
        if sample.t - since > longest.width:
            longest = Interval(since, sample.t)
    return longest


def _at_rest(window: Window, t: float) -> bool:
    """Whether nobody was away then, nor shortly before."""
    return all(away.lo > t or away.hi + _SETTLES <= t for away in window.absences)


NO_BUSY_LOOP = Check(_NAME, _judge)
