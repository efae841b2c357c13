"""`raftfleet ping`: can every host be reached, how fast is it, and what is odd about it."""

from __future__ import annotations

import click

from raftfleet.cli.options import Given, shared


@click.command("ping")
@click.argument("pattern", default="all")
@shared
@click.option("--output", type=click.Choice(["text", "jsonl"]), default="text", help="Format.")
def command(given: Given, pattern: str, output: str) -> int:
    """Connect to every host, run a few trivial commands and say what was found.

    Shown are the seconds to connect, to run a command, what the login shell costs and prints by
    itself, whether `become` works, clocks, and what is missing. Changes nothing and keeps nothing.
    Ends with 0 when every host answers, 4 when one does not.
    """
    from raftfleet.cli.pinging import ping  # noqa: PLC0415 - not for --help

    return ping(given.asked("ping", keep=False), pattern, as_json=output == "jsonl")
