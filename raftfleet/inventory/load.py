"""From what `-i` names (files, folders, `host1,host2,`) to an inventory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.inventory.assemble import Origin
from raftfleet.inventory.ini_file import add_ini, looks_like_ini
from raftfleet.inventory.model import LOCALHOST
from raftfleet.inventory.names import expand, split_port
from raftfleet.inventory.source import load_yaml, read_text
from raftfleet.inventory.tree import Tree
from raftfleet.inventory.varsfiles import VarsFolder
from raftfleet.inventory.yaml_file import add_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from raftfleet.inventory.model import Inventory

__all__ = ["load_inventory"]

_NOT_INVENTORIES: Final = re.compile(
    r"^\.|^(host|group)_vars$|~$|\.(pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry)$"
)


def load_inventory(paths: Sequence[Path], *, playbook_dir: Path | None = None) -> Inventory:
    """Read inventories and merge them; what a later one says of a variable wins.

    Each path is a file, a folder of files (read in name order), or a list of host names with a
    comma in it (`n1,n2,`). ``group_vars`` and ``host_vars`` beside each are read, and those beside
    the playbook when ``playbook_dir`` is given. Raises `UsageError` or `SourceError`.
    """
    tree = Tree()
    folders: dict[Path, None] = {}
    warnings = []
    for path in paths:
        if "," in str(path) and not path.exists():
            _add_names(tree, str(path))
            tree.credit(path)
            folders[Path.cwd()] = None
            continue
        files = list(_files(path))
        if not files:
            warnings.append(f"the folder {path} holds no inventory file")
        for file in files:
            _add_file(tree, file)
            tree.credit(file.absolute())
        folders[path if path.is_dir() else path.parent] = None
    tree.reconcile()
    beside = (VarsFolder(playbook_dir),) if playbook_dir is not None else ()
    warnings += _warnings(tree)
    return Origin(tree, tuple(map(VarsFolder, folders)), beside, tuple(warnings)).inventory()


def _warnings(tree: Tree) -> Iterator[str]:
    for name in tree.groups:
        if name in tree.hosts:
            yield f"{name!r} is the name of a group and of a host"
    local = [name for name in tree.hosts if name in LOCALHOST]
    if len(local) > 1:
        yield f"this machine is listed as {' and as '.join(local)}"
    if not tree.hosts:
        yield "the inventory names no host; only localhost can be acted on, and `all` is nobody"


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if not _NOT_INVENTORIES.search(entry.name):
                yield from _files(entry)
    elif path.exists():
        yield path
    else:
        raise UsageError(
            f"the inventory {path} does not exist",
            hint="name a file, a folder, or hosts with a comma after each: -i n1,n2,",
        )


def _add_file(tree: Tree, path: Path) -> None:
    text = read_text(path, str(path))
    start = Mark(str(path), 1, 1, text)
    if text.startswith("#!") and os.access(path, os.X_OK):
        raise SourceError(
            "inventories that are programs are not supported",
            start,
            hint=f"save what it yields: ansible-inventory -i {path} --list --yaml > hosts.yml",
        )
    if path.suffix == ".toml":
        raise SourceError(
            "inventories in TOML are not supported",
            start,
            hint=f"make YAML of it: ansible-inventory -i {path} --list --yaml > hosts.yml",
        )
    if path.suffix != ".json" and looks_like_ini(
        text, called_yaml=path.suffix in {".yml", ".yaml"}
    ):
        add_ini(tree, text, str(path))
    else:
        add_yaml(tree, load_yaml(text=text, file=str(path)), start)


def _add_names(tree: Tree, names: str) -> None:
    for written in filter(None, (name.strip() for name in names.split(","))):
        pattern, port = split_port(written)
        try:
            hosts = expand(pattern)
        except ValueError as error:
            raise UsageError(f"in the inventory {names!r}: {error}") from error
        for host in (one for one in hosts if one not in tree.hosts):
            tree.add_host("ungrouped", host, {}, port)
