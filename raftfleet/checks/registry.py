"""The checks by the names that `expects:` uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bystanders_alive import BYSTANDERS_ALIVE
from .converges import CONVERGES
from .exits_graceful import EXITS_GRACEFUL
from .failover_in_interval import FAILOVER_IN_INTERVAL
from .leader_moves import LEADER_MOVES
from .membership_agrees import MEMBERSHIP_AGREES
from .membership_unchanged import MEMBERSHIP_UNCHANGED
from .monotonic import APPLIED_MONOTONIC, APPLIED_WITHIN_LOG, TERMS_MONOTONIC
from .one_leader_per_term import ONE_LEADER_PER_TERM
from .rejoins import REJOINS
from .starts import STARTS

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
        FAILOVER_IN_INTERVAL,
        REJOINS,
        CONVERGES,
        BYSTANDERS_ALIVE,
    )
}
"""Every check there is, in the order in which they are shown."""
