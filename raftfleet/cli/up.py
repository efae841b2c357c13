"""`raftfleet up`: deploy what changed and start what is down."""

from __future__ import annotations

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import Given, shared
from raftfleet.cli.output import OUTPUT, Shown


@click.command("up")
@shared
@OUTPUT
@exporting
def command(given: Given, output: Shown, exporting: Exporting) -> int:
    """Deploy what changed and start every node that is down, one at a time.

    This is also what brings back a node that a killed run had stopped.
    """
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    plays = [Step(shipped("playbooks", "up.yml"))]
    asked = given.asked("up", output=output, exporting=exporting)
    return run_plays(asked, plays, installs=True)
