"""`raft_gather`: one node that leads every group."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.cluster import RaftView
    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftGather"]


class RaftGather(RaftModule):
    """Have one node lead every group: restart leaders until one leads them all.

    Who leads the fewest is restarted; when that has brought no node more groups, who leads the
    most. Where a group goes is the election's choice, and election timeouts may be drawn once in
    a process's life: a node that drew a long one never wins while only others are restarted.
    Three groups on three nodes take two or three restarts on average, more than 20 once in some
    thousand times. Some changes of membership go only through a node that leads all groups. Where that
    cannot be had the drill is given up: nothing more should be done, and its verdict is
    inconclusive.
    Arguments: ``tries`` (how many restarts at most, default 20; with 0 it only looks), ``signal``
    (default INT), ``grace`` (seconds, default 25). Returns: met (bool), node (who leads all),
    nodes (those restarted). Check mode: only looks. Idempotence: what is gathered stays.
    """

    name = "raft_gather"
    arguments = MappingProxyType(
        {
            "tries": Argument("int", default=20),
            "signal": Argument(default="INT", choices=("INT", "TERM", "KILL")),
            "grace": Argument("float", default=25.0),
        }
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Restart, look again, and give the drill up when one leader is not to be had."""
        restarted: list[str] = []
        self.control_as(context)
        tries = 0 if context.check_mode else arguments["tries"]
        choose: Callable[..., str] = min
        while (scattered := _scattered(self.control.look())) and len(restarted) < tries:
            counts = _counts(self.control.view)
            if not counts:
                break
            victim = choose(
                counts, key=lambda node: (counts[node], node == self.control.view.leader)
            )
            self.within_limit([victim])
            context.progress(f"{scattered}: restarting {victim}")
            self._restart(victim, arguments["signal"], arguments["grace"])
            restarted.append(victim)
            most = max(_counts(self.control.view).values(), default=0)
            better = most > max(counts.values())
            choose = min if better or choose is max else max
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

    def _restart(self, victim: str, signal: str, grace: float) -> None:
        """Stop a node until its groups have moved, and let it come back."""
        control = self.control
        if not control.stop(victim, signal, grace):
            raise TaskError(f"{victim} is still alive {grace:g} s after SIG{signal}")
        missing = control.await_failover(victim, None)
        control.start([victim], timeout=None)
        missing = missing or control.await_converged(None) or control.await_agreement(None)
        if missing:
            raise TaskError(f"{victim} was restarted: {missing}")


def _counts(view: RaftView) -> Counter[str]:
    """Return how many groups each leader leads."""
    return Counter(leader for leader in view.leaders.values() if leader)


def _scattered(view: RaftView) -> str:
    """Return who leads what, nothing when one node leads all."""
    if len(set(view.leaders.values())) == 1 and view.leader:
        return ""
    return ", ".join(f"{view.leaders[group] or 'nobody'} leads {group}" for group in view.groups)
