"""The task modules that playbooks are offered: those that ship, and the project's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.cli.settings import project_settings
from raftfleet.modules import generic_modules
from raftfleet.modules.own import own_modules
from raftfleet.modules.raft import raft_modules
from raftfleet.playbook.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.cluster import Control
    from raftfleet.playbook import Module

__all__ = ["foreign_modules", "task_modules"]


def task_modules(control: Callable[[], Control]) -> Mapping[str, Module]:
    """Return all modules by name; raise `UsageError` for one of the project's that is wrong."""
    return together(foreign_modules(), raft_modules(control), generic_modules())


def foreign_modules() -> dict[str, Module]:
    """Return the modules that do not ship with raftfleet."""

    def nobody() -> Control:
        raise RuntimeError("these are asked for their names only")

    shipped = {*generic_modules(), *raft_modules(nobody)}
    return own_modules(project_settings(Path()).modules, shipped)
