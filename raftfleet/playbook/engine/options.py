"""How a run was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftfleet.playbook.engine.tags import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says, beside playbook and inventory.

    ``defaults`` are keywords that hold unless a play says otherwise (become, remote_user, ...).
    ``providers`` give variables that are the same for every host of a task; each is asked at most
    once a task. ``task_deadline`` is seconds for a task without `timeout`.
    """

    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    limit: str | None = None
    tags: Selection = field(default_factory=Selection)
    start_at_task: str | None = None
    check: bool = False
    diff: bool = False
    force_handlers: bool = False
    forks: int = 20
    defaults: Mapping[str, Any] = field(default_factory=dict)
    providers: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    task_deadline: float = 3600.0
    verbosity: int = 0
    playbook_dir: Path = field(default_factory=Path.cwd)
    inventory_file: Path | None = None
