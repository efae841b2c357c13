"""`raft_stop`: a signal, and the exit measured on the host."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.cluster import select
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftStop"]


class RaftStop(RaftModule):
    """Signal nodes one after another and wait until each is gone, leaders last.

    In a drill the quorum guard stands in front: what stays must be a majority of every voter set
    of every group. A node that is still alive when its grace is over is a finding, not a failure.
    Arguments: ``node`` (whom to stop, wanted), ``signal`` (default INT), ``grace`` (seconds,
    default 25).
    Returns: node (the first), nodes, groups (those the first one led), exited (bool: all gone).
    Check mode: "changed" when something would be stopped. Idempotence: what is down stays down.
    """

    name = "raft_stop"
    arguments = MappingProxyType(
        {
            "node": Argument("raw", required=True),
            "signal": Argument(default="INT", choices=("INT", "TERM", "KILL")),
            "grace": Argument("float", default=25.0),
        }
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Stop each in turn."""
        control = self.control_as(context)
        view = control.look()
        chosen = set(select(view, arguments["node"]))
        up = (node for node in view.leaders_last if node in chosen and node in view.up)
        wanted = self.within_limit(up)
        led = list(view.led_by(wanted[0])) if wanted else []
        exited = True
        for node in wanted if not context.check_mode else ():
            context.progress(f"stopping {node}")
            exited &= control.stop(node, arguments["signal"], arguments["grace"])
        values = {
            "node": wanted[0] if wanted else "",
            "nodes": wanted,
            "groups": led,
            "exited": exited,
        }
        return Result(Status.CHANGED if wanted else Status.OK, values=values)
