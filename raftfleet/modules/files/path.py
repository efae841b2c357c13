"""Which path a `file` task means, and which state it is to have."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.on_host import word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost


__all__ = ["meant"]


def meant(host: OnHost, given: str, arguments: Mapping[str, Any]) -> tuple[str, Remote | None, str]:
    """Return the path that is meant, what is there, and the state it is to have."""
    path = given.rstrip("/") or "/"
    now = look(host, path)
    state = arguments["state"] or _implied(now, arguments)
    if given != path and now is not None and state in {"absent", "file", "touch"}:
        # With a slash behind it, it can only be a folder.
        leads_to = look(host, path, follow=True) if now.is_link else now
        if leads_to is None or not leads_to.is_directory:
            if state != "absent":
                raise TaskError(f"{path} is no directory", hint="leave out the slash at its end")
            now = None
    if arguments["src"] and state not in {"link", "hard"}:
        raise TaskError("src wants state: link or state: hard")
    if state == "hard" and arguments["src"]:
        folder = look(host, path, follow=True) if now is not None and now.is_link else now
        if folder is not None and folder.is_directory:
            path = posixpath.join(path, posixpath.basename(arguments["src"]))
            now = look(host, path)
    if now is not None and now.is_link and state in {"file", "directory"}:
        if not arguments["follow"]:
            raise TaskError(
                f"{path} already exists as a link", hint="follow: true means what it leads to"
            )
        path = _leading_to(host, path)
        now = look(host, path)
    return path, now, state


def _leading_to(host: OnHost, path: str) -> str:
    line = f"readlink -m -- {word(path)} 2>/dev/null || readlink -f -- {word(path)}"
    said = host.ask(line, f"follow {path}")
    return said.decode("utf-8", "surrogateescape").removesuffix("\n")


def _implied(now: Remote | None, arguments: Mapping[str, Any]) -> str:
    if now is not None:
        return now.state
    return "directory" if arguments["recurse"] else "file"
