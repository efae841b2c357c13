"""`raftfleet down`: stop every node gracefully."""

from __future__ import annotations

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import Given, shared
from raftfleet.cli.output import OUTPUT, Shown


@click.command("down")
@shared
@OUTPUT
@exporting
def command(given: Given, output: Shown, exporting: Exporting) -> int:
    """Stop every node gracefully, one after another, leaders last. Data and program stay."""
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    asked = given.asked("down", output=output, exporting=exporting)
    return run_plays(asked, [Step(shipped("playbooks", "stop.yml"))])
