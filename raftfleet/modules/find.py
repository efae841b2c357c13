"""`find`: the files below some folders that answer to a description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.files.filter import Contents, Filter
from raftfleet.modules.files.remote_file import SUMS, Remote
from raftfleet.modules.files.searching import checksums, walk
from raftfleet.modules.on_host import OnHost
from raftfleet.modules.stat_ import described
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Find"]


class Find(GenericModule):
    """Tell which files below some folders answer to a description.

    Arguments: ``paths`` (list of folders, required; also ``path``, ``name``), ``patterns`` (list,
    of which one must match the file's name: as a shell would, or with ``use_regex`` (bool) as
    Python's expressions, from the name's start; also ``pattern``), ``excludes`` (list, of which
    none may; also ``exclude``), ``file_type`` (file, directory, link, any; file), ``recurse``
    (bool), ``depth`` (int: how many levels down, with recurse), ``hidden`` (bool: names with a
    leading dot too), ``follow`` (bool: enter folders behind links), ``size`` (10k: at least,
    -10k: at most; b, k, m, g, t), ``age`` (2d: older, -2d: younger; s, m, h, d, w) by
    ``age_stamp`` (mtime, atime, ctime), ``contains`` (expression that a line must match from its
    start, or with ``read_whole_file`` (bool) anything in the file), ``encoding`` (text, for
    ``contains``; utf-8), ``mode`` (octal or symbolic; with ``exact_mode`` (bool, true) off any
    common bit is enough), ``get_checksum`` (bool) by ``checksum_algorithm`` (md5, sha1, sha224,
    sha256, sha384, sha512; sha1), ``limit`` (int: stop after so many).
    Returns: files (list, sorted by depth and path; each with path, mode, size, uid, gid, pw_name, gr_name,
    atime, mtime, ctime, inode, dev, nlink, isdir, isreg, islnk ..., rusr ... xoth, checksum),
    matched, examined (numbers), skipped_paths (mapping of path to reason), msg.
    Never changes anything; the same in check mode. Diff: none. Idempotence: full. The host needs
    find(1); what it finds is tested here, so expressions are Python's.
    """

    name = "find"
    arguments = arguments(
        paths=Argument("list", required=True, aliases=("path", "name")),
        patterns=Argument("list", default=(), aliases=("pattern",)),
        excludes=Argument("list", default=(), aliases=("exclude",)),
        use_regex=Argument("bool", default=False),
        file_type=Argument(choices=("file", "directory", "link", "any"), default="file"),
        recurse=Argument("bool", default=False),
        depth=Argument("int"),
        hidden=Argument("bool", default=False),
        follow=Argument("bool", default=False),
        size=Argument(),
        age=Argument(),
        age_stamp=Argument(choices=("mtime", "atime", "ctime"), default="mtime"),
        contains=Argument(),
        read_whole_file=Argument("bool", default=False),
        encoding=Argument(default="utf-8"),
        mode=Argument("mode"),
        exact_mode=Argument("bool", default=True),
        get_checksum=Argument("bool", default=False),
        checksum_algorithm=Argument(
            choices=SUMS, default="sha1", aliases=("checksum", "checksum_algo")
        ),
        limit=Argument("int"),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Look, and tell."""
        host = OnHost(context)
        wanted = Filter.of(arguments)
        contents = Contents.of(arguments)
        found: list[Remote] = []
        skipped: dict[str, str] = {}
        examined = 0
        for path in arguments["paths"]:
            seen = walk(host, host.path(str(path)), wanted)
            examined += seen.examined
            skipped |= seen.skipped
            for one in sorted(seen.found, key=lambda one: (one.path.count("/"), one.path)):
                if len(found) == arguments["limit"]:
                    break
                if wanted.accepts(one, seen.now) and contents.match(host, one):
                    found.append(one)
        files: list[dict[str, Any]] = [described(one) for one in found]
        if arguments["get_checksum"]:
            sums = checksums(host, found, arguments["checksum_algorithm"])
            files = [one | sums.get(one["path"], {}) for one in files]
        msg = "All paths examined"
        if len(files) == arguments["limit"]:
            msg = "Limit of matches reached"
        if skipped:
            msg = "Not all paths examined, check warnings for details"
        values = {"files": files, "matched": len(files), "examined": examined}
        return Result(msg=msg, values={**values, "skipped_paths": skipped})
