"""`raftfleet status`: every node's own view of every group."""

from __future__ import annotations

import click

from raftfleet.cli.options import Given, shared


@click.command("status")
@shared
def command(given: Given) -> int:
    """Ask every node for its own view of every group, never a forwarded one.

    Ends with 0 when every node is up and all agree, 2 when not, 4 when a host is unreachable.
    """
    from raftfleet.cli.showing import show_status  # noqa: PLC0415

    return show_status(given.asked("status", keep=False))
