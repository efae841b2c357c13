"""What a command line asked for, as the commands hand it on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftfleet.cli.exporting import Exporting
from raftfleet.cli.output import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PROJECT", "Asked"]

PROJECT = Path(".raftfleet")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asked for.

    ``playbook`` holds further options of the engine (tags, skip_tags, start_at_task, check, diff),
    become and become_user; ``output`` says how what happens is shown. ``reach`` holds connection variables that
    count where neither the inventory nor a play says otherwise. ``keep`` says whether a run folder
    stays: never for a command that only looks, and where nothing is said, when the inventory holds
    a cluster.
    """

    what: str
    inventories: Sequence[Path]
    runs: Path
    extra: Mapping[str, Any] = field(default_factory=dict)
    limit: str | None = None
    forks: int = 20
    verbose: int = 0
    playbook: Mapping[str, Any] = field(default_factory=dict)
    output: Shown = field(default_factory=Shown)
    reach: Mapping[str, Any] = field(default_factory=dict)
    keep: bool | None = None
    exporting: Exporting = field(default_factory=Exporting)
