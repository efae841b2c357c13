"""What the modules that act on the cluster have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from raftfleet.cluster import Control
    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftModule"]


class RaftModule(GenericModule):
    """A module that acts on the cluster of the run; it runs once per task unless it says otherwise.

    ``control`` is asked for when the module runs, so that a playbook can be loaded without a cluster.
    """

    once = True

    def __init__(self, control: Callable[[], Control]) -> None:
        self._control = control

    @property
    def control(self) -> Control:
        """The controls of this run's cluster; `UsageError` when the inventory has none."""
        return self._control()

    def control_as(self, context: ModuleContext) -> Control:
        """Return the controls for a task, which acts and looks as whoever its nodes belong to.

        Who that is holds for every command, those that know no playbook (`heal`, `down`) and the
        lock among them, so the inventory says it. Raises `TaskError` when the task or its play
        would become somebody else: every module begins with this, in check mode too.
        """
        control = self.control
        wanted = context.become
        found = control.belonging_to_others(wanted) if wanted is not None else {}
        for node, user in found.items():
            more = "" if wanted == "root" else f", ansible_become_user: {wanted}"
            raise TaskError(
                f"{self.name}: become makes {wanted} of this task, and the node {node} is {user}'s",
                hint="say it in the inventory, where every command sees it: "
                f"ansible_become: true{more}",
            )
        return control

    def within_limit(self, nodes: Iterable[str]) -> list[str]:
        """Return the nodes that are about to be changed; `TaskError` when `--limit` spares any."""
        wanted, limit = list(nodes), self.control.limit
        if limit is not None and (spared := [node for node in wanted if node not in limit]):
            raise TaskError(
                f"{self.name}: {', '.join(spared)} would be changed, outside of --limit",
                hint=f"choose among {', '.join(limit)}, or leave out --limit",
            )
        return wanted
