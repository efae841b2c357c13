"""`logs-clean`: no line that its rule calls a problem, or that comes when its rule does not allow it.

Levels are parsed, windows are those of the faults that really happened, and a line that names a
node is allowed while that node was away. A log that could not be read is a gap.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.log_rules import LogRule, LogVerdict, Spell
from raftfleet.journal.picture import Standing

from .finding import Check, Finding, Severity
from .log_windows import LogWindows, Span, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .window import Window

__all__ = ["LOGS_CLEAN"]

_NAME = "logs-clean"
_SEVERE = {"ERROR": Severity.VIOLATION, "WARN": Severity.WARNING}
_NEW_SHOWN = 10
_SILENCE = 60.0
"""Seconds that a live node may write nothing before the drill ends."""


def _judge(window: Window) -> Iterator[Finding]:
    rules = {rule.name: rule for rule in window.cluster.log_rules} if window.cluster else {}
    if not rules:
        text = "nothing says what the lines of this system's log mean"
        yield Finding(_NAME, Severity.GAP, text)
    tallies = [event for event in _collected(window) if isinstance(event, ev.LogTally)]
    windows = LogWindows(window)
    for tally in tallies:
        spells = _clipped(window, tally.spells)
        if not spells:
            continue
        rule = rules.get(tally.rule)
        if rule is not None:
            yield from _ruled(windows, rule, tally, spells)
        elif tally.level in _SEVERE:
            yield _told(_SEVERE[tally.level], tally, spells, "no rule knows it")
    yield from _new(window, tallies)
    yield from _missing(window, tallies)


def _collected(window: Window) -> tuple[ev.Event, ...]:
    return window.journal.events[window.span.start : window.span.until]


def _clipped(window: Window, spells: Iterable[Spell]) -> list[Spell]:
    """Return what of these spells lies in the drill; what could not be placed may lie in it."""
    found = []
    for spell in spells:
        first, last = max(spell.first, window.start), min(spell.last, window.end)
        if spell.first < 0:
            found.append(spell)
        elif first <= last:
            found.append(Spell(first, last, spell.count))
    return found


def _ruled(
    windows: LogWindows, rule: LogRule, tally: ev.LogTally, spells: list[Spell]
) -> Iterator[Finding]:
    if rule.judge is LogVerdict.PROBLEM:
        yield _told(Severity.VIOLATION, tally, spells, rule.why or f"rule {rule.name}")
        return
    if any(spell.first < 0 for spell in spells):
        text = f"when {tally.node} wrote {tally.template!r} is not known: its host's clock is not"
        yield Finding(_NAME, Severity.GAP, text, tally.node)
        return
    outside = _outside(spells, windows.of(rule, tally.node, tally.peer))
    if outside:
        peer = f" of {tally.peer}" if tally.peer else ""
        why = f"rule {rule.name} allows it only during {' or '.join(rule.during)}{peer}"
        yield _told(Severity.VIOLATION, tally, outside, why)
        return
    if rule.by and _outside(spells, [(lo - 2, hi + 2) for lo, hi in windows.led(tally.node)]):
        yield _told(Severity.VIOLATION, tally, spells, f"it may come from a {rule.by} only")
    elif rule.most is not None and _rate(spells) > rule.most:
        why = f"it keeps growing: {_rate(spells):.0f} lines a minute, {rule.most} are allowed"
        yield _told(Severity.VIOLATION, tally, spells, why)
    elif rule.judge is LogVerdict.NOTE:
        yield _told(Severity.NOTE, tally, spells, rule.why or f"rule {rule.name}")


def _outside(spells: list[Spell], allowed: list[Span]) -> list[Spell]:
    """Return the parts of spells that no window covers."""
    found = []
    for spell in spells:
        lo, covered = spell.first, False
        for start, end in joined(allowed):
            if start <= lo <= end:
                lo, covered = end, True
        if not covered or lo < spell.last:
            found.append(Spell(lo, spell.last, spell.count))
    return found


def _rate(spells: list[Spell]) -> float:
    """Return lines a minute, over the time from the first to the last, a minute at least."""
    seconds = spells[-1].last - spells[0].first
    return 60 * sum(spell.count for spell in spells) / max(60.0, seconds)


def _told(severity: Severity, tally: ev.LogTally, spells: list[Spell], why: str) -> Finding:
    count = sum(spell.count for spell in spells)
    shown = tally.examples[0] if tally.examples else tally.template
    lines = "a line" if count == 1 else f"{count} lines"
    text = f"{tally.node} wrote {lines} {tally.level} {tally.target}: {shown[:160]} ({why})"
    t = spells[0].first if spells[0].first >= 0 else None
    return Finding(_NAME, severity, text, tally.node, t=t)


def _new(window: Window, tallies: list[ev.LogTally]) -> Iterator[Finding]:
    """List what no node had ever logged before the first fault, and no rule knows."""
    first = min((a.lo for a in window.absences if a.lo >= window.start), default=math.inf)
    known = {
        (tally.level, tally.template)
        for tally in window.journal.of(ev.LogTally)
        if tally.rule or any(0 <= spell.first < first for spell in tally.spells)
    }
    new = {(one.level, one.target, one.template) for one in tallies}
    fresh = sorted(one for one in new if (one[0], one[2]) not in known)
    if fresh:
        shown = "; ".join(
            f"{level} {target}: {text[:60]}" for level, target, text in fresh[:_NEW_SHOWN]
        )
        more = f" and {len(fresh) - _NEW_SHOWN} more" if len(fresh) > _NEW_SHOWN else ""
        text = f"{len(fresh)} messages were never seen before the first fault: {shown}{more}"
        yield Finding(_NAME, Severity.NOTE, text)


def _missing(window: Window, tallies: list[ev.LogTally]) -> Iterator[Finding]:
    counted = {tally.node for tally in tallies}
    for event in _collected(window):
        if isinstance(event, ev.LogMissing):
            text = f"the log {event.path} of {event.node} is missing: {event.reason}"
            yield Finding(_NAME, Severity.GAP, text, event.node)
    logs = [event for event in _collected(window) if isinstance(event, ev.LogCollected)]
    read = {event.node for event in logs}
    written = {event.node for event in logs if event.lines}
    for name in sorted(window.after.nodes):
        if name not in read:
            yield Finding(_NAME, Severity.GAP, f"the log of {name} was not collected", name)
        elif name in written and name not in counted:
            yield Finding(_NAME, Severity.GAP, f"the lines of {name}'s log were not sorted", name)
        else:
            yield from _ends_early(window, name)


def _ends_early(window: Window, name: str) -> Iterator[Finding]:
    files = [e for e in _collected(window) if isinstance(e, ev.LogCollected) and e.node == name]
    newest = [event.newest for event in files if event.newest is not None]
    up = window.after.node(name).process is Standing.ALIVE
    if up and len(newest) == len(files) and max(newest) < window.end - _SILENCE:
        text = f"the log of {name} ends {window.end - max(newest):.0f} s before the drill does"
        yield Finding(_NAME, Severity.GAP, text, name)


LOGS_CLEAN = Check(_NAME, _judge)
