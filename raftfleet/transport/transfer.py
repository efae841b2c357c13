"""What every transport needs to move files: sources with a digest, parts that are never left."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from raftfleet.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.transport.protocol import Progress

__all__ = ["FileFeed", "Landing", "Source", "landing"]


@dataclass(frozen=True, slots=True)
class Source:
    """Something to send: its size in bytes, its SHA-256 and how to read it."""

    size: int
    digest: str
    path: Path | None
    data: bytes

    @classmethod
    def of(cls, source: Path | bytes) -> Source:
        """Look at a file or at bytes; TaskError if the file cannot be read."""
        if isinstance(source, bytes):
            return cls(len(source), hashlib.sha256(source).hexdigest(), None, source)
        try:
            found = source.stat()
            digest = _digest(source, found.st_size, found.st_mtime_ns, found.st_ino)
        except OSError as error:
            raise TaskError(f"cannot read {source}: {error.strerror}") from error
        return cls(found.st_size, digest, source, b"")

    @contextlib.contextmanager
    def reading(self, progress: Progress | None, offset: int = 0) -> Iterator[FileFeed]:
        """Yield a feed of the bytes from ``offset`` on that reports how far it has been read."""
        with io.BytesIO(self.data) if self.path is None else self.path.open("rb") as file:
            file.seek(offset)
            yield FileFeed(file, self.size, progress, offset)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, _size: int, _changed_ns: int, _inode: int) -> str:
    """Hash a file once for all hosts it goes to."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileFeed:
    """Reads a file for sending and tells a listener about it."""

    def __init__(self, file: BinaryIO, size: int, progress: Progress | None, done: int = 0) -> None:
        self._file = file
        self._size = size
        self._progress = progress
        self.done = done

    def read(self, size: int) -> bytes:
        """Return the next bytes; none at the end."""
        piece = self._file.read(size)
        self.done += len(piece)
        if self._progress is not None and piece:
            self._progress(self.done, self._size)
        return piece


class Landing:
    """Takes a fetched file; a sink."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Write these bytes."""
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        """The SHA-256 of what has arrived."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def landing(target: Path) -> Iterator[Landing]:
    """Yield where to write a file that appears under its name only when all went well."""
    try:
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.", suffix=".part")
    except OSError as error:
        raise TaskError(f"cannot write {target}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield Landing(file)
        Path(part).replace(target)
    except OSError as error:
        raise TaskError(f"cannot write {target}: {error.strerror}") from error
    finally:
        Path(part).unlink(missing_ok=True)
