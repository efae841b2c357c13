"""Reading playbooks with all that raftfleet adds to them: its modules, `drill:`, shipped roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raftfleet.cli.offered import task_modules
from raftfleet.drill import DrillExtension
from raftfleet.errors import UsageError
from raftfleet.modules import INSTEAD
from raftfleet.playbook import load_playbook
from raftfleet.playbook.syntax.faults import Faults
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from raftfleet.cluster import Control
    from raftfleet.playbook import Playbook
    from raftfleet.playbook.extension import PlayExtension

__all__ = ["read_playbook", "read_playbooks", "syntax"]


def syntax(paths: Sequence[Path]) -> None:
    """Read and check playbooks without any inventory; raise `SourceError` for what is wrong."""

    def nobody() -> Control:
        raise UsageError("there is no cluster in a syntax check")

    read_playbooks(paths, nobody, {"drill": DrillExtension(nobody)})


def read_playbooks(
    paths: Sequence[Path],
    control: Callable[[], Control],
    extensions: Mapping[str, PlayExtension],
) -> list[Playbook]:
    """Read and check playbooks; what is wrong in any of them is raised together."""
    faults = Faults()
    playbooks: list[Playbook] = []
    for path in paths:
        with faults.going_on():
            playbooks.append(read_playbook(path, control, extensions))
    faults.tell()
    return playbooks


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
