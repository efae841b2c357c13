"""`raftfleet play`: run playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import Given, shared
from raftfleet.cli.output import OUTPUT
from raftfleet.cli.refused import refusals

if TYPE_CHECKING:
    from raftfleet.cli.output import Shown


@click.command("play")
@click.argument(
    "playbooks", nargs=-1, required=True, metavar="PLAYBOOK...", type=click.Path(path_type=Path)
)
@shared
@click.option("-t", "--tags", multiple=True, help="Only tasks with these tags. Repeatable.")
@click.option("--skip-tags", multiple=True, help="No tasks with these tags. Repeatable.")
@click.option("--start-at-task", help="Begin with the task of this name; may be a glob.")
@click.option("-C", "--check", is_flag=True, help="Change nothing; say what would change.")
@click.option("-D", "--diff", is_flag=True, help="Show how files differ.")
@click.option("-b", "--become", is_flag=True, help="Tasks become another user with sudo.")
@click.option("--become-user", help="Whom tasks become. [default: root]")
@click.option("--become-method", type=click.Choice(["sudo"]), hidden=True, expose_value=False)
@click.option("--force-handlers", is_flag=True, help="Run handlers on hosts that failed, too.")
@click.option("--flush-cache", is_flag=True, hidden=True, expose_value=False)
@click.option("--syntax-check", is_flag=True, help="Read and check the playbooks, run nothing.")
@click.option("--list-hosts", is_flag=True, help="Name the hosts of each play, run nothing.")
@click.option("--list-tasks", is_flag=True, help="Name the tasks of each play, run nothing.")
@click.option("--list-tags", is_flag=True, help="Name the tags of each play, run nothing.")
@refusals
@OUTPUT
@exporting
def command(
    given: Given,
    playbooks: tuple[Path, ...],
    tags: tuple[str, ...],
    skip_tags: tuple[str, ...],
    start_at_task: str | None,
    become_user: str | None,
    output: Shown,
    *,
    become: bool,
    check: bool,
    diff: bool,
    force_handlers: bool,
    syntax_check: bool,
    list_hosts: bool,
    list_tasks: bool,
    list_tags: bool,
    exporting: Exporting,
) -> int:
    """Run playbooks in order, as ansible-playbook would; plays with `drill:` are drills.

    A run that is killed cannot heal: what it had stopped stays down until `raftfleet up`.
    """
    if syntax_check:
        from raftfleet.cli.reading import syntax  # noqa: PLC0415

        syntax(playbooks)
        for playbook in playbooks:
            click.echo(f"playbook: {playbook}")
        return 0
    engine = {
        "tags": _split(tags),
        "skip_tags": _split(skip_tags),
        "start_at_task": start_at_task,
        "check": check,
        "diff": diff,
        "force_handlers": force_handlers,
        "become": become or None,
        "become_user": become_user,
    }
    what = "+".join(playbook.stem for playbook in playbooks)
    asked = given.asked(what, alone=True, playbook=engine, output=output, exporting=exporting)
    lists = {"hosts": list_hosts, "tasks": list_tasks, "tags": list_tags}
    if any(lists.values()):
        from raftfleet.cli.listing import show_listing  # noqa: PLC0415

        return show_listing(asked, playbooks, [name for name, wanted in lists.items() if wanted])
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415

    return run_plays(asked, [Step(playbook) for playbook in playbooks], remember=True)


def _split(given: tuple[str, ...]) -> list[str]:
    return [tag.strip() for text in given for tag in text.split(",") if tag.strip()]
