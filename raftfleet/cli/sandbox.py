"""`raftfleet sandbox`: hosts made of namespaces on this machine."""

from __future__ import annotations

import os
import time

import click

NAME = click.option("--name", default="raftfleet", show_default=True, help="The sandbox's name.")


@click.group("sandbox")
def command() -> None:
    """Hosts made of namespaces on this machine, each with its own sshd and its own clocks.

    Root makes them on the machine; anybody else inside a user namespace, where the machine allows
    that. Several sandboxes live side by side under their own names.
    """


@command.command()
@click.option("-n", "--hosts", default=3, show_default=True, help="How many hosts.")
@click.option("--disk-mb", default=512, show_default=True, help="What each host can write, in MB.")
@click.option(
    "--init",
    type=click.Choice(["plain", "systemd"]),
    default="plain",
    show_default=True,
    help="The first process of each host; systemd needs root.",
)
@NAME
def up(hosts: int, disk_mb: int, init: str, name: str) -> None:
    """Make hosts n1, n2, ... and wait until each one's sshd answers."""
    from raftfleet import sandbox  # noqa: PLC0415

    began = time.monotonic()
    made = sandbox.up(name, hosts, disk_mb=disk_mb, init=sandbox.Init(init))
    for host in made.hosts:
        click.echo(f"{host.name}  {host.address}")
    click.echo(f"sandbox {name}: {hosts} hosts up in {time.monotonic() - began:.2f} s")


@command.command()
@NAME
def down(name: str) -> None:
    """Remove a sandbox completely, also what a killed command left of it."""
    from raftfleet import sandbox  # noqa: PLC0415

    click.echo(f"sandbox {name}: removed {sandbox.down(name)}")


@command.command(context_settings={"ignore_unknown_options": True})
@NAME
@click.argument("host")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[CMD]...")
def ssh(name: str, host: str, words: tuple[str, ...]) -> None:
    """Open a shell on a host, or run CMD there."""
    from raftfleet import sandbox  # noqa: PLC0415

    made = sandbox.load(name)
    argv = made.ssh_argv(host, words)
    sandbox.join([made.whereabouts])
    os.execvp(argv[0], argv)  # noqa: S606 - ssh takes over this terminal


@command.command()
@NAME
def inventory(name: str) -> None:
    """Print the inventory of a sandbox, for -i."""
    from raftfleet import sandbox  # noqa: PLC0415

    click.echo(sandbox.load(name).inventory(), nl=False)
