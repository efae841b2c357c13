"""What the collected logs prove about one life of a node, and where they are missing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

if TYPE_CHECKING:
    from raftfleet.journal.reader import Journal

    from .lives import Life

__all__ = ["last_words", "life_markers", "log_gap"]

_AFTERWARDS = 1.0
"""Seconds after a process was gone in which its last lines may still be stamped."""
_SLACK = 0.5
"""Seconds by which the stamps of a log may be off."""


def life_markers(journal: Journal, life: Life, following: list[Life]) -> set[str]:
    """Return the meanings of the log lines that belong to a life, by their stamps."""
    end = float("inf") if life.ended is None else life.ended.hi + _AFTERWARDS
    if following:
        end = min(end, following[0].began)
    return {
        event.marker
        for event in journal.of(ev.LogLine)
        if event.node == life.node
        and _placed(event)
        and event.at.hi >= life.began
        and event.at.lo <= end
    }


def last_words(journal: Journal, life: Life, until: float) -> str:
    """Return the last error that a life logged before it ended, empty for none."""
    said = [
        (spell.last, tally.examples[0])
        for tally in journal.of(ev.LogTally)
        if tally.node == life.node and tally.level == "ERROR" and tally.examples
        for spell in tally.spells
        if life.began <= spell.last <= until + _AFTERWARDS
    ]
    return max(said, default=(0.0, ""))[1]


def _placed(line: ev.LogLine) -> bool:
    return math.isfinite(line.at.hi)


def log_gap(journal: Journal, node: str, since: int, reach: float) -> str | None:
    """Return what keeps a node's log after an event from being evidence, or None.

    A file that was missing when the logs were next collected is named. Lines whose stamps could
    not be placed on our clock may be of any process, so they prove nothing either; nor does a log
    whose last line is older than ``reach``, which is on our clock.
    """
    if any(line.node == node and not _placed(line) for line in journal.of(ev.LogLine)):
        return f"the stamps in the log of {node} cannot be placed: its host's clock is not known"
    collected: list[ev.LogCollected] = []
    told = (*journal.of(ev.LogMissing), *journal.of(ev.LogCollected), *journal.of(ev.DrillStarted))
    place = journal.events[since].seq
    for event in sorted((e for e in told if e.seq > place), key=lambda event: event.seq):
        if isinstance(event, ev.LogMissing) and event.node == node:
            return f"the log {event.path} of {node} is missing: {event.reason}"
        if isinstance(event, ev.LogCollected) and event.node == node:
            collected.append(event)
        if isinstance(event, ev.DrillStarted) and collected:
            break
    if not collected:
        return f"the log of {node} was not collected afterwards"
    newest = [event.newest for event in collected if event.newest is not None]
    if len(newest) == len(collected) and max(newest) < reach - _SLACK:
        return f"the log of {node} ends {reach - max(newest):.1f} s before that"
    return None
