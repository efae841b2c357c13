"""Reading playbooks with all that raftfleet adds to them: its modules, `drill:`, shipped roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raftfleet.cli.offered import task_modules
from raftfleet.drill import DrillExtension
from raftfleet.errors import UsageError
from raftfleet.modules import INSTEAD
from raftfleet.playbook import load_playbook
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from raftfleet.cluster import Control
    from raftfleet.playbook import Playbook
    from raftfleet.playbook.extension import PlayExtension

__all__ = ["read_playbook", "syntax"]


def syntax(paths: Sequence[Path]) -> None:
    """Read and check playbooks without any inventory; raise `SourceError` for what is wrong."""

    def nobody() -> Control:
        raise UsageError("there is no cluster in a syntax check")

    for path in paths:
        read_playbook(path, nobody, {"drill": DrillExtension(nobody)})


def read_playbook(
    path: Path, control: Callable[[], Control], extensions: Mapping[str, PlayExtension]
) -> Playbook:
    """Read and check a playbook; say what is accepted in it and means nothing."""
    playbook = load_playbook(
        path,
        modules=task_modules(control),
        extensions=extensions,
        role_paths=[shipped("roles")],
        instead=INSTEAD,
    )
    for warning in playbook.warnings:
        click.echo(f"warning: {warning}", err=True)
    return playbook
