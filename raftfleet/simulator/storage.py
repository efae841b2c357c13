"""What a Raft group keeps: its log in memory, and a write-ahead file that survives any kill.

The file is a sequence of records, each ``length, crc32`` (two little-endian u32) and JSON. A record
cut short by a kill ends the file: it was never acknowledged, so it is dropped on the next start.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Protocol

from .values import MEMBERSHIP, NOBODY, Entry, LogId, Membership, Vote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .values import Json

__all__ = ["Log", "Saved", "Storage", "WalFile"]

HEADER = struct.Struct("<II")


class Log:
    """The entries a group holds, with the memberships among them.

    ``first`` is the index of the first entry held: 0 until a log is ever purged.
    """

    def __init__(self, entries: Sequence[Entry] = (), *, first: int = 0) -> None:
        self.first = first
        self.entries: list[Entry] = []
        self.memberships: list[tuple[LogId, Membership]] = []
        for entry in entries:
            self.append(entry)

    @property
    def next(self) -> int:
        """The index the next entry gets."""
        return self.first + len(self.entries)

    @property
    def last(self) -> LogId | None:
        """The position of the last entry."""
        return self.entries[-1].id if self.entries else None

    @property
    def membership(self) -> tuple[LogId | None, Membership]:
        """The membership in force: the last one in the log, committed or not."""
        return self.memberships[-1] if self.memberships else (None, Membership((), ()))

    def at(self, index: int) -> Entry | None:
        """Return the entry at an index, if it is held."""
        place = index - self.first
        return self.entries[place] if 0 <= place < len(self.entries) else None

    def holds(self, position: LogId | None) -> bool:
        """Whether exactly this entry is held; the start of the log always is."""
        if position is None:
            return True
        entry = self.at(position.index)
        return entry is not None and entry.id == position

    def between(self, start: int, end: int) -> list[Entry]:
        """Return the entries of indexes start <= i < end that are held."""
        low = max(0, start - self.first)
        return self.entries[low : max(low, end - self.first)]

    def append(self, entry: Entry) -> None:
        """Add an entry at the end; its index must be `next`."""
        if entry.id.index != self.next:
            raise ValueError(f"entry {entry.id} does not fit at {self.next}")
        self.entries.append(entry)
        if entry.kind == MEMBERSHIP:
            self.memberships.append((entry.id, entry.data))

    def cut(self, index: int) -> None:
        """Drop this entry and everything after it."""
        del self.entries[index - self.first :]
        while self.memberships and self.memberships[-1][0].index >= index:
            self.memberships.pop()


class Saved:
    """What storage held at the start; built by feeding it the records in order."""

    def __init__(self) -> None:
        self.vote = NOBODY
        self.log = Log()
        self.committed = -1

    @property
    def fresh(self) -> bool:
        """Whether nothing was ever saved."""
        return self.vote == NOBODY and self.log.last is None

    def feed(self, record: Json) -> None:
        """Apply one record."""
        kind, value = record
        if kind == "entry":
            self.log.append(Entry.decode(value))
        elif kind == "vote":
            self.vote = Vote(*value)
        elif kind == "cut":
            self.log.cut(value)
        elif kind == "committed":
            self.committed = value


class Storage(Protocol):
    """Where a group saves; nothing is safe before `flush` returns."""

    def save_vote(self, vote: Vote) -> None:
        """Save the vote."""

    def append(self, entry: Entry) -> None:
        """Save an entry at the end of the log."""

    def cut(self, index: int) -> None:
        """Save that the log now ends before this index."""

    def save_committed(self, index: int) -> None:
        """Note how far the log is committed; need not survive a power cut."""

    def flush(self) -> None:
        """Make everything saved so far survive anything."""


class WalFile:
    """The write-ahead file of one group; raises OSError where the disk fails."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._pending = bytearray()
        self._unsafe = False
        self.saved = Saved()
        end = 0
        for record, end in _records(_whole(self._fd)):  # noqa: B007 - the last end is needed
            self.saved.feed(record)
        os.ftruncate(self._fd, end)
        os.lseek(self._fd, end, os.SEEK_SET)
        _sync_directory(path)

    def save_vote(self, vote: Vote) -> None:
        """Save the vote."""
        self._write("vote", vote)

    def append(self, entry: Entry) -> None:
        """Save an entry at the end of the log."""
        self._write("entry", entry.encode())

    def cut(self, index: int) -> None:
        """Save that the log now ends before this index."""
        self._write("cut", index)

    def save_committed(self, index: int) -> None:
        """Note how far the log is committed: survives a kill, perhaps not a power cut."""
        self._write("committed", index, durable=False)

    def flush(self) -> None:
        """Write and, where it matters, fdatasync."""
        while self._pending:
            del self._pending[: os.write(self._fd, self._pending)]
        if self._unsafe:
            os.fdatasync(self._fd)
            self._unsafe = False

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        os.close(self._fd)

    def _write(self, kind: str, value: Json, *, durable: bool = True) -> None:
        payload = json.dumps([kind, value], separators=(",", ":")).encode()
        self._pending += HEADER.pack(len(payload), zlib.crc32(payload)) + payload
        self._unsafe = self._unsafe or durable


def _whole(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _records(data: bytes) -> Iterator[tuple[Json, int]]:
    """Yield each sound record with the offset behind it; stop at the first torn one."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, checksum = HEADER.unpack_from(data, offset)
        end = offset + HEADER.size + length
        payload = data[offset + HEADER.size : end]
        if length == 0 or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield json.loads(payload), end
        offset = end


def _sync_directory(path: Path) -> None:
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
