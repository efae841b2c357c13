"""`raftfleet down`: stop every node gracefully."""

from __future__ import annotations

import click

from raftfleet.cli.options import Given, shared


@click.command("down")
@shared
def command(given: Given) -> int:
    """Stop every node gracefully, one after another, leaders last. Data and program stay."""
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    return run_plays(given.asked("down"), [Step(shipped("playbooks", "stop.yml"))])
