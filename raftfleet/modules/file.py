"""`file`: directories, links, empty files, modes and owners; and nothing where nothing should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.files.attributes import Attributes, settle
from raftfleet.modules.files.folders import make_folders
from raftfleet.modules.files.links import make_hard_link, make_link
from raftfleet.modules.files.path import meant
from raftfleet.modules.files.remote_file import Remote, look
from raftfleet.modules.files.removal import remove
from raftfleet.modules.files.times import FORMAT, set_times, touch
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["File"]

_STATES = ("absent", "directory", "file", "hard", "link", "touch")


class File(GenericModule):
    """Make a path be a directory, a link, an existing file or nothing, with mode and owner.

    Arguments: ``path`` (required; also ``dest``, ``name``), ``state`` (absent, directory, file,
    hard, link, touch; default: what it is), ``src`` (path, for hard and link), ``mode``,
    ``owner``, ``group``, ``recurse`` (bool: mode and owner for all below a directory), ``force``
    (bool: replace what is in the way of a link, link to what does not exist), ``follow`` (bool,
    true: a link stands for what it leads to), ``modification_time``,
    ``access_time`` (now, preserve, or a time of the host's clock in the form of
    ``modification_time_format``, ``access_time_format``: %Y%m%d%H%M.%S; now for touch, else
    preserve).
    Returns: path (also as dest, unless it is a directory), state, mode, owner, group, uid, gid, size; src.
    ``absent`` removes directories with all that is in them, but neither ``/`` nor a directory of
    the system itself such as ``/etc`` or ``/var/lib``.
    Check mode: predicts (not what ``recurse`` would change). Diff: the state before and after.
    Idempotence: full, except ``touch``, which changes the times unless they are preserved.
    """

    name = "file"
    arguments = arguments(
        path=Argument("path", required=True, aliases=("dest", "name")),
        state=Argument(choices=_STATES),
        src=Argument("path"),
        recurse=Argument("bool", default=False),
        force=Argument("bool", default=False),
        follow=Argument("bool", default=True),
        modification_time=Argument(),
        modification_time_format=Argument(default=FORMAT),
        access_time=Argument(),
        access_time_format=Argument(default=FORMAT),
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = REFUSED_ATTRIBUTES

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Make it so."""
        host = OnHost(context)
        given = host.path(arguments["path"])
        path, now, state = meant(host, given, arguments)
        if arguments["recurse"] and state != "directory":
            raise TaskError("recurse wants state: directory")
        if state == "absent":
            changed = remove(host, path, now)
            return _result(context, now, {"path": given, "state": "absent"}, changed=changed)
        if state == "file" and now is None:
            said = f"{path} is absent, cannot continue: state: touch makes an empty file"
            return Result(Status.FAILED, said, {"path": path, "state": "absent"})
        values: dict[str, Any]
        shown = given if given.rstrip("/") in {path, given[:-1]} else path
        changed, after = _make(host, path, state, now, arguments)
        if after is None:  # only in check mode, where it would be new
            values = {"path": shown, "state": state}
            if state in {"hard", "link"}:
                values |= {"dest": path, "src": arguments["src"]}
            return _result(context, now, values, changed=changed)
        settled, after = _attributes(host, after, arguments, touched=state == "touch" and not now)
        if state != "touch":
            settled |= set_times(host, after, arguments, otherwise="preserve")
        values = {"path": shown, **after.values()}
        if state != "directory":
            values["dest"] = shown
        if state in {"hard", "link"}:
            values["src"] = arguments["src"] or after.target
        return _result(context, now, values, changed=changed or settled)


def _make(
    host: OnHost, path: str, state: str, now: Remote | None, arguments: Mapping[str, Any]
) -> tuple[bool, Remote | None]:
    """Bring the path into being; return whether that changed anything, and what is there."""
    if state == "directory":
        return _directory(host, path, now, arguments)
    if state == "touch":
        return touch(host, path, now, arguments)
    if state == "link":
        return make_link(host, path, now, arguments["src"], force=arguments["force"])
    if state == "hard":
        return make_hard_link(host, path, now, arguments["src"], force=arguments["force"])
    if now is not None and now.is_directory:
        raise TaskError(f"{path} is a directory", hint="say state: directory")
    return False, now


def _directory(
    host: OnHost, path: str, now: Remote | None, arguments: Mapping[str, Any]
) -> tuple[bool, Remote | None]:
    if now is not None:
        if not now.is_directory:
            raise TaskError(f"{path} exists and is no directory")
        return False, now
    if host.context.check_mode:
        return True, None
    return True, make_folders(host, path, Attributes.of(arguments))


def _attributes(
    host: OnHost, now: Remote, arguments: Mapping[str, Any], *, touched: bool
) -> tuple[bool, Remote]:
    """Make mode and owner as wanted; a file just ``touched`` goes again when that cannot be."""
    try:
        return _with_attributes(host, now, arguments)
    except TaskError:
        if touched:
            host.run(f"rm -f -- {word(now.path)}")
        raise


def _with_attributes(
    host: OnHost, now: Remote, arguments: Mapping[str, Any]
) -> tuple[bool, Remote]:
    wanted = Attributes.of(arguments)
    if wanted == Attributes():
        return False, now
    if now.is_link and arguments["follow"]:
        target = look(host, now.path, follow=True)
        return (settle(host, target, wanted)[0], now) if target is not None else (False, now)
    changed, after = settle(host, now, wanted)
    if arguments["recurse"] and not host.context.check_mode:
        changed |= _below(host, now.path, wanted)
    return changed, after


def _below(host: OnHost, path: str, wanted: Attributes) -> bool:
    """Set mode and owner of all below a directory; return whether anything was another way."""
    lines = wanted.recursive(path)
    said = host.ask("export LC_ALL=C; " + " && ".join(lines), f"set mode or owner below {path}")
    return bool(said.strip())


def _result(
    context: ModuleContext, before: Remote | None, values: Mapping[str, Any], *, changed: bool
) -> Result:
    diff = None
    if changed and context.diff:
        was = before.values() if before is not None else {"state": "absent"}
        diff = (_shown(was), _shown({key: value for key, value in values.items() if key in _SHOWN}))
    return Result(Status.CHANGED if changed else Status.OK, values=dict(values), diff=diff)


_SHOWN = ("state", "mode", "owner", "group")


def _shown(values: Mapping[str, Any]) -> str:
    return "".join(f"{key}: {values[key]}\n" for key in _SHOWN if key in values)
