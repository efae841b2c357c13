"""`raftfleet heal`: undo what a dead run left behind."""

from __future__ import annotations

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import Given, shared


@click.command("heal")
@shared
@exporting
def command(given: Given, exporting: Exporting) -> int:
    """Start again what a run stopped that died before it could, release its lock, and say so.

    Keys that it wrote are removed when its run folder is here (--runs).

    A lock whose holder lives is not touched. What was stopped to stay down, by `raftfleet down` or
    a drill that leaves the cluster down, stays down. With nothing to do nothing is done.

    Ends with 0 when nothing is left, 2 when another run is alive or a node does not come up, 4
    when a host is unreachable.
    """
    from raftfleet.cli.showing import heal  # noqa: PLC0415

    return heal(given.asked("heal", exporting=exporting))
