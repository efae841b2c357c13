"""What was read of the nodes' own stores, round by round, and whether it was read at rest.

Two stores may differ while a write is on its way, while a node catches up, or while a group has
no leader. So only a round read at rest proves anything, for the nodes that had caught up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.agreement import behind, watermarks
from raftfleet.journal.picture import Standing

if TYPE_CHECKING:
    from raftfleet.journal.picture import Picture

    from .window import Window

__all__ = ["Round", "rounds", "unread"]


@dataclass(slots=True)
class Round:
    """Reads that belong together, at most one of each node.

    ``restless`` says why the round was not read at rest, empty when it was; ``lagging`` names the
    nodes that had not reached their leader's index when it began, with what they lacked.
    """

    number: int
    begun: float
    ended: float
    stores: dict[str, ev.StoreRead] = field(default_factory=dict)
    listings: dict[str, ev.ListingRead] = field(default_factory=dict)
    missed: dict[tuple[str, str], str] = field(default_factory=dict)
    restless: str = ""
    lagging: dict[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> dict[str, ev.StoreRead]:
        """The reads that can be judged: none unless all was at rest."""
        if self.restless:
            return {}
        return {name: read for name, read in self.stores.items() if name not in self.lagging}


def rounds(window: Window) -> list[Round]:
    """Return the rounds of reads of a drill, in order."""
    found: dict[int, Round] = {}
    for event, before, _ in window.walk():
        if isinstance(event, ev.StoreRead | ev.ListingRead):
            one = found.get(event.round)
            if one is None:
                one = found[event.round] = _opened(event, before)
            one.begun, one.ended = min(one.begun, event.sent), max(one.ended, event.t)
            if isinstance(event, ev.StoreRead):
                one.stores[event.node] = event
            else:
                one.listings[event.node] = event
        elif isinstance(event, ev.ReadMissed) and event.round:
            one = found.setdefault(event.round, Round(event.round, event.t, event.t))
            one.missed[event.node, event.what] = event.reason
    writes = window.journal.of(ev.WriteEnded)
    for one in found.values():
        under_way = sum(write.sent < one.ended and write.t > one.begun for write in writes)
        if under_way and not one.restless:
            one.restless = f"{under_way} writes were under way"
    return list(found.values())


def _opened(event: ev.StoreRead | ev.ListingRead, picture: Picture) -> Round:
    one = Round(event.round, event.sent, event.t)
    marks = watermarks(picture)
    one.lagging = behind(picture, marks, picture.nodes)
    leaderless = [group for group in picture.groups if group not in marks]
    if leaderless:
        one.restless = f"{', '.join(leaderless)} had no leader"
    return one


def unread(window: Window, read: list[Round]) -> dict[str, str]:
    """Return the nodes up at the end whose store was not read at rest after the last action.

    Each comes with the reason, for a gap in evidence.
    """
    last = max([window.start, *(away.hi for away in window.returns)])
    late = [one for one in read if one.ended >= last]
    reasons = {}
    for name, node in sorted(window.after.nodes.items()):
        if node.process is Standing.DOWN or any(name in one.settled for one in late):
            continue
        reasons[name] = _reason(name, read, late)
    return reasons


def _reason(name: str, read: list[Round], late: list[Round]) -> str:
    if not read:
        return "no store was read"
    if not late:
        return "it was not read after the last node was back"
    one = late[-1]
    if (name, "store") in one.missed:
        return one.missed[name, "store"]
    if name not in one.stores:
        return "it was not read"
    return one.restless or f"it had not caught up: {one.lagging.get(name, '')}"
