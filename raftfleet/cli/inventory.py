"""`raftfleet inventory`: what the inventory holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from raftfleet.cli.extra import extra_variables
from raftfleet.cli.options import EXTRA, INVENTORIES, need_inventory
from raftfleet.cli.refused import refusals
from raftfleet.errors import UsageError, nearest
from raftfleet.inventory import load_inventory
from raftfleet.inventory.printing import Printout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from raftfleet.inventory import Host, Inventory


@click.command("inventory")
@click.argument("group", required=False)
@INVENTORIES
@click.option("--list", "listed", is_flag=True, help="Print all hosts, groups and variables.")
@click.option("--graph", is_flag=True, help="Draw the tree below GROUP, or below all.")
@click.option("--host", "name", metavar="HOST", help="Print the variables of one host.")
@click.option("--vars", "with_vars", is_flag=True, help="With --graph: variables too.")
@click.option("-y", "--yaml", "as_yaml", is_flag=True, help="Print YAML and not JSON.")
@click.option("--export", is_flag=True, help="Let variables stand where they were written.")
@click.option("--output", type=click.Path(path_type=Path), help="Write into this file.")
@click.option("-l", "--limit", help="With --list: these hosts only.")
@EXTRA
@click.option(
    "--playbook-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where playbooks stand, for the group_vars and host_vars there. [default: here]",
)
@click.option("--flush-cache", is_flag=True, hidden=True, expose_value=False)
@refusals
def command(
    group: str | None,
    inventories: tuple[Path, ...],
    name: str | None,
    output: Path | None,
    limit: str | None,
    extra: tuple[str, ...],
    playbook_dir: Path,
    *,
    listed: bool,
    graph: bool,
    with_vars: bool,
    as_yaml: bool,
    export: bool,
) -> int:
    """Print what the inventory holds, as ansible-inventory would; no host is asked.

    Templates are shown as they were written. A program that calls this with --list is an inventory
    for Ansible.
    """
    if sum((listed, graph, name is not None)) != 1:
        raise UsageError("say one of --list, --graph and --host NAME")
    need_inventory(inventories)
    inventory = load_inventory(inventories, playbook_dir=playbook_dir)
    for warning in inventory.warnings:
        click.echo(f"warning: {warning}", err=True)
    hosts = _limited(inventory, limit) if listed else inventory.hosts
    printout = Printout(inventory, hosts, extra_variables(extra), export=export)
    if graph:
        root = _group(inventory, group or "all")
        text = _graph(printout.drawn(root, with_variables=with_vars))
    elif name is not None:
        text = _document(printout.variables(_host(inventory, name)), as_yaml)
    else:
        text = _document(printout.tree() if as_yaml else printout.groups(), as_yaml)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    return 0


def _group(inventory: Inventory, name: str) -> str:
    if name in inventory.groups:
        return name
    raise UsageError(f"there is no group {name!r}", hint=_hint(name, inventory.groups))


def _host(inventory: Inventory, name: str) -> Host:
    host = inventory.host(name)
    if host is None:
        raise UsageError(f"there is no host {name!r}", hint=_hint(name, inventory.hosts))
    return host


def _hint(word: str, known: Iterable[str]) -> str | None:
    close = nearest(word, known)
    return f"did you mean {close}?" if close else None


def _limited(inventory: Inventory, limit: str | None) -> set[str]:
    inventory.check_limit(limit)
    return {host.name for host in inventory.select("all", limit)}


def _graph(lines: Iterator[str]) -> str:
    from raftfleet.report.text import plain  # noqa: PLC0415

    return "".join(f"{plain(line)}\n" for line in lines)


def _document(content: dict[str, Any], as_yaml: bool) -> str:  # noqa: FBT001
    if as_yaml:
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return str(yaml.dump(content, Dumper=dumper, default_flow_style=False, allow_unicode=True))
    return json.dumps(content, indent=4, sort_keys=True) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
