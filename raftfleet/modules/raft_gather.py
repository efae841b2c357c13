"""`raft_gather`: one node that leads every group."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.cluster import RaftView
    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftGather"]


class RaftGather(RaftModule):
    """Have one node lead every group: restart who leads the fewest, until one leads them all.

    Where a group goes is the election's choice, so this takes several tries when it has to do
    anything. Some changes of membership go only through a node that leads all groups. Where that
    cannot be had the drill is given up: nothing more should be done, and its verdict is
    inconclusive.
    Arguments: ``tries`` (how many restarts at most, default 12; with 0 it only looks), ``signal``
    (default INT), ``grace`` (seconds, default 25). Returns: met (bool), node (who leads all),
    nodes (those restarted). Check mode: only looks. Idempotence: what is gathered stays.
    """

    name = "raft_gather"
    arguments = MappingProxyType(
        {
            "tries": Argument("int", default=12),
            "signal": Argument(default="INT", choices=("INT", "TERM", "KILL")),
            "grace": Argument("float", default=25.0),
        }
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Restart, look again, and give the drill up when one leader is not to be had."""
        restarted: list[str] = []
        tries = 0 if context.check_mode else arguments["tries"]
        while (scattered := _scattered(self.control.look())) and len(restarted) < tries:
            context.progress(f"{scattered}: restarting who leads the fewest")
            restarted.append(self._restart(arguments["signal"], arguments["grace"]))
        if scattered and not context.check_mode:
            self.control.give_up(f"no node leads every group: {scattered}")
        return Result(
            Status.CHANGED if restarted else Status.OK,
            msg=f"no node leads every group: {scattered}" if scattered else "",
            values={
                "met": not scattered,
                "node": "" if scattered else self.control.view.leader,
                "nodes": restarted,
            },
        )

    def _restart(self, signal: str, grace: float) -> str:
        """Stop a node until its groups have moved, and let it come back; return which it was."""
        control = self.control
        view = control.view
        counts = Counter(leader for leader in view.leaders.values() if leader)
        victim = min(counts, key=lambda node: (counts[node], node == view.leader))
        if not control.stop(victim, signal, grace):
            raise TaskError(f"{victim} is still alive {grace:g} s after SIG{signal}")
        missing = control.await_failover(victim, None)
        control.start([victim], timeout=None)
        missing = missing or control.await_converged(None) or control.await_agreement(None)
        if missing:
            raise TaskError(f"{victim} was restarted: {missing}")
        return victim


def _scattered(view: RaftView) -> str:
    """Return who leads what, nothing when one node leads all."""
    if len(set(view.leaders.values())) == 1 and view.leader:
        return ""
    return ", ".join(f"{view.leaders[group] or 'nobody'} leads {group}" for group in view.groups)
