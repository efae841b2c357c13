"""Removing paths, for `file: state=absent`: everything in them, but never the system itself."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import complaint, word

if TYPE_CHECKING:
    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost

__all__ = ["is_protected", "remove"]

_TOP: Final = re.compile(
    "bin|boot|dev|etc|home|lib|lib32|lib64|libx32|lost\\+found|media|mnt|opt|proc|root|run|sbin|srv"
    "|sys|tmp|usr|var"
)
_BELOW: Final = {
    "etc": frozenset({"init.d", "network", "pam.d", "security", "ssh", "ssl", "systemd"}),
    "usr": frozenset(
        {
            "bin",
            "games",
            "include",
            "lib",
            "lib32",
            "lib64",
            "libexec",
            "local",
            "sbin",
            "share",
            "src",
        }
    ),
    "var": frozenset(
        {"cache", "lib", "local", "lock", "log", "mail", "opt", "run", "spool", "tmp"}
    ),
}


def is_protected(path: str) -> bool:
    """Return whether a normal absolute path is ``/`` or a directory that the system itself needs."""
    parts = [part for part in path.split("/") if part]
    if not parts:
        return True
    if len(parts) == 1:
        return _TOP.fullmatch(parts[0]) is not None
    return len(parts) == 2 and parts[1] in _BELOW.get(parts[0], frozenset())


def remove(host: OnHost, path: str, now: Remote | None) -> bool:
    """Remove a file, a link or a directory with all that is in it; return whether it was there.

    Raises `TaskError` for a directory that the system itself needs, also when links or ``..``
    lead to it.
    """
    if posixpath.basename(path) in {"", ".", ".."} or (
        path.startswith("/") and is_protected(posixpath.normpath(path))
    ):
        raise _refused(path)
    if now is None:
        return False
    where = _resolved(host, path)
    if is_protected(where):
        raise _refused(path if where == path else f"{path}, which is {where},")
    if not host.context.check_mode:
        outcome = host.run(f"export LC_ALL=C; rm -rf -- {word(path)}")
        if not outcome.ok:
            raise TaskError(f"cannot remove {path}: {complaint(outcome)}")
    return True


def _refused(path: str) -> TaskError:
    return TaskError(
        f"{path} is a directory of the system itself and is not removed",
        hint="name what is to go more exactly",
    )


def _resolved(host: OnHost, path: str) -> str:
    """Return the path with its folder free of links; the last part stays, for a link goes alone."""
    folder, name = posixpath.split(path)
    line = f"CDPATH= cd -P -- {word(folder or '.')} && pwd -P"
    said = host.ask(line, f"look at {folder or '.'}").decode("utf-8", "surrogateescape")
    # POSIX leaves open what two leading slashes mean, so some shells keep them.
    inside = said.removesuffix("\n").strip("/")
    return posixpath.join("/", inside, name)
