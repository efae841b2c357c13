"""`tempfile`: a new file or folder under a name nobody else has."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Tempfile"]


class Tempfile(GenericModule):
    """Make an empty file or folder that only the task's user may enter.

    Arguments: ``state`` (file, directory; file), ``path`` (folder; ``/tmp``), ``prefix``
    (text, "ansible."), ``suffix`` (text).
    Returns: path, state, mode, owner, group, uid, gid, size.
    Check mode: makes nothing, returns no path. Diff: none. Idempotence: none, always "changed".
    Nobody removes it but you.
    """

    name = "tempfile"
    arguments = arguments(
        state=Argument(choices=("file", "directory"), default="file"),
        path=Argument("path", default="/tmp"),  # noqa: S108 - the host's own, made by mktemp
        prefix=Argument(default="ansible."),
        suffix=Argument(default=""),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Make it."""
        prefix, suffix = arguments["prefix"], arguments["suffix"]
        if "/" in prefix + suffix:
            raise TaskError("prefix and suffix are parts of a name and hold no '/'")
        if context.check_mode:
            return Result(Status.CHANGED, values={"state": arguments["state"]})
        host = OnHost(context)
        folder = host.path(arguments["path"]).rstrip("/")
        # Not every mktemp knows suffixes. Neither line does anything where something is already.
        path = f"{folder}/{prefix}{secrets.token_hex(5)}{suffix}"
        make = "mkdir -m 0700 --" if arguments["state"] == "directory" else "umask 077; set -C; : >"
        host.ask(f"{make} {word(path)}", f"make {path}")
        made = look(host, path)
        values = made.values() if made is not None else {}
        return Result(Status.CHANGED, values={"path": path, **values})
