"""What a file on a host is to hold: bytes, a file here, or another file of the host."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import word

if TYPE_CHECKING:
    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost

__all__ = ["Content", "HostFile", "difference", "digest", "refuse_encrypted", "small"]

_MOST_SHOWN: Final = 256 * 1024
_SMALL: Final = 64 * 1024
_VAULT: Final = b"$ANSIBLE_VAULT;"


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file that is on the host already, with its SHA-1 and its size in bytes."""

    path: str
    checksum: str
    size: int


Content = bytes | Path | HostFile


def digest(content: Content) -> tuple[str, int]:
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


def refuse_encrypted(content: Content, *, decrypt: bool) -> None:
    """Raise `TaskError` for a file here that ansible-vault has encrypted, unless as it is will do."""
    if not decrypt or not isinstance(content, Path):
        return
    try:
        with content.open("rb") as file:
            encrypted = file.read(len(_VAULT)) == _VAULT
    except OSError as error:
        raise TaskError(f"cannot read {content}: {error.strerror}") from error
    if encrypted:
        raise TaskError(
            f"{content} is encrypted with ansible-vault, which is not supported",
            hint="decrypt: false copies it as it is",
        )


def small(content: Content, size: int) -> bytes | None:
    """Return content that one command can take on its standard input, else None."""
    if size > _SMALL or isinstance(content, HostFile):
        return None
    return content if isinstance(content, bytes) else content.read_bytes()


def difference(host: OnHost, now: Remote | None, content: Content) -> tuple[str, str]:
    """Return the text before and after, to be shown."""
    size = digest(content)[1]
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
