"""Whether the nodes were really watched: a node that is up and ready has to answer.

Starting and stopping nodes may be silent; so may nodes that are down. Anything else that was not
heard for long could have done anything in that time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lives import Life
    from .window import Window

__all__ = ["TICKS_LATE", "coverage_gaps"]

_PERIODS = 50
_AT_LEAST = 1.0
"""A node may be unheard for this many poll periods, but for no less than a second."""
_WAKES = 3.0
"""Seconds a node may need to answer again after a pause."""
_STATES = {"D": "waiting for a device", "T": "stopped", "t": "traced", "Z": "a zombie"}
TICKS_LATE = 3.0
"""Seconds without a tick after which the observer itself was away."""


def coverage_gaps(window: Window) -> Iterator[Finding]:
    """Return a gap for every node that was not watched for too long, and for missing ticks."""
    yield from _missing_ticks(window)
    worst: dict[str, tuple[float, float]] = {}
    period = window.cluster.poll_period if window.cluster else 0.0
    limit = max(_PERIODS * period, _AT_LEAST)
    for event, _, after in window.walk():
        if not isinstance(event, ev.CoverageSampled):
            continue
        for name, node in after.nodes.items():
            silent = event.gap.get(name, 0.0)
            if node.silent_since is not None:
                silent = max(silent, event.t - node.silent_since)
            if name not in event.polls:
                silent = event.t - (window.start if node.heard is None else node.heard)
            accountable = _accountable(window.lives.get(name, []), event.t - silent, event.t)
            accountable -= _paused(window, name, event.t - silent, event.t)
            if accountable > max(limit, worst.get(name, (0.0, 0.0))[0]):
                worst[name] = (accountable, event.t)
    for name, (seconds, t) in sorted(worst.items()):
        text = (
            f"{name} was up and not heard for {seconds:.1f} s{_state(window, name, t - seconds, t)}"
        )
        yield Finding("evidence", Severity.GAP, text, name, t=t)


def _state(window: Window, node: str, since: float, until: float) -> str:
    """Return what kept a silent node's process from its work, if its host told that."""
    for sample in window.of(ev.NodeBusy):
        if sample.node == node and since < sample.t <= until and sample.state in _STATES:
            return f": its process was {_STATES[sample.state]}"
    return ""


def _accountable(lives: list[Life], since: float, until: float) -> float:
    """Return the longest part of a stretch in which the node was up, ready and not stopping."""
    longest = 0.0
    for life in lives:
        begin = _ready_at(life)
        end = min(
            [signal.sent.at.lo for signal in life.signals]
            + ([life.exited.at.lo] if life.exited else [])
            + [t for t in (life.vanished, life.cleared) if t is not None],
            default=float("inf"),
        )
        longest = max(longest, min(until, end) - max(since, begin))
    return longest


def _paused(window: Window, node: str, since: float, until: float) -> float:
    """Return how much of a stretch the node was paused by a fault, and a moment afterwards."""
    paused = [away for away in window.absences if away.node == node and away.kind == "pause"]
    return sum(max(0.0, min(until, away.hi + _WAKES) - max(since, away.lo)) for away in paused)


def _ready_at(life: Life) -> float:
    if life.ready is not None:
        return life.ready.t
    return float("inf") if life.started is not None else float("-inf")


def _missing_ticks(window: Window) -> Iterator[Finding]:
    if not any(lives for lives in window.lives.values()):
        return
    ticks = [window.start, *(event.t for event in window.of(ev.CoverageSampled)), window.end]
    for before, after in pairwise(ticks):
        if after - before > TICKS_LATE:
            text = f"nothing says how the nodes were watched for {after - before:.1f} s"
            yield Finding("evidence", Severity.GAP, text, t=before)
