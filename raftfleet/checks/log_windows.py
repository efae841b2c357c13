"""When which lines may come: the windows of log rules, drawn from what the journal says happened."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.fold import weighty
from raftfleet.journal.log_rules import LogRule, LogWindow
from raftfleet.journal.values import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.journal.values import GroupStatus

    from .lives import Life
    from .window import Window

__all__ = ["LogWindows", "Span"]

Span = tuple[float, float]
_Widened = tuple[float, float, bool]
"""A span, and whether it ended the isolation of a node."""


class LogWindows:
    """The windows of one drill; they may begin before it."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def of(self, rule: LogRule, node: str, peer: str) -> list[Span]:
        """Return when a rule allows its lines on a node, as spans that do not overlap."""
        if not rule.during:
            return [(-math.inf, math.inf)]
        late = rule.after if rule.after_cut is None else rule.after_cut
        spans = [
            (lo - rule.before, hi + (late if cut else rule.after))
            for name in rule.during
            for lo, hi, cut in self._spans(name, node, peer)
        ]
        return joined(spans)

    def led(self, node: str) -> list[Span]:
        """Return when a node led a group, or stood for election, by its own word."""
        return self._claims.get(node, [])

    def _spans(self, name: LogWindow, node: str, peer: str) -> list[_Widened]:
        window = self._window
        match name:
            case LogWindow.START:
                return [(*_start(life), False) for life in window.lives.get(node, ())]
            case LogWindow.STOP:
                lives = window.lives.get(node, ())
                return [(*_stop(life), False) for life in lives if life.signals]
            case LogWindow.PEER_START:
                others = (lives for name, lives in window.lives.items() if name != node)
                return [(*_start(life), False) for lives in others for life in lives]
            case LogWindow.PEER_AWAY:
                return self._peers_away(node, "" if peer == node else peer)
            case LogWindow.AWAY:
                own = (away for away in window.absences if away.node == node)
                return [(away.lo, away.hi, True) for away in own if away.isolated]
            case LogWindow.ELECTION:
                return [(*span, self._after_cut(span)) for span in self._changes]
            case LogWindow.FAULT:
                return [(away.lo, away.hi, away.isolated) for away in window.absences]

    def _peers_away(self, node: str, peer: str) -> list[_Widened]:
        """Return when a peer was away, or any; seen from a node that is cut off, all others are."""
        found = []
        for away in self._window.absences:
            if away.node == node:
                missed = away.isolated and (not peer or away.concerns(peer))
            else:
                missed = peer in {"", away.node} and away.concerns(node)
            if missed:
                found.append((away.lo, away.hi, away.isolated))
        return found

    def _after_cut(self, span: Span) -> bool:
        """Whether some node had been paused or cut off before."""
        return any(away.isolated and away.lo <= span[0] for away in self._window.absences)

    @cached_property
    def _changes(self) -> list[Span]:
        """Moments in which some node's role, leader or term changed."""
        last: dict[tuple[str, str], tuple[object, ...] | None] = {}
        found: list[Span] = []
        for event in self._statuses():
            for group, status in event.groups.items():
                now = weighty(status)
                if last.get((event.node, group), now) != now:
                    found.append((event.since, event.t))
                last[event.node, group] = now
        return joined(found)

    @cached_property
    def _claims(self) -> dict[str, list[Span]]:
        since: dict[tuple[str, str], float] = {}
        found: dict[str, list[Span]] = {}
        for event in self._statuses():
            for group, status in event.groups.items():
                key = (event.node, group)
                if _claims(status):
                    since.setdefault(key, event.since)
                elif key in since:
                    found.setdefault(event.node, []).append((since.pop(key), event.t))
        for (node, _), lo in since.items():
            found.setdefault(node, []).append((lo, math.inf))
        return {node: joined(spans) for node, spans in found.items()}

    def _statuses(self) -> Iterable[ev.StatusSeen]:
        events = self._window.journal.events[: self._window.span.until]
        return (event for event in events if isinstance(event, ev.StatusSeen))


def _claims(status: GroupStatus) -> bool:
    return status.role in {Role.LEADER, Role.CANDIDATE}


def _start(life: Life) -> Span:
    if life.started is None:
        return life.began, life.began
    ends = [life.ready.t if life.ready else math.inf]
    ends += [life.exited.at.hi] if life.exited else []
    ends += [t for t in (life.vanished, life.cleared) if t is not None]
    return life.began, min(ends)


def _stop(life: Life) -> Span:
    lo = min(signal.sent.at.lo for signal in life.signals)
    return lo, life.exited.at.hi if life.exited else math.inf


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that overlap as one."""
    found: list[Span] = []
    for lo, hi in sorted(spans):
        if found and lo <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], hi))
        else:
            found.append((lo, hi))
    return found
