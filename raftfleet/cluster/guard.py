"""The quorum guard: whether a node may be taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.picture import Standing
from raftfleet.journal.values import majority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.journal import Picture

__all__ = ["LAG", "may_stop"]

LAG = 100
"""Entries behind its leader from which on a node does not count on for a quorum.

One that lags cannot acknowledge anything new before it has caught up, so a quorum that needs it
stands still. Below this it is a matter of an instant: what is known of two nodes may be 0.2 s
apart (rising indices are written five times a second), in which even 500 writes a second stay
below it. Above, at the 10 writes a second of a drill, a node has missed ten seconds.
"""


def may_stop(picture: Picture, node: str, *, now: float | None = None) -> str | None:
    """Return why this node must not be taken away now, or None when it may.

    For every group, the nodes that stay, answer and are caught up must be a majority of each voter
    set that is observed, both sets of a joint change included. A node nobody knows about counts as
    down, and so does one on its way out. A node that is down already may be stopped again.
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
        behind = _behind(picture, group, now)
        for voters in sets:
            left = sorted(staying.intersection(voters).difference(behind))
            if len(left) < majority(len(voters)):
                return (
                    f"{group} would keep {_nodes(left)} of its voters {', '.join(voters)}, "
                    f"and {majority(len(voters))} make a quorum"
                    f"{_lags(behind, staying.intersection(voters))}"
                )
    return None


def _behind(picture: Picture, group: str, now: float | None) -> dict[str, int | None]:
    """Return the answering nodes that lag, with how many entries; None for an unknown log.

    Measured against the leader, or without one the longest log shown. Where no node shows its log
    (a system that does not tell) there is no lag to see.
    """
    logs = {name: status.last_log for name, status in picture.views(group, now).items()}
    leader = picture.leader(group, now)
    mark = logs.get(leader.node) if leader else None
    if mark is None:
        mark = max((log for log in logs.values() if log is not None), default=None)
    if mark is None:
        return {}
    lags = {name: None if log is None else mark - log for name, log in logs.items()}
    return {name: lag for name, lag in lags.items() if lag is None or lag > LAG}


def _lags(behind: dict[str, int | None], staying: Iterable[str]) -> str:
    said = [
        f"{name} is {'an unknown number of' if behind[name] is None else behind[name]} entries behind"
        for name in sorted(behind.keys() & set(staying))
    ]
    return f" ({', '.join(said)})" if said else ""


def _nodes(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"
