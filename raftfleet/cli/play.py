"""`raftfleet play`: run a playbook."""

from __future__ import annotations

from pathlib import Path

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import OUTPUT, Given, shared


@click.command("play")
@click.argument("playbook", type=click.Path(path_type=Path))
@shared
@click.option("-t", "--tags", multiple=True, help="Only tasks with these tags.")
@click.option("--skip-tags", multiple=True, help="No tasks with these tags.")
@click.option("--start-at-task", help="Begin with the task of this name.")
@click.option("-C", "--check", is_flag=True, help="Change nothing; say what would change.")
@click.option("-D", "--diff", is_flag=True, help="Show how files differ.")
@click.option("--syntax-check", is_flag=True, help="Read and check the playbook, run nothing.")
@OUTPUT
@exporting
def command(
    given: Given,
    playbook: Path,
    tags: tuple[str, ...],
    skip_tags: tuple[str, ...],
    start_at_task: str | None,
    output: str,
    *,
    check: bool,
    diff: bool,
    syntax_check: bool,
    exporting: Exporting,
) -> int:
    """Run a playbook, as ansible-playbook would; plays with `drill:` are drills.

    A run that is killed cannot heal: what it had stopped stays down until `raftfleet up`.
    """
    from raftfleet.cli.session import syntax  # noqa: PLC0415
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415

    if syntax_check:
        syntax([playbook])
        click.echo(f"playbook: {playbook}")
        return 0
    engine = {
        "tags": _split(tags),
        "skip_tags": _split(skip_tags),
        "start_at_task": start_at_task,
        "check": check,
        "diff": diff,
    }
    return run_plays(
        given.asked(playbook.stem, playbook=engine, output=output, exporting=exporting),
        [Step(playbook)],
    )


def _split(given: tuple[str, ...]) -> list[str]:
    return [tag.strip() for text in given for tag in text.split(",") if tag.strip()]
