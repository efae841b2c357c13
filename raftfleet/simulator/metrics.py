"""A group's metrics, as the broker's `ClusterStatus` shows those of openraft."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .core import Core
    from .values import Json

__all__ = ["metrics_of"]


def metrics_of(core: Core, applied: int, *, quorum_ack_age: int | None, stopped: bool) -> Json:
    """Return them; ``quorum_ack_age`` is in milliseconds and told by leaders only."""
    last_applied = core.log.position(applied)
    position, membership = core.log.membership
    return {
        "running_state": {"Ok": None},
        "id": core.node,
        "current_term": core.vote.term,
        "vote": core.vote.status(),
        "last_log_index": core.log.next - 1 if core.log.last else None,
        "last_applied": last_applied.status() if last_applied else None,
        "snapshot": core.snapshot.last.status() if core.snapshot else None,
        "purged": core.log.purged.status() if core.log.purged else None,
        "state": "Shutdown" if stopped else core.role,
        "current_leader": core.leader,
        "millis_since_quorum_ack": quorum_ack_age if core.leadership else None,
        "membership_config": {
            "log_id": position.status() if position else None,
            "membership": membership.status(),
        },
        "replication": _replication(core),
    }


def _replication(core: Core) -> Json:
    """Return how far each node's log is known to be the leader's, None on other nodes."""
    if core.leadership is None:
        return None
    matched = {core.node: core.log.next - 1}
    matched.update((peer, p.matched) for peer, p in core.leadership.followers.items())
    at = {node: core.log.position(matched[node]) for node in sorted(matched)}
    return {str(node): position.status() if position else None for node, position in at.items()}
