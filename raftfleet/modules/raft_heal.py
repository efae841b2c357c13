"""`raft_heal`: what this run did to the cluster, undone."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftHeal"]


class RaftHeal(RaftModule):
    """Start every node that this run stopped, and remove everything that it wrote.

    A drill does this at its end by itself.
    Arguments: ``keep_data`` (leave what was written; default no). Returns: nodes (those started),
    left (how many keys could not be removed). Check mode: nothing is done.
    """

    name = "raft_heal"
    arguments = MappingProxyType({"keep_data": Argument("bool", default=False)})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Heal."""
        control = self.control_as(context)
        if context.check_mode:
            return Result(values={"nodes": [], "left": 0})
        nodes, left = control.heal(keep_data=arguments["keep_data"])
        status = Status.CHANGED if nodes else Status.OK
        return Result(status, values={"nodes": list(nodes), "left": left})
