"""`terms-monotonic`, `applied-monotonic`, `applied-within-log`: what may only rise, and how far.

A term is kept on disk, so it may not go back even across a restart. What is applied may start
lower in a new process, which replays its snapshot and its log; within one process it may not go
back, and a new process has to reach again what the one before it had applied. Both start afresh
when a node was wiped and with every generation of the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import View, Window

__all__ = ["APPLIED_MONOTONIC", "APPLIED_WITHIN_LOG", "TERMS_MONOTONIC"]


def _terms(window: Window) -> Iterator[Finding]:
    yield from _backwards(window, "terms-monotonic", "term", per_life=False)


def _applied(window: Window) -> Iterator[Finding]:
    yield from _backwards(window, "applied-monotonic", "last_applied", per_life=True)
    yield from _never_again(window)


def _never_again(window: Window) -> Iterator[Finding]:
    """Find nodes that came back and never applied again what they had applied before."""
    highest: dict[tuple[str, str, int], dict[int, int]] = {}
    for view, epoch in _epochs(window):
        if view.status.last_applied is not None:
            lives = highest.setdefault((view.node, view.group, epoch), {})
            lives[view.life] = max(lives.get(view.life, 0), view.status.last_applied)
    for (node, group, epoch), lives in highest.items():
        picture = window.after.node(node)
        last = max(lives)
        before = max((applied for life, applied in lives.items() if life < last), default=0)
        current = epoch == max(e for n, g, e in highest if (n, g) == (node, group))
        if current and picture.ready and lives[last] < before:
            severity = Severity.GAP if window.cut else Severity.VIOLATION
            text = f"{group}: {node} had applied {before} and came back only to {lives[last]}"
            yield Finding("applied-monotonic", severity, text, node, group, window.end)


def _backwards(window: Window, name: str, what: str, *, per_life: bool) -> Iterator[Finding]:
    """Find where a number went back for one node, group, epoch and (``per_life``) process."""
    highest: dict[tuple[object, ...], int] = {}
    told: set[tuple[object, ...]] = set()
    seen = False
    for view, epoch in _epochs(window):
        number = getattr(view.status, what)
        if number is None:
            continue
        seen = True
        key = (view.node, view.group, epoch, view.life if per_life else None)
        before = highest.get(key, number)
        if number < before and key not in told:
            told.add(key)
            text = f"{view.group}: {what} of {view.node} went back from {before} to {number}"
            yield Finding(name, Severity.VIOLATION, text, view.node, view.group, view.t)
        highest[key] = max(before, number)
    if not seen:
        yield Finding(name, Severity.GAP, f"no node showed its {what}")


def _epochs(window: Window) -> Iterator[tuple[View, int]]:
    """Yield every view with a number that rises whenever its node starts afresh."""
    resets: dict[str, list[float]] = {}
    everybody = [event.t for event in window.of(ev.ClusterGeneration)]
    for event in window.of(ev.NodeWiped):
        resets.setdefault(event.node, []).append(event.t)
    for view in (*window.opening, *window.views):
        times = (*everybody, *resets.get(view.node, ()))
        yield view, sum(view.t >= t for t in times)


def _within(window: Window) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    seen = False
    for view in (*window.opening, *window.views):
        applied, last = view.status.last_applied, view.status.last_log
        if applied is None or last is None:
            continue
        seen = True
        if applied > last and (view.node, view.group) not in told:
            told.add((view.node, view.group))
            text = f"{view.group}: {view.node} applied {applied}, its log ends at {last}"
            yield Finding(
                "applied-within-log", Severity.VIOLATION, text, view.node, view.group, view.t
            )
    if not seen:
        yield Finding("applied-within-log", Severity.GAP, "no node showed both its indices")


TERMS_MONOTONIC = Check("terms-monotonic", _terms)
APPLIED_MONOTONIC = Check("applied-monotonic", _applied)
APPLIED_WITHIN_LOG = Check("applied-within-log", _within)
