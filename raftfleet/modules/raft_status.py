"""`raft_status`: every node's own view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftStatus"]


class RaftStatus(RaftModule):
    """Ask every node for its own view of every group, never a forwarded one.

    Arguments: none. Returns: what `raft` holds: nodes, groups, up, down, leader, leaders,
    terms, followers, leaders_last. Check mode: the same. Idempotence: never "changed".
    """

    name = "raft_status"

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Look."""
        del arguments
        return Result(values=self.control_as(context).look().variables())
