"""`raftfleet up`: deploy what changed and start what is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raftfleet.cli.options import extra_variables, shared

if TYPE_CHECKING:
    from pathlib import Path


@click.command("up")
@shared
def command(
    inventories: tuple[Path, ...],
    extra: tuple[str, ...],
    limit: str | None,
    forks: int,
    verbose: int,
    runs: Path,
) -> int:
    """Deploy what changed and start every node that is down, one at a time.

    This is also what brings back a node that a killed run had stopped.
    """
    from raftfleet.cli.session import Asked  # noqa: PLC0415
    from raftfleet.cli.showing import Play, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    asked = Asked(
        what="up",
        inventories=inventories,
        runs=runs,
        extra=extra_variables(extra),
        limit=limit,
        forks=forks,
        verbose=verbose,
    )
    return run_plays(asked, [Play(shipped("playbooks", "up.yml"))], installs=True)
