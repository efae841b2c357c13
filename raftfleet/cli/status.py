"""`raftfleet status`: every node's own view of every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raftfleet.cli.options import extra_variables, shared

if TYPE_CHECKING:
    from pathlib import Path


@click.command("status")
@shared
def command(
    inventories: tuple[Path, ...],
    extra: tuple[str, ...],
    limit: str | None,
    forks: int,
    verbose: int,
    runs: Path,
) -> int:
    """Ask every node for its own view of every group, never a forwarded one.

    Ends with 0 when every node is up and all agree, 2 when not, 4 when a host is unreachable.
    """
    from raftfleet.cli.session import Asked  # noqa: PLC0415
    from raftfleet.cli.showing import show_status  # noqa: PLC0415

    asked = Asked(
        what="status",
        inventories=inventories,
        runs=runs,
        extra=extra_variables(extra),
        limit=limit,
        forks=forks,
        verbose=verbose,
        keep=False,
    )
    return show_status(asked)
