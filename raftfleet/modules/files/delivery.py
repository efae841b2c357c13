"""Bringing a file's content to a host only when it is not there already: `copy` and `template`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files import modes
from raftfleet.modules.files.attributes import Attributes, settle
from raftfleet.modules.files.contents import Content, difference, digest, small
from raftfleet.modules.files.folders import make_folders
from raftfleet.modules.files.landing import land, no_folder, place
from raftfleet.modules.files.remote_file import Remote, look, parent
from raftfleet.modules.files.safeguards import Safeguards
from raftfleet.modules.on_host import word
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from raftfleet.modules.on_host import OnHost

__all__ = ["deliver"]

_NEW_FILE: Final = 0o100644
NO_SAFEGUARDS: Final = Safeguards()


def deliver(
    host: OnHost,
    content: Content,
    dest: str,
    wanted: Attributes,
    *,
    name: str | None = None,
    force: bool = True,
    follow: bool | None = None,
    directory_mode: str | int | None = None,
    safeguards: Safeguards = NO_SAFEGUARDS,
    checksum: str | None = None,
) -> Result:
    """Make a file on the host have this content, mode and owner.

    When ``dest`` is a directory or ends with a slash, the file is ``name`` inside it. Mode and
    owner of an existing file stay unless asked otherwise; a new one gets 0644. With ``force`` off
    an existing file is left alone. A link there is replaced, with ``follow`` what it leads to is;
    None replaces it only for another content. Folders that have to be made get ``directory_mode``.
    In check mode nothing is done. ``checksum`` is the SHA-1 that the content must have.
    """
    sha1, size = digest(content)
    _require(checksum, sha1)
    path = host.path(dest)
    data = small(content, size) if _at_once(host, path, safeguards) else None
    if data is not None:
        arrived, now = land(host, data, path, wanted, _mode(wanted, None))
        if arrived and now is not None:
            diff = difference(host, None, content) if host.context.diff else None
            values = {"dest": path, "checksum": sha1} | _settled(host, now, wanted).values()
            return Result(Status.CHANGED, values=values, diff=diff)
    else:
        now = look(host, path, follow=True, checksum="sha1")
    folder = Attributes(directory_mode, wanted.owner, wanted.group)
    target, now = _target(host, path, now, name, folder)
    is_link = now is not None and now.target is not None
    # What is neither there nor has arrived is a link to nowhere.
    leads_nowhere = now is None and data is not None and target == path
    if follow and (is_link or leads_nowhere):
        target = _leading_to(host, target)
    values = {"dest": target, "checksum": sha1}
    if now is not None and not now.is_file:
        raise TaskError(f"{target} exists and is no file")
    if now is not None and not force:
        return Result(Status.OK, values=values | now.values())
    same = now is not None and now.checksum == sha1 and now.size == size
    if now is not None and same and not (is_link and follow is False):
        changed, after = settle(host, now, wanted)
        return Result(
            Status.CHANGED if changed else Status.OK,
            values=values | {"path": target} | after.values(),
        )
    diff = difference(host, now, content) if host.context.diff else None
    if not host.context.check_mode:
        safeguards.test(host, target, lambda draft: place(host, content, draft, 0o600))
        if now is not None and (kept := safeguards.keep(host, target)):
            values["backup_file"] = kept
        now = _written(host, content, target, wanted, None if is_link and not follow else now)
    return Result(
        Status.CHANGED, values=values | (now.values() if now is not None else {}), diff=diff
    )


def _require(checksum: str | None, sha1: str) -> None:
    if checksum and checksum.lower() != sha1:
        raise TaskError(f"the checksum of the source is {sha1}, not {checksum}")


def _at_once(host: OnHost, path: str, safeguards: Safeguards) -> bool:
    """Return whether a new file may be put in place before it is known what is there."""
    careful = host.context.check_mode or host.fenced is not None or safeguards.validate is not None
    return not careful and not path.endswith("/")


def _leading_to(host: OnHost, path: str) -> str:
    """Return where a path leads when links are followed."""
    said = host.ask(f"readlink -f -- {word(path)}", f"follow {path}")
    return said.decode("utf-8", "surrogateescape").removesuffix("\n")


def _target(
    host: OnHost, path: str, now: Remote | None, name: str | None, folder: Attributes
) -> tuple[str, Remote | None]:
    """Return the path of the file to write, and what is there now."""
    if path.endswith("/") or (now is not None and now.is_directory):
        if name is None:
            raise TaskError(f"{path} is a directory", hint="name the file: dest: /path/to/file")
        if now is None and not host.context.check_mode:
            make_folders(host, path, folder)
        target = f"{path.rstrip('/')}/{name}"
        return target, look(host, target, follow=True, checksum="sha1")
    if now is None and not _may_be_in(host, parent(path)):
        raise no_folder(path)
    return path, now


def _may_be_in(host: OnHost, folder: str) -> bool:
    """Return whether a file may be written to a folder.

    In check mode a task before this one may only have said that it would make the folder.
    """
    missing = f" || [ ! -e {word(folder)} ]" if host.context.check_mode else ""
    return host.run(f"[ -d {word(folder)} ]{missing}").ok


def _written(
    host: OnHost, content: Content, target: str, wanted: Attributes, now: Remote | None
) -> Remote:
    """Put content in place and return what is there, with the wanted owner, else that of before."""
    mode = _mode(wanted, now)
    data = small(content, digest(content)[1]) if host.fenced is None else None
    if data is not None:
        after = land(host, data, target, wanted, mode, before=now, over=True)[1]
    else:
        place(host, content, target, mode)
        after = look(host, target, follow=True)
    if after is None:
        raise TaskError(f"{target} was gone again right after it was written")
    if now is not None and data is None:
        wanted = Attributes(
            wanted.mode,
            wanted.owner if wanted.owner is not None else str(now.uid),
            wanted.group if wanted.group is not None else str(now.gid),
        )
    return _settled(host, after, wanted)


def _settled(host: OnHost, after: Remote, wanted: Attributes) -> Remote:
    """Give what has been written its owner; its mode, which is right, comes back with it."""
    return settle(host, after, Attributes(modes.shown(after.mode), wanted.owner, wanted.group))[1]


def _mode(wanted: Attributes, now: Remote | None) -> int:
    current = now.mode if now is not None else _NEW_FILE
    return modes.resolve(wanted.mode, current) if wanted.mode is not None else current & 0o7777
