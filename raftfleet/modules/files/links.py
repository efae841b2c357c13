"""Symbolic and hard links, for `file`."""

from __future__ import annotations

import posixpath
from shlex import quote
from typing import TYPE_CHECKING

from raftfleet.errors import TaskError
from raftfleet.modules.files.remote_file import Remote, look, parent
from raftfleet.modules.on_host import word

if TYPE_CHECKING:
    from raftfleet.modules.on_host import OnHost

__all__ = ["make_hard_link", "make_link"]

_FORCE = "force: true replaces it"


def make_link(
    host: OnHost, path: str, now: Remote | None, source: str | None, *, force: bool
) -> tuple[bool, Remote | None]:
    """Make a path a symbolic link to ``source``, which is relative to the link's own folder."""
    if source is None:
        if now is not None and now.is_link:
            return False, now
        raise TaskError("state: link wants src")
    source = host.path(source)
    if now is not None and now.is_link and now.target == source:
        return False, now
    if now is not None and not now.is_link:
        _require_force(path, now, force=force)
    meant = posixpath.join(parent(path), source)
    if not force and look(host, meant, follow=True) is None:
        raise TaskError(
            f"{source} does not exist, so nothing can be linked to it",
            hint="force: true links anyway",
        )
    return _replace(host, path, now, f"ln -s -- {quote(source)}")


def make_hard_link(
    host: OnHost, path: str, now: Remote | None, source: str | None, *, force: bool
) -> tuple[bool, Remote | None]:
    """Make a path another name of the file ``source``."""
    if source is None:
        if now is not None and now.state == "hard":
            return False, now
        raise TaskError("state: hard wants src")
    source = host.path(source)
    file = look(host, source)
    if file is None:
        raise TaskError(f"{source} does not exist, so nothing can be linked to it")
    if now is not None and (now.inode, now.device) == (file.inode, file.device):
        return False, now
    if now is not None:
        _require_force(path, now, force=force)
    return _replace(host, path, now, f"ln -- {word(source)}")


def _require_force(path: str, now: Remote, *, force: bool) -> None:
    if now.is_directory and not force:
        hint = "force: true replaces it when it is empty"
        raise TaskError(f"{path} is a directory and is not replaced by a link", hint=hint)
    if not force:
        raise TaskError(f"{path} exists and is no link", hint=_FORCE)


def _replace(host: OnHost, path: str, now: Remote | None, link: str) -> tuple[bool, Remote | None]:
    """Make the link under another name and rename it, so that the path is never missing.

    A directory that is in the way goes, if it is empty.
    """
    if host.context.check_mode:
        return True, now
    part = f"{path}.part"
    if now is not None and now.is_directory:
        host.ask(f"rmdir -- {word(path)}", f"replace the directory {path}")
    line = f"rm -f -- {word(part)}; {link} {word(part)} && mv -fT -- {word(part)} {word(path)}"
    host.ask(line, f"link {path}")
    return True, look(host, path)
