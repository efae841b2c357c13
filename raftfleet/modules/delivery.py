"""Bringing a file's content to a host only when it is not there already: `copy` and `template`."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules import modes
from raftfleet.modules.on_host import word
from raftfleet.modules.remote_file import Attributes, Remote, look, parent, settle
from raftfleet.modules.safeguards import Safeguards
from raftfleet.playbook.module import Result, Status

if TYPE_CHECKING:
    from raftfleet.modules.on_host import OnHost

__all__ = ["Content", "HostFile", "deliver", "place"]


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file that is on the host already, with its SHA-1 and its size in bytes."""

    path: str
    checksum: str
    size: int


Content = bytes | Path | HostFile

_NEW_FILE: Final = 0o100644
_MOST_SHOWN: Final = 256 * 1024
NO_SAFEGUARDS: Final = Safeguards()


def deliver(
    host: OnHost,
    content: Content,
    dest: str,
    wanted: Attributes,
    *,
    name: str | None = None,
    force: bool = True,
    follow: bool = False,
    safeguards: Safeguards = NO_SAFEGUARDS,
    checksum: str | None = None,
) -> Result:
    """Make a file on the host have this content, mode and owner.

    When ``dest`` is a directory or ends with a slash, the file is ``name`` inside it. Mode and
    owner of an existing file stay unless asked otherwise; a new one gets 0644. With ``force`` off
    an existing file is left alone. A link there is replaced, with ``follow`` what it leads to is.
    In check mode nothing is done. ``checksum`` is the SHA-1 that the content must have.
    """
    digest, size = _digest(content)
    if checksum and checksum.lower() != digest:
        raise TaskError(f"the checksum of the source is {digest}, not {checksum}")
    target, now = _target(host, dest, name)
    values = {"dest": target, "checksum": digest}
    if now is not None and not now.is_file:
        raise TaskError(f"{target} exists and is no file")
    if now is not None and not force:
        return Result(Status.OK, values=values | now.values())
    if now is not None and now.checksum == digest and now.size == size:
        changed, after = settle(host, now, wanted)
        return Result(
            Status.CHANGED if changed else Status.OK,
            values=values | {"path": target} | after.values(),
        )
    diff = _difference(host, now, content) if host.context.diff else None
    if not host.context.check_mode:
        safeguards.test(host, target, lambda draft: place(host, content, draft, 0o600))
        if now is not None and (kept := safeguards.keep(host, target)):
            values["backup_file"] = kept
        written = _leading_to(host, target) if follow and now is not None else target
        values["dest"] = written
        place(host, content, written, _mode(wanted, now))
        values |= _arrived(host, written, wanted, now).values()
    return Result(Status.CHANGED, values=values, diff=diff)


def _leading_to(host: OnHost, path: str) -> str:
    """Return where a path leads when links are followed."""
    said = host.ask(f"readlink -f -- {word(path)}", f"follow {path}")
    return said.decode("utf-8", "surrogateescape").removesuffix("\n")


def _target(host: OnHost, dest: str, name: str | None) -> tuple[str, Remote | None]:
    """Return the path of the file to write, and what is there now."""
    path = host.path(dest)
    now = look(host, path, follow=True, checksum="sha1")
    if path.endswith("/") or (now is not None and now.is_directory):
        if name is None:
            raise TaskError(f"{path} is a directory", hint="name the file: dest: /path/to/file")
        if now is None and not host.context.check_mode:
            host.ask(f"mkdir -p -- {word(path)}", f"create {path}")
        target = f"{path.rstrip('/')}/{name}"
        return target, look(host, target, follow=True, checksum="sha1")
    # In check mode a task before this one may only have said that it would make the folder.
    if now is None and not host.context.check_mode and not _is_folder(host, parent(path)):
        folder = parent(path)
        raise TaskError(
            f"the directory {folder} does not exist",
            hint=f"create it first: file: {{path: {folder}, state: directory}}",
        )
    return path, now


