"""Whether the groups of a node that was taken away have moved on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal.agreement import said
from raftfleet.journal.values import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.journal import Leader, Picture

__all__ = ["Failover", "failover"]


@dataclass(frozen=True, slots=True)
class Failover:
    """How far a failover is.

    ``moved`` maps groups to who leads them at a higher term now, ``back`` are groups that the
    victim leads again in the term it had (not exercised), ``waiting`` those without either, with
    what was seen instead.
    """

    moved: Mapping[str, Leader]
    back: tuple[str, ...]
    waiting: Mapping[str, str]

    @property
    def lacks(self) -> str | None:
        """What is still missing, or None."""
        return "; ".join(self.waiting.values()) or None


def failover(
    picture: Picture, victim: str, led: Mapping[str, int], *, now: float | None = None
) -> Failover:
    """Return how far the failover of the groups is that ``victim`` led, in these terms."""
    moved, back, waiting = {}, [], {}
    for group, term in sorted(led.items()):
        leader = picture.leader(group, now)
        own = picture.views(group, now).get(victim)
        if leader is not None and leader.term > term:
            moved[group] = leader
        elif own is not None and victim in picture.live(now) and _leads(own.role, own.term, term):
            back.append(group)
        else:
            shown = "; ".join(f"{n} {said(s)}" for n, s in picture.views(group, now).items())
            waiting[group] = f"nobody leads {group} after term {term}: {shown or 'no node answers'}"
    return Failover(moved, tuple(back), waiting)


def _leads(role: Role | None, term: int | None, before: int) -> bool:
    return role is Role.LEADER and term == before
