"""Questions that waits and checks both ask of a picture: whether all agree, and who is behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .picture import Standing
from .values import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .picture import Picture
    from .values import GroupStatus

__all__ = ["behind", "disagreement", "said", "watermarks"]


def disagreement(
    picture: Picture, *, nodes: Iterable[str] | None = None, now: float | None = None
) -> str | None:
    """Return what keeps these nodes from agreeing, or None when all do.

    They agree when each of them is alive and, in every group, all name one live node as leader in
    one term and show the same voters. ``nodes`` defaults to all that are not known to be down.
    """
    if nodes is None:
        down = picture.standing_in(Standing.DOWN, now=now)
        nodes = [name for name in picture.nodes if name not in down]
    wanted = sorted(nodes)
    if not wanted:
        return "no node is up"
    lost = [name for name in wanted if picture.standing(name, now) is not Standing.ALIVE]
    if lost:
        return ", ".join(f"{name} is {picture.standing(name, now)}" for name in lost)
    if not picture.groups:
        return "no node shows any group"
    found = (_group_disagreement(picture, group, wanted, now) for group in picture.groups)
    return next((text for text in found if text), None)


def _group_disagreement(
    picture: Picture, group: str, nodes: list[str], now: float | None
) -> str | None:
    views = {name: picture.status(name, group) for name in nodes}
    shown = "; ".join(f"{name} {said(status)}" for name, status in views.items())
    leader = picture.leader(group, now)
    if leader is None:
        return f"{group} has no leader: {shown}"
    for status in views.values():
        if status is None or (status.leader, status.term) != (leader.node, leader.term):
            return f"{group}: not all follow {leader.node} in term {leader.term}: {shown}"
    if len({status.voters for status in views.values() if status}) > 1:
        return f"{group}: they see different voters: {shown}"
    return None


def said(status: GroupStatus | None) -> str:
    """Return a view in a few words, for people."""
    if status is None or status.term is None:
        return "says nothing"
    if status.role is Role.LEADER:
        who = "says it leads"
    else:
        who = f"names {status.leader}" if status.leader else "names nobody"
    sets = " and ".join("[" + " ".join(part) + "]" for part in status.voters or ())
    return f"{who} (term {status.term}{', voters ' + sets if sets else ''})"


def watermarks(picture: Picture, now: float | None = None) -> dict[str, int]:
    """Return, for each group with a leader, the index its leader has applied: all must reach it.

    An applied entry is committed, so a mark stands whoever leads later.
    """
    marks = {}
    for group in picture.groups:
        leader = picture.leader(group, now)
        status = picture.status(leader.node, group) if leader else None
        if status is not None and status.last_applied is not None:
            marks[group] = status.last_applied
    return marks


def behind(picture: Picture, marks: Mapping[str, int], nodes: Iterable[str]) -> dict[str, str]:
    """Return the nodes that have not applied what the marks ask, each with what it lacks."""
    found: dict[str, str] = {}
    for name in sorted(nodes):
        for group, mark in sorted(marks.items()):
            status = picture.status(name, group)
            applied = status.last_applied if status else None
            if applied is None or applied < mark:
                have = "an unknown index" if applied is None else str(applied)
                found.setdefault(name, f"{group} at {have} of {mark}")
    return found
