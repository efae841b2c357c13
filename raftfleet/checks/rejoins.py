"""`rejoins`: a restarted node recovers what it had, joins nothing anew, and catches up.

It has caught up when it has applied what each group's leader had applied at the instant the node
was ready, or, for a group without a leader then, at the instant it had one again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.agreement import behind, watermarks
from raftfleet.journal.fold import same_process

from .finding import Check, Finding, Severity
from .logs import life_markers, log_gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.picture import Picture

    from .lives import Life
    from .window import Window

__all__ = ["REJOINS"]

_NAME = "rejoins"


@dataclass(slots=True)
class _Return:
    """A node that came back: what it has to reach, and whether it has."""

    life: Life
    known: bool
    ready: bool = False
    marks: dict[str, int] = field(default_factory=dict)
    caught_up: bool = False
    lacks: str = ""


def _judge(window: Window) -> Iterator[Finding]:
    returns = [one for one in _followed(window) if one.known]
    if not returns:
        yield Finding(_NAME, Severity.GAP, "no node came back")
    for one in returns:
        yield from _recovery(window, one.life)
        yield from _catching_up(window, one)


def _followed(window: Window) -> list[_Return]:
    """Follow every node that was started, from its start until it has caught up."""
    returns: list[_Return] = []
    for event, before, after in window.walk():
        if isinstance(event, ev.NodeStarted):
            life = _life(window, event)
            returns.append(_Return(life, known=_was_member(window, life, before)))
        for one in returns:
            if not one.caught_up:
                _look(one, event, after)
    return returns


def _life(window: Window, event: ev.NodeStarted) -> Life:
    lives = window.lives[event.node]
    return next(life for life in lives if same_process(life.incarnation, event.incarnation))


def _was_member(window: Window, life: Life, picture: Picture) -> bool:
    """Whether the node had a life before, or others count it among their voters."""
    if any(other.index < life.index for other in window.lives[life.node]):
        return True
    sights = (sight for node in picture.nodes.values() for sight in node.groups.values())
    return any(life.node in part for sight in sights for part in sight.status.voters or ())


def _look(one: _Return, event: ev.Event, picture: Picture) -> None:
    if isinstance(event, ev.NodeReady) and same_process(event.incarnation, one.life.incarnation):
        one.ready = True
    if not one.ready or not same_process(
        picture.node(one.life.node).incarnation, one.life.incarnation
    ):
        return
    for group, mark in watermarks(picture).items():
        one.marks.setdefault(group, mark)
    lacking = behind(picture, one.marks, [one.life.node])
    missing = [group for group in picture.groups if group not in one.marks]
    one.lacks = lacking.get(one.life.node, "") or ", ".join(f"{g} has no leader" for g in missing)
    one.caught_up = bool(one.marks) and not one.lacks


def _recovery(window: Window, life: Life) -> Iterator[Finding]:
    if life.wiped:
        text = f"{life.node} had been wiped, so it joined anew as it should"
        yield Finding(_NAME, Severity.NOTE, text, life.node)
        return
    following = [other for other in window.lives[life.node] if other.index > life.index][:1]
    markers = life_markers(window.journal, life, following)
    if "joining" in markers:
        text = f"{life.node} joined the cluster anew instead of recovering what it had"
        yield Finding(_NAME, Severity.VIOLATION, text, life.node, t=life.began)
        return
    missing = log_gap(window.journal, life.node, life.index, life.began)
    if missing is None and "recovering" in markers:
        return
    why = missing or f"the log of {life.node} says neither"
    text = f"whether {life.node} recovered or joined anew is not known: {why}"
    yield Finding(_NAME, Severity.GAP, text, life.node)


def _catching_up(window: Window, one: _Return) -> Iterator[Finding]:
    node = one.life.node
    if one.caught_up:
        return
    if one.life.asked is not None and window.inside(one.life.exited_index):
        text = f"{node} was stopped again before it had caught up"
        yield Finding(_NAME, Severity.NOTE, text, node)
        return
    severity = Severity.GAP if window.cut else Severity.VIOLATION
    if not one.ready:
        yield Finding(_NAME, severity, f"{node} did not come back", node, t=one.life.began)
    elif not one.marks:
        text = f"{node}: no group had a leader whose index it could have reached"
        yield Finding(_NAME, Severity.GAP, text, node)
    else:
        text = f"{node} did not catch up: {one.lacks}"
        yield Finding(_NAME, severity, text, node, t=window.end)


REJOINS = Check(_NAME, _judge)
