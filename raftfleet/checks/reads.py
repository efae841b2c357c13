"""What was read of the nodes' own stores, round by round, and whether it was read at rest.

Two stores may differ while a write is on its way, while a node catches up, or while a group has
no leader. So a difference proves something only when all was at rest; that nothing differs is
proof enough wherever no write was under way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.agreement import behind, watermarks
from raftfleet.journal.picture import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.journal.picture import Picture

    from .window import Window

__all__ = ["Round", "rounds", "unread"]


@dataclass(slots=True)
class Round:
    """Reads that belong together, at most one of each node.

    ``restless`` says why the round proves nothing, empty when no write was under way;
    ``unsettled`` names the nodes that may rightly lack something, with the reason.
    """

    number: int
    begun: float
    ended: float
    stores: dict[str, ev.StoreRead] = field(default_factory=dict)
    listings: dict[str, ev.ListingRead] = field(default_factory=dict)
    missed: dict[tuple[str, str], str] = field(default_factory=dict)
    restless: str = ""
    unsettled: dict[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> dict[str, ev.StoreRead]:
        """The reads that may prove something: none of a restless round."""
        return {} if self.restless else self.stores


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
    leaderless = [group for group in picture.groups if group not in marks]
    if leaderless:
        reason = f"{', '.join(leaderless)} had no leader"
        one.unsettled = dict.fromkeys(picture.nodes, reason)
    else:
        lacking = behind(picture, marks, picture.nodes)
        one.unsettled = {n: f"it had not caught up: {what}" for n, what in lacking.items()}
    return one


def unread(
    window: Window, read: list[Round], excused: Callable[[Round, str], bool]
) -> dict[str, str]:
    """Return the nodes up at the end of whose store nothing is known since the last action.

    Each comes with the reason, for a gap in evidence. ``excused`` tells of a read whether it
    shows something wrong that an unsettled node may rightly show.
    """
    last = max([window.start, *(away.hi for away in window.returns)])
    late = [one for one in read if one.ended >= last]
    reasons = {}
    for name, node in sorted(window.after.nodes.items()):
        known = any(name in one.usable and not excused(one, name) for one in late)
        if node.process is not Standing.DOWN and not known:
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
    return one.restless or one.unsettled.get(name, "")
