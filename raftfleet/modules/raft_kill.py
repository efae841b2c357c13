"""`raft_kill`: SIGKILL, and the exit measured on the host."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.modules.raft_stop import RaftStop
from raftfleet.playbook.module import Argument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext, Result

__all__ = ["RaftKill"]


class RaftKill(RaftStop):
    """Kill nodes one after another, leaders last, as a crash would; see `raft_stop`.

    Arguments: ``node`` (whom, wanted), ``grace`` (seconds until the process must be gone, default
    10). Returns: node (the first), nodes, groups (those the first one led), exited (bool).
    Check mode: "changed" when something would be killed. Idempotence: what is down stays down.
    """

    name = "raft_kill"
    arguments = MappingProxyType(
        {"node": Argument("raw", required=True), "grace": Argument("float", default=10.0)}
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Kill each in turn."""
        return super().run({**arguments, "signal": "KILL"}, context)