def _is_folder(host: OnHost, path: str) -> bool:
    return host.run(f"[ -d {word(path)} ]").ok


def _arrived(host: OnHost, target: str, wanted: Attributes, before: Remote | None) -> Remote:
    """Give a new file its owner: the wanted one, or that of the file it replaced."""
    after = look(host, target, follow=True)
    if after is None:
        raise TaskError(f"{target} was gone again right after it was written")
    if before is not None and wanted.owner is None and before.uid != after.uid:
        wanted = Attributes(wanted.mode, str(before.uid), wanted.group)
    if before is not None and wanted.group is None and before.gid != after.gid:
        wanted = Attributes(wanted.mode, wanted.owner, str(before.gid))
    return settle(host, after, Attributes(modes.shown(after.mode), wanted.owner, wanted.group))[1]


def _mode(wanted: Attributes, now: Remote | None) -> int:
    current = now.mode if now is not None else _NEW_FILE
    return modes.resolve(wanted.mode, current) if wanted.mode is not None else current & 0o7777


def _digest(content: Content) -> tuple[str, int]:
    """Return SHA-1, which is what `copy` registers as checksum, and size."""
    if isinstance(content, HostFile):
        return content.checksum, content.size
    if isinstance(content, bytes):
        return hashlib.sha1(content, usedforsecurity=False).hexdigest(), len(content)
    try:
        found = content.stat()
        return _file_digest(content, found.st_mtime_ns, found.st_ino), found.st_size
    except OSError as error:
        raise TaskError(f"cannot read {content}: {error.strerror}") from error


@functools.lru_cache(maxsize=64)
def _file_digest(path: Path, _changed_ns: int, _inode: int) -> str:
    """Hash a file once for all hosts it goes to."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def place(host: OnHost, content: Content, target: str, mode: int) -> None:
    """Send content to a path of the host; it appears there whole or not at all.

    A host that fences is sent it under another name: a transfer takes long, and whether the lock
    is still ours must be looked at by the very command that puts the file in its place.
    """
    if isinstance(content, HostFile):
        part = word(f"{target}.part")
        line = f"cp -- {word(content.path)} {part} && chmod {mode:04o} -- {part}"
        host.ask(f"{line} && mv -fT -- {part} {word(target)}", f"copy {content.path} to {target}")
        return
    if host.fenced is None:
        _send(host, content, target, mode)
        return
    arriving = f"{target}.arriving"
    _send(host, content, arriving, mode)
    host.ask(f"mv -f -- {word(arriving)} {word(target)}", f"put {target} in its place")


def _send(host: OnHost, content: bytes | Path, target: str, mode: int) -> None:
    context = host.context
    host.transport.put(
        content,
        PurePosixPath(target),
        mode=mode,
        timeout=host.left,
        become=context.become,
        progress=lambda done, total: context.progress(f"sending {target}", done, total),
    )


def _difference(host: OnHost, now: Remote | None, content: Content) -> tuple[str, str]:
    size = _digest(content)[1]
    if size > _MOST_SHOWN or (now is not None and now.size > _MOST_SHOWN):
        return "", "(too large to be shown)\n"
    before = _there(host, now.path) if now is not None and now.size else b""
    return _text(before), _text(_bytes(host, content))


def _there(host: OnHost, path: str) -> bytes:
    return host.ask(f"cat -- {word(path)}", f"read {path}")


def _bytes(host: OnHost, content: Content) -> bytes:
    if isinstance(content, HostFile):
        return _there(host, content.path)
    return content if isinstance(content, bytes) else content.read_bytes()


def _text(data: bytes) -> str:
    if b"\0" in data:
        return f"(binary, {len(data)} bytes, sha1 {hashlib.sha1(data, usedforsecurity=False).hexdigest()})\n"
    return data.decode("utf-8", "replace")
