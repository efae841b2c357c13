"""Copying a folder with all that is in it, from here or from another place of the host: `copy`."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files import modes
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.contents import HostFile
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.files.filter import EVERYTHING
from raftfleet.modules.files.folders import make_folders
from raftfleet.modules.files.links import make_link
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.files.safeguards import Safeguards
from raftfleet.modules.files.searching import checksums, walk
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from raftfleet.modules.files.remote_file import Remote

__all__ = ["Tree", "copy_tree", "tree_here", "tree_there"]

_NEW_FOLDER: Final = "0755"


@dataclass(frozen=True, slots=True)
class Tree:
    """What is to be copied: names relative to its root, the outermost folders first.

    ``modes`` holds the permission bits that "preserve" stands for.
    """

    name: str
    folders: tuple[str, ...]
    files: Mapping[str, Path | HostFile]
    links: Mapping[str, str]
    modes: Mapping[str, int]


def tree_here(source: Path, *, follow: bool) -> Tree:
    """Look through a folder of this machine; with ``follow`` links are what they lead to.

    A link to a folder that it lies in is left out, for it would never end.
    """
    found = list(_below(source, follow=follow, above=(source.resolve(),)))
    links = [path for path in found if path.is_symlink() and (not follow or not path.exists())]
    inside = sorted(set(found).difference(links))
    return Tree(
        source.name,
        tuple(str(path.relative_to(source)) for path in inside if path.is_dir()),
        {str(path.relative_to(source)): path for path in inside if path.is_file()},
        {str(path.relative_to(source)): str(path.readlink()) for path in sorted(links)},
        {str(path.relative_to(source)): path.stat().st_mode & 0o7777 for path in inside},
    )


def _below(folder: Path, *, follow: bool, above: tuple[Path, ...]) -> Iterator[Path]:
    for path in folder.iterdir():
        enter = path.is_dir() and (follow or not path.is_symlink())
        where = path.resolve() if enter else path
        if where in above:
            continue
        yield path
        if enter:
            yield from _below(path, follow=follow, above=(*above, where))


def tree_there(host: OnHost, path: str) -> Tree:
    """Look through a folder of the host."""
    seen = walk(host, path, EVERYTHING)
    if seen.skipped:
        where, why = next(iter(seen.skipped.items()))
        raise TaskError(f"cannot copy {path}: {where}: {why}")
    top = f"{path.rstrip('/')}/"
    found = {one.path.removeprefix(top): one for one in sorted(seen.found, key=_path)}
    regular = [one for one in found.values() if one.is_file]
    sums = checksums(host, regular, "sha1")
    if unread := next((one for one in regular if one.path not in sums), None):
        raise TaskError(f"cannot read {unread.path}")
    return Tree(
        posixpath.basename(path.rstrip("/")),
        tuple(name for name, one in found.items() if one.is_directory),
        {
            name: HostFile(one.path, sums[one.path]["checksum"], one.size)
            for name, one in found.items()
            if one.is_file
        },
        {name: _target(host, one.path) for name, one in found.items() if one.is_link},
        {name: one.mode & 0o7777 for name, one in found.items()},
    )


def _path(one: Remote) -> str:
    return one.path


def _target(host: OnHost, path: str) -> str:
    return host.ask(f"readlink -n -- {word(path)}", f"look at {path}").decode(
        "utf-8", "surrogateescape"
    )


def copy_tree(host: OnHost, tree: Tree, arguments: Mapping[str, Any]) -> Result:
    """Copy all that is in a tree; nothing on the host is removed."""
    root = host.path(arguments["dest"]).rstrip("/") or "/"
    if not arguments["src"].endswith("/"):
        root = f"{root.rstrip('/')}/{tree.name}"
    changed = _make_folder(host, root, arguments)
    for name in tree.folders:
        changed |= _make_folder(host, f"{root}/{name}", arguments)
    for name, content in tree.files.items():
        target = f"{root}/{name}"
        if host.context.check_mode and changed and look(host, target) is None:
            continue
        result = deliver(
            host,
            content,
            target,
            _attributes(arguments, tree.modes[name]),
            force=arguments["force"],
            follow=arguments["follow"],
            safeguards=Safeguards.of(arguments),
        )
        changed |= result.status is Status.CHANGED
    for name, leads_to in tree.links.items():
        target = f"{root}/{name}"
        changed |= make_link(host, target, look(host, target), leads_to, force=True)[0]
    dest = f"{arguments['dest'].rstrip('/')}/"
    values: dict[str, Any] = {"src": arguments["src"], "dest": dest, "files": len(tree.files)}
    if arguments["remote_src"] and (now := look(host, root, follow=True)) is not None:
        values |= {"dest": dest if arguments["src"].endswith("/") else root, **now.values()}
    return Result(Status.CHANGED if changed else Status.OK, values=values)


def _attributes(arguments: Mapping[str, Any], preserved: int) -> Attributes:
    wanted = Attributes.of(arguments)
    if wanted.mode != "preserve":
        return wanted
    return Attributes(modes.shown(preserved), wanted.owner, wanted.group)


def _make_folder(host: OnHost, folder: str, arguments: Mapping[str, Any]) -> bool:
    now = look(host, folder, follow=True)
    if now is not None and not now.is_directory:
        raise TaskError(f"{folder} exists and is no directory")
    if now is not None or host.context.check_mode:
        return now is None
    mode = arguments["directory_mode"] or _NEW_FOLDER
    make_folders(host, folder, Attributes(mode, arguments["owner"], arguments["group"]))
    return True
