"""`raftfleet drill`: drills by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import shared
from raftfleet.cli.output import OUTPUT
from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from raftfleet.cli.options import Given
    from raftfleet.cli.output import Shown


def _show(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    """Print every drill and end; neither a name nor an inventory is asked for."""
    if not wanted or context.resilient_parsing:
        return
    from raftfleet.cli.catalogue import FULL, drills  # noqa: PLC0415

    known = {**drills(), FULL: "A B D E C F in this order, as one run."}
    width = max(map(len, known))
    for name, line in known.items():
        click.echo(f"{name:<{width}}  {line}")
    context.exit(0)


@click.command("drill")
@click.argument("names", nargs=-1, required=True, metavar="DRILL...")
@shared
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_show, help="List drills."
)
@click.option(
    "--rounds", type=click.IntRange(min=1), help="How many rounds, where a drill has any."
)
@click.option(
    "--clean",
    is_flag=True,
    help="First stop all nodes, EMPTY THEIR DATA DIRECTORIES and start them one by one.",
)
@click.option("--plan", is_flag=True, help="Only show each step: who, what, undo, worst case.")
@click.option("--rehearse", is_flag=True, help="The same, after a look at every host and node.")
@OUTPUT
@exporting
def command(
    given: Given,
    names: tuple[str, ...],
    rounds: int | None,
    output: Shown,
    *,
    clean: bool,
    plan: bool,
    rehearse: bool,
    exporting: Exporting,
) -> int:
    """Run drills in order against a running cluster; `--list` names them.

    A DRILL is that of a playbook which ships with raftfleet, the path of one of your own, or `full`:
    A B D E C F. A run that is killed cannot heal: what it had stopped stays down until
    `raftfleet heal`.
    """
    from raftfleet.cli.catalogue import steps_of  # noqa: PLC0415
    from raftfleet.cli.showing import run_plays  # noqa: PLC0415

    if clean and given.limit:
        raise UsageError("--clean begins the whole cluster anew, so it goes with no --limit")
    what = "+".join(Path(name).stem for name in names)
    steps = steps_of(names, rounds, clean=clean)
    if plan or rehearse:
        from raftfleet.cli.plan import show_plan  # noqa: PLC0415

        return show_plan(given.asked(what, keep=False), steps, rehearse=rehearse)
    return run_plays(given.asked(what, output=output, exporting=exporting), steps)
