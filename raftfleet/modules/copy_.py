"""`copy`: make a file or folder on the host have given content."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules import modes
from raftfleet.modules.base import ATTRIBUTES, GenericModule, arguments, exactly_one
from raftfleet.modules.delivery import deliver
from raftfleet.modules.on_host import OnHost, word
from raftfleet.modules.remote_file import Attributes, look, settle
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Copy"]

_NEW_FOLDER: Final = "0755"


class Copy(GenericModule):
    """Make a file or folder on the host have given content.

    Arguments: ``src`` (path of a file or folder here, looked up in ``files``; with a slash at the
    end a folder's content) or ``content`` (text; a mapping or list becomes JSON), ``dest`` (path,
    required; a folder, or one to be made when it ends with a slash, takes the file under its own
    name), ``mode`` (also "preserve"), ``directory_mode`` (for new folders), ``owner``, ``group``,
    ``force`` (bool, true: replace what differs).
    Returns: dest, checksum (SHA-1), state, mode, owner, group, uid, gid, size; src. For a folder:
    dest, src, and ``files`` (number).
    Check mode: predicts. Diff: the text before and after. Idempotence: full, by digest; what is
    there already is not sent. A file appears whole or not at all.
    """

    name = "copy"
    arguments = arguments(
        src=Argument("path"),
        content=Argument("raw"),
        dest=Argument("path", required=True),
        force=Argument("bool", default=True),
        directory_mode=Argument("mode"),
        **ATTRIBUTES,
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Copy it."""
        host = OnHost(context)
        dest, force = arguments["dest"], arguments["force"]
        if exactly_one(arguments, "src", "content") == "content":
            content = _bytes(arguments["content"])
            return deliver(host, content, dest, Attributes.of(arguments), force=force)
        source = context.find("files", arguments["src"])
        if source.is_dir():
            return _copy_folder(host, source, arguments)
        wanted = _attributes(arguments, source)
        result = deliver(host, source, dest, wanted, name=source.name, force=force)
        return Result(result.status, values={**result.values, "src": str(source)}, diff=result.diff)


def _bytes(content: Any) -> bytes:
    if isinstance(content, (dict, list)):
        return json.dumps(content).encode()
    return str(content).encode("utf-8", "surrogateescape")


def _attributes(arguments: Mapping[str, Any], source: Path) -> Attributes:
    wanted = Attributes.of(arguments)
    if wanted.mode != "preserve":
        return wanted
    return Attributes(modes.shown(stat.S_IMODE(source.stat().st_mode)), wanted.owner, wanted.group)


def _copy_folder(host: OnHost, source: Path, arguments: Mapping[str, Any]) -> Result:
    """Copy all files below a folder; links are followed, and nothing on the host is removed."""
    root = host.path(arguments["dest"]).rstrip("/") or "/"
    if not arguments["src"].endswith("/"):
        root = f"{root.rstrip('/')}/{source.name}"
    below = sorted(path for path in source.rglob("*"))
    folders = [root, *(f"{root}/{p.relative_to(source)}" for p in below if p.is_dir())]
    changed = False
    for folder in folders:
        changed |= _make_folder(host, folder, arguments)
    files = [path for path in below if path.is_file()]
    for path in files:
        target = f"{root}/{path.relative_to(source)}"
        if host.context.check_mode and changed and look(host, target) is None:
            continue
        wanted = _attributes(arguments, path)
        result = deliver(host, path, target, wanted, force=arguments["force"])
        changed |= result.status is Status.CHANGED
    values = {"dest": root, "src": str(source), "files": len(files)}
    return Result(Status.CHANGED if changed else Status.OK, values=values)


def _make_folder(host: OnHost, folder: str, arguments: Mapping[str, Any]) -> bool:
    now = look(host, folder, follow=True)
    if now is not None and not now.is_directory:
        raise TaskError(f"{folder} exists and is no directory")
    if now is not None or host.context.check_mode:
        return now is None
    host.ask(f"mkdir -p -- {word(folder)}", f"create {folder}")
    made = look(host, folder)
    mode = arguments["directory_mode"] or _NEW_FOLDER
    if made is not None:
        settle(host, made, Attributes(mode, arguments["owner"], arguments["group"]))
    return True
