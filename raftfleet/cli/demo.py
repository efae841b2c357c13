"""`raftfleet demo`: from nothing to a judged drill."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from raftfleet.cli.exporting import Exporting, exporting
from raftfleet.cli.options import RUNS
from raftfleet.cli.output import OUTPUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.cli.output import Shown
    from raftfleet.sandbox import Sandbox


@click.command("demo")
@click.option(
    "--era",
    type=click.Choice(["fast", "seed", "head"]),
    default="fast",
    show_default=True,
    help="Election timing: fast (for a quick look), seed (1.5-3 s), head (10-20 s).",
)
@click.option(
    "--full",
    is_flag=True,
    help="The whole set instead, in its order A B D E C F, with ten rounds of E and F.",
)
@click.option("--keep", is_flag=True, help="Leave the hosts up and the cluster running.")
@click.option("--name", default="demo", show_default=True, help="The sandbox's name.")
@click.option("-v", "--verbose", count=True, help="Results; -vv: places; -vvv: commands.")
@RUNS
@OUTPUT
@exporting
def command(
    era: str,
    name: str,
    verbose: int,
    runs: Path,
    output: Shown,
    *,
    full: bool,
    keep: bool,
    exporting: Exporting,
) -> int:
    """Make three hosts, deploy a cluster over SSH, drill it, judge it, and take all away again.

    The drills: stop a follower, stop the leader, let a node rejoin, restart every node in turn,
    compare all stores after more restarts (two rounds), shut all down. All the while writers write
    through every node, and what they wrote is read back.
    """
    from raftfleet.cli.asked import PROJECT, Asked  # noqa: PLC0415
    from raftfleet.cli.catalogue import full_run, playbook_of  # noqa: PLC0415
    from raftfleet.cli.showing import Step, run_plays  # noqa: PLC0415
    from raftfleet.shipped import shipped  # noqa: PLC0415

    playbooks = shipped("playbooks")
    drills = [
        Step(playbook_of("a-remove"), {"victim": "follower"}),
        Step(playbook_of("a-remove"), {"victim": "leader"}),
        Step(playbook_of("b-rejoin")),
        Step(playbook_of("d-rolling")),
        Step(playbook_of("f-state-machine"), {"rounds": 2}),
        Step(playbook_of("c-shutdown")),
    ]
    plays = [
        Step(playbooks / "up.yml"),
        *(full_run() if full else drills),
        *([Step(playbooks / "start.yml")] if keep else []),
    ]
    with _hosts(name, keep=keep) as sandbox:
        inventory = _inventory(sandbox, era, PROJECT / f"{name}.yml")
        asked = Asked(
            what="demo",
            inventories=[inventory],
            runs=runs,
            verbose=verbose,
            output=output,
            exporting=exporting,
        )
        code = run_plays(asked, plays, installs=True)
        if keep:
            click.echo(_kept(inventory, name, up=code == 0))
        return code


@contextmanager
def _hosts(name: str, *, keep: bool) -> Iterator[Sandbox]:
    from raftfleet import sandbox  # noqa: PLC0415

    made = sandbox.up(name)
    for host in made.hosts:
        click.echo(f"host {host.name}  {host.address}  sshd answers")
    try:
        yield made
    finally:
        if not keep:
            sandbox.down(name)


def _inventory(sandbox: Sandbox, era: str, path: Path) -> Path:
    """Write the sandbox's inventory with the simulator as the program of every node."""
    more = f"    robustmq_binary: simulator\n    robustmq_era: {era}\n    raft_cluster: {sandbox.name}\n"
    text = sandbox.inventory().replace("  children:\n", f"{more}  children:\n", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _kept(inventory: Path, name: str, *, up: bool) -> str:
    state = "and the cluster is running" if up else "as the drills left them"
    return (
        f"\nThe hosts are up, {state}. Go on by hand:\n"
        f"  raftfleet status -i {inventory}\n"
        f"  raftfleet drill a-remove -i {inventory} -e victim=leader\n"
        f"  raftfleet down -i {inventory}\n"
        f"  raftfleet sandbox down --name {name}"
    )
