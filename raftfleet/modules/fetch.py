"""`fetch`: a file of the host, brought here."""

from __future__ import annotations

import hashlib
import posixpath
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Fetch"]


class Fetch(GenericModule):
    """Bring a file from the host to this machine.

    Arguments: ``src`` (path, required), ``dest`` (path here, required, relative to the playbook:
    the file goes to ``dest``/HOST/``src``), ``flat`` (bool: ``dest`` is the file, or its folder
    when it ends with a slash), ``fail_on_missing`` (bool, true).
    Returns: dest, checksum (SHA-1), remote_checksum; file, when nothing was brought.
    Names with ``..`` are refused, and so are links here that lead out of ``dest``.
    Check mode: predicts. Diff: none. Idempotence: full, by digest. The file appears whole.
    """

    name = "fetch"
    arguments = arguments(
        src=Argument("path", required=True),
        dest=Argument("path", required=True),
        flat=Argument("bool", default=False),
        fail_on_missing=Argument("bool", default=True),
        validate_checksum=Argument("bool", default=True),
    )
    idle = frozenset({"validate_checksum"})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Fetch it unless the same is here already."""
        host = OnHost(context)
        source = host.path(arguments["src"])
        target = _target(arguments, source, context)
        there = look(host, source, follow=True, checksum="sha1")
        if there is None or not there.is_file:
            reason = f"{source} does not exist" if there is None else f"{source} is no file"
            if there is None and context.check_mode:  # a task before may be what would make it
                return Result(Status.SKIPPED, reason, {"file": source})
            if arguments["fail_on_missing"]:
                raise TaskError(reason, hint="fail_on_missing: false goes on without it")
            return Result(msg=f"{reason}, ignored", values={"file": source})
        if there.checksum is None:
            raise TaskError(f"{source} cannot be read", hint="become: true reads it as root")
        values = {"dest": str(target), "remote_checksum": there.checksum}
        if _digest(target) == there.checksum:
            return Result(Status.OK, values=values | {"checksum": there.checksum, "file": source})
        if not context.check_mode:
            _bring(host, source, target)
            values["checksum"] = _digest(target) or ""
        return Result(Status.CHANGED, values=values)


def _target(arguments: Mapping[str, Any], source: str, context: ModuleContext) -> Path:
    """Return where the file goes; `TaskError` for a name that would lead elsewhere."""
    home = Path(str(context.variables.get("playbook_dir", ".")))
    dest = home / Path(arguments["dest"]).expanduser()
    if arguments["flat"]:
        folder = arguments["dest"].endswith("/") or dest.is_dir()
        return dest / posixpath.basename(source) if folder else dest
    name = str(context.variables.get("inventory_hostname", context.host.name))
    parts = [name, *PurePosixPath(source).relative_to("/" if source.startswith("/") else "").parts]
    if ".." in parts or "/" in name or name in {".", ""}:
        raise TaskError(
            f"{name}: {source} leads out of {dest}", hint="name the file without '..', or use flat"
        )
    target = dest.joinpath(*parts)
    if not target.parent.resolve().is_relative_to(dest.resolve()):
        raise TaskError(f"a link below {dest} leads out of it, on the way to {target}")
    return target


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha1").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error


def _bring(host: OnHost, source: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TaskError(f"cannot write {target}: {error.strerror}") from error
    where, become = PurePosixPath(source), host.context.become
    host.transport.get(where, target, timeout=host.left, become=become)
