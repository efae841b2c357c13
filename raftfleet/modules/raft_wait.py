"""`raft_wait`: wait for the cluster, on a condition, until a deadline."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.cluster import select
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftWait"]


_CONDITIONS = ("agreement", "failover", "leader", "ready", "converged", "caught_up")


class RaftWait(RaftModule):
    """Wait until the cluster is as wanted; a deadline that passes is a sample, not a failure.

    Arguments: ``for`` (agreement: every live node names the same leader, term and voters in every
    group; failover: every group that ``node`` led when it was stopped has another leader in a
    higher term; leader: every group has a leader; ready: every node that was started is up;
    converged: every live node has applied what its leaders had at the start of the wait;
    caught_up: the same for ``node`` alone), ``node`` (for failover and caught_up), ``timeout``
    (seconds; default: from the system's timing).
    Returns: met (bool), last_seen (what stood in the way when the deadline passed).
    Check mode: does not wait. Idempotence: never "changed".
    """

    name = "raft_wait"
    arguments = MappingProxyType(
        {
            "for": Argument(required=True, choices=_CONDITIONS),
            "node": Argument("raw"),
            "timeout": Argument("float"),
        }
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Wait."""
        control, timeout = self.control_as(context), arguments["timeout"]
        if context.check_mode:
            return Result(values={"met": True, "last_seen": ""})
        nodes = select(control.view, arguments["node"] or [])
        missing: str | None
        match arguments["for"]:
            case "agreement":
                missing = control.await_agreement(timeout)
            case "failover":
                missing = "; ".join(
                    filter(None, (control.await_failover(n, timeout) for n in nodes))
                )
            case "leader":
                missing = control.await_leaders(timeout)
            case "ready":
                missing = control.await_ready(timeout)
            case "caught_up":
                missing = control.await_converged(timeout, nodes or None)
            case _:
                missing = control.await_converged(timeout)
        msg = f"not within its deadline: {missing}" if missing else ""
        return Result(msg=msg, values={"met": not missing, "last_seen": missing or ""})
