"""`raftfleet down`: stop every node gracefully."""

from __future__ import annotations

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import Given, shared


@click.command("down")
@shared
@exporting
def command(given: Given, exporting: Exporting) -> int:
    """Stop every node gracefully, one after another, leaders last. Data and program stay."""
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    return run_plays(
        given.asked("down", exporting=exporting), [Step(shipped("playbooks", "stop.yml"))]
    )
