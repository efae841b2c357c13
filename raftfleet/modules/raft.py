"""The modules that act on the cluster, together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.modules.raft_check import RaftCheck
from raftfleet.modules.raft_config import RaftConfig
from raftfleet.modules.raft_gather import RaftGather
from raftfleet.modules.raft_heal import RaftHeal
from raftfleet.modules.raft_install import RaftInstall
from raftfleet.modules.raft_kill import RaftKill
from raftfleet.modules.raft_read_back import RaftReadBack
from raftfleet.modules.raft_start import RaftStart
from raftfleet.modules.raft_status import RaftStatus
from raftfleet.modules.raft_stop import RaftStop
from raftfleet.modules.raft_unit import RaftUnit
from raftfleet.modules.raft_wait import RaftWait
from raftfleet.modules.raft_wipe import RaftWipe
from raftfleet.modules.raft_write import RaftWrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.cluster import Control
    from raftfleet.modules.raft_base import RaftModule
    from raftfleet.playbook.module import Module

__all__ = ["raft_modules"]

_KINDS: tuple[type[RaftModule], ...] = (
    RaftCheck,
    RaftConfig,
    RaftGather,
    RaftHeal,
    RaftInstall,
    RaftKill,
    RaftReadBack,
    RaftStart,
    RaftStatus,
    RaftStop,
    RaftUnit,
    RaftWait,
    RaftWipe,
    RaftWrite,
)


def raft_modules(control: Callable[[], Control]) -> dict[str, Module]:
    """Return them by name; ``control`` is asked for when one of them runs."""
    return {kind.name: kind(control) for kind in _KINDS}
