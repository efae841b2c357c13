"""`raftfleet down`: stop every node gracefully."""

from __future__ import annotations

import click

from raftfleet.cli.options import Given, shared
from raftfleet.cli.output import OUTPUT, Shown


@click.command("down")
@shared
@OUTPUT
def command(given: Given, output: Shown) -> int:
    """Stop every node gracefully, one after another, leaders last. Data and program stay."""
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    asked = given.asked("down", output=output)
    return run_plays(asked, [Step(shipped("playbooks", "stop.yml"))])
