"""The modules that act on the cluster, together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raftfleet.modules.table import ModuleTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.cluster import Control

__all__ = ["raft_modules"]

_PLACES: Final[Mapping[str, str]] = {
    "raft_check": "raft_check:RaftCheck",
    "raft_config": "raft_config:RaftConfig",
    "raft_gather": "raft_gather:RaftGather",
    "raft_heal": "raft_heal:RaftHeal",
    "raft_install": "raft_install:RaftInstall",
    "raft_kill": "raft_kill:RaftKill",
    "raft_read_back": "raft_read_back:RaftReadBack",
    "raft_start": "raft_start:RaftStart",
    "raft_status": "raft_status:RaftStatus",
    "raft_stop": "raft_stop:RaftStop",
    "raft_unit": "raft_unit:RaftUnit",
    "raft_wait": "raft_wait:RaftWait",
    "raft_wipe": "raft_wipe:RaftWipe",
    "raft_write": "raft_write:RaftWrite",
}


def raft_modules(control: Callable[[], Control]) -> ModuleTable:
    """Return them by name; ``control`` is asked for when one of them runs."""
    return ModuleTable(_PLACES, control)
