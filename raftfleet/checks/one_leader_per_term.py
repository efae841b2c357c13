"""`one-leader-per-term`: nobody shares a term (Raft's election safety, figure 3 of the paper).

Two leaders in different terms are legal: the older one has not heard yet. They are a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.values import Role

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.picture import Picture

    from .window import Window

__all__ = ["ONE_LEADER_PER_TERM"]

_NAME = "one-leader-per-term"


def _judge(window: Window) -> Iterator[Finding]:
    told: set[tuple[str, object]] = set()
    watched = {view.group for view in window.opening if view.status.role is not None}
    for event, _, after in window.walk():
        if not isinstance(event, ev.StatusSeen):
            continue
        for group, status in event.groups.items():
            if status.role is not None:
                watched.add(group)
            if status.role is not Role.LEADER:
                continue
            for key, finding in (*_shared(event, group, after), *_older(event, group, after)):
                if key not in told:
                    told.add(key)
                    yield finding
    for group in window.after.groups or ("every group",):
        if group not in watched:
            text = f"{group}: no node showed its role"
            yield Finding(_NAME, Severity.GAP, text, group=group)


def _shared(
    event: ev.StatusSeen, group: str, after: Picture
) -> Iterator[tuple[tuple[str, object], Finding]]:
    term = event.groups[group].term
    if term is None:
        return
    nodes = after.claims.get(group, {}).get(term, ())
    if len(nodes) > 1:
        who = " and ".join(sorted(nodes))
        text = f"{group}: {who} both led term {term}"
        yield (
            (group, (term, nodes)),
            Finding(_NAME, Severity.VIOLATION, text, event.node, group, event.t),
        )


def _older(
    event: ev.StatusSeen, group: str, after: Picture
) -> Iterator[tuple[tuple[str, object], Finding]]:
    leading = {
        name: status.term
        for name, status in after.views(group).items()
        if status.role is Role.LEADER
    }
    if len(set(leading.values())) > 1:
        who = " and ".join(f"{name} (term {term})" for name, term in sorted(leading.items()))
        text = f"{group}: {who} led at once, in different terms, which is legal"
        yield (
            (group, tuple(sorted(leading.items()))),
            Finding(_NAME, Severity.NOTE, text, group=group, t=event.t),
        )


ONE_LEADER_PER_TERM = Check(_NAME, _judge)
