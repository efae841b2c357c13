"""`stat`: what is at a path."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any, Final

from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.files import modes
from raftfleet.modules.files.remote_file import SUMS, Remote, look
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Stat", "described"]

_KINDS: Final = {
    "isdir": stat.S_ISDIR,
    "ischr": stat.S_ISCHR,
    "isblk": stat.S_ISBLK,
    "isreg": stat.S_ISREG,
    "isfifo": stat.S_ISFIFO,
    "islnk": stat.S_ISLNK,
    "issock": stat.S_ISSOCK,
}
_PERMISSIONS: Final = {
    "wusr": 0o200,
    "rusr": 0o400,
    "xusr": 0o100,
    "wgrp": 0o020,
    "rgrp": 0o040,
    "xgrp": 0o010,
    "woth": 0o002,
    "roth": 0o004,
    "xoth": 0o001,
    "isuid": 0o4000,
    "isgid": 0o2000,
}


class Stat(GenericModule):
    """Tell what is at a path.

    Arguments: ``path`` (required; also ``dest``, ``name``), ``follow`` (bool: of what a link
    points to), ``get_checksum`` (bool, true: of a regular file), ``checksum_algorithm`` (md5,
    sha1, sha224, sha256, sha384, sha512; sha1).
    Returns: ``stat``, a mapping with ``exists``; when it does: path, mode, isdir, isreg, islnk,
    isblk, ischr, isfifo, issock, size, uid, gid, pw_name, gr_name, atime, mtime, ctime, inode,
    dev, nlink, rusr ... xoth, isuid, isgid, readable, writeable, executable (for the user of the
    task), checksum, lnk_target, lnk_source.
    ``get_mime`` and ``get_attributes`` (bool) are accepted and mean nothing.
    Never changes anything; the same in check mode. Diff: none. Idempotence: full.
    """

    name = "stat"
    arguments = arguments(
        path=Argument("path", required=True, aliases=("dest", "name")),
        follow=Argument("bool", default=False),
        get_checksum=Argument("bool", default=True),
        checksum_algorithm=Argument(
            choices=SUMS, default="sha1", aliases=("checksum", "checksum_algo")
        ),
        get_mime=Argument("bool", default=True, aliases=("mime", "mime_type", "mime-type")),
        get_attributes=Argument("bool", default=True, aliases=("attr", "attributes")),
    )
    idle = frozenset({"get_mime", "get_attributes"})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Look and tell."""
        host = OnHost(context)
        path = host.path(arguments["path"])
        checksum = arguments["checksum_algorithm"] if arguments["get_checksum"] else None
        found = look(host, path, follow=arguments["follow"], checksum=checksum)
        if found is None:
            return Result(values={"stat": {"exists": False}})
        values = {"exists": True, **described(found), **_allowed(host, path)}
        if found.checksum:
            values["checksum"] = found.checksum
        if found.is_link:
            values |= _pointing(host, found)
        return Result(values={"stat": values})


def described(found: Remote) -> dict[str, Any]:
    """Return what `stat` and `find` register about a path."""
    return {
        "path": found.path,
        "mode": modes.shown(found.mode),
        **{name: test(found.mode) for name, test in _KINDS.items()},
        **{name: bool(found.mode & bit) for name, bit in _PERMISSIONS.items()},
        "size": found.size,
        "uid": found.uid,
        "gid": found.gid,
        "pw_name": found.owner,
        "gr_name": found.group,
        "atime": found.accessed,
        "mtime": found.modified,
        "ctime": found.changed,
        "inode": found.inode,
        "dev": found.device,
        "nlink": found.links,
    }


def _allowed(host: OnHost, path: str) -> dict[str, bool]:
    """Tell what the task's user may do, which the mode alone does not say."""
    line = "; ".join(f"[ -{flag} {word(path)} ] && printf {flag}" for flag in "rwx")
    may = host.ask(f"{line}; :", f"look at {path}").decode()
    return {"readable": "r" in may, "writeable": "w" in may, "executable": "x" in may}


def _pointing(host: OnHost, found: Remote) -> dict[str, str]:
    """Tell where a link points: as it is written, and where it leads in the end."""
    path = word(found.path)
    # -f wants all but the last part to be there, but every host has it.
    outcome = host.run(f"readlink -m -- {path} 2>/dev/null || readlink -f -- {path}")
    source = outcome.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
    return {"lnk_target": found.target or "", "lnk_source": source}
