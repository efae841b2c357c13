"""The quorum guard in its first form: whether a node may be taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.picture import Standing
from raftfleet.journal.values import majority

if TYPE_CHECKING:
    from raftfleet.journal import Picture

__all__ = ["may_stop"]


def may_stop(picture: Picture, node: str, *, now: float | None = None) -> str | None:
    """Return why this node must not be taken away now, or None when it may.

    For every group, the nodes that stay and answer must be a majority of each voter set that is
    observed, both sets of a joint change included. A node nobody knows about counts as down, and
    so does one on its way out. A node that is down already may be stopped again.
    """
    if picture.standing(node, now) is Standing.DOWN:
        return None
    if not picture.groups:
        return "no node has shown any group yet"
    staying = set(picture.live(now)) - {node}
    for group in picture.groups:
        sets = picture.voters(group, now)
        if not sets:
            return f"the voters of {group} are not known"
        for voters in sets:
            left = sorted(staying.intersection(voters))
            if len(left) < majority(len(voters)):
                return (
                    f"{group} would keep {_nodes(left)} of its voters {', '.join(voters)}, "
                    f"and {majority(len(voters))} make a quorum"
                )
    return None


def _nodes(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"
