"""The checks by the names that `expects:` uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bystanders_alive import BYSTANDERS_ALIVE
from .cache_agrees import CACHE_AGREES
from .converges import CONVERGES
from .exits_graceful import EXITS_GRACEFUL
from .failover_in_interval import FAILOVER_IN_INTERVAL
from .leader_moves import LEADER_MOVES
from .leader_undisturbed import LEADER_UNDISTURBED
from .logs_clean import LOGS_CLEAN
from .membership_agrees import MEMBERSHIP_AGREES
from .membership_unchanged import MEMBERSHIP_UNCHANGED
from .monotonic import APPLIED_MONOTONIC, APPLIED_WITHIN_LOG, TERMS_MONOTONIC
from .no_busy_loop import NO_BUSY_LOOP
from .node_list_complete import NODE_LIST_COMPLETE
from .one_leader_per_term import ONE_LEADER_PER_TERM
from .progress import PROGRESS
from .rejoins import REJOINS
from .starts import STARTS
from .stores_equal import STORES_EQUAL
from .writes_survive import WRITES_SURVIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .finding import Check

__all__ = ["CHECKS"]

CHECKS: Mapping[str, Check] = {
    check.name: check
    for check in (
        STARTS,
        EXITS_GRACEFUL,
        MEMBERSHIP_AGREES,
        MEMBERSHIP_UNCHANGED,
        ONE_LEADER_PER_TERM,
        TERMS_MONOTONIC,
        APPLIED_MONOTONIC,
        APPLIED_WITHIN_LOG,
        LEADER_MOVES,
        LEADER_UNDISTURBED,
        FAILOVER_IN_INTERVAL,
        PROGRESS,
        REJOINS,
        CONVERGES,
        STORES_EQUAL,
        WRITES_SURVIVE,
        CACHE_AGREES,
        NODE_LIST_COMPLETE,
        BYSTANDERS_ALIVE,
        NO_BUSY_LOOP,
        LOGS_CLEAN,
    )
}
"""Every check there is, in the order in which they are shown."""
