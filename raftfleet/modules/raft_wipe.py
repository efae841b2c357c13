"""`raft_wipe`: empty a stopped node's data directories."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.cluster import select
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftWipe"]


class RaftWipe(RaftModule):
    """Remove what a node has stored, but only below directories that carry our marker.

    A node that runs is refused. Wiping every node begins a new generation of the cluster.
    Arguments: ``node`` (whose data, wanted). Returns: nodes. Check mode: nothing is removed.
    Idempotence: "changed" when a directory held anything.
    """

    name = "raft_wipe"
    arguments = MappingProxyType({"node": Argument("raw", required=True)})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Wipe each in turn."""
        control = self.control_as(context)
        wanted = self.within_limit(select(control.look(), arguments["node"]))
        changed = bool(wanted) if context.check_mode else control.wipe(wanted)
        return Result(Status.CHANGED if changed else Status.OK, values={"nodes": wanted})
