"""`raft_write`: so many writes at once, beside those that a drill's writers send all the time."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.cluster import select
from raftfleet.errors import TaskError
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftWrite"]


class RaftWrite(RaftModule):
    """Write as fast as the cluster takes it, through several nodes in turn; every write is recorded.

    What is written is read back with everything else, and removed at the end of the drill.
    Arguments: ``count`` (how many, wanted), ``kind`` (``create``: keys made once; ``register``: a
    few keys set again and again; default: create where the system has it), ``node`` (through which nodes; default: all that
    are up), ``exceed_budget`` (write more while a node is away than the entry budget allows; default
    no: such a count is refused). Returns: acknowledged (how many). Check mode: nothing is written.
    """

    name = "raft_write"
    arguments = MappingProxyType(
        {
            "count": Argument("int", required=True),
            "kind": Argument(choices=("create", "register")),
            "node": Argument("raw"),
            "exceed_budget": Argument("bool", default=False),
        }
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Write; failed when nothing was acknowledged."""
        control, count = self.control_as(context), arguments["count"]
        if count < 1:
            raise TaskError(f"count wants at least 1, not {count}")
        view = control.view
        wanted = view.up if arguments["node"] is None else select(view, arguments["node"])
        if not wanted:
            raise TaskError("there is no node to write through")
        if context.check_mode:
            return Result(Status.CHANGED, values={"acknowledged": 0})
        traffic = control.traffic
        if traffic is not None and view.down and not arguments["exceed_budget"]:
            room = traffic.budget.room
            if room is not None and count > room:
                raise TaskError(
                    f"{count} writes while {', '.join(view.down)} is down would exceed the entry "
                    f"budget, of which {room} are left",
                    hint="start it first, or say exceed_budget: true to have the log purged",
                )
        context.progress(f"writing {count} times through {', '.join(wanted)}")
        kind = arguments["kind"] or min(control.system.writes)
        acknowledged = control.burst(kind, count, wanted)
        values = {"acknowledged": acknowledged}
        if not acknowledged:
            msg = f"none of {count} writes was acknowledged"
            return Result(Status.FAILED, msg=msg, values=values)
        return Result(Status.CHANGED, values=values)
