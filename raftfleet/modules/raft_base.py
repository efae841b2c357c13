"""What the modules that act on the cluster have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.modules.base import GenericModule

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.cluster import Control

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
