"""What a Raft group keeps in a write-ahead file that survives any kill.

The file is a sequence of records, each ``length, crc32`` (two little-endian u32) and JSON. A record
cut short by a kill ends the file: it was never acknowledged, so it is dropped on the next start.
A file in which most is purged is written anew beside the old one and takes its place.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Protocol

from .log import Log
from .values import NOBODY, Entry, Membership, Snapshot, Vote, log_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .values import Json

__all__ = ["Saved", "Storage", "WalFile"]

HEADER = struct.Struct("<II")
WASTE = 4
"""A file with so many records per entry held is written anew."""


class Saved:
    """What storage held at the start; built by feeding it the records in order."""

    def __init__(self) -> None:
        self.vote = NOBODY
        self.log = Log()
        self.committed = -1
        self.snapshot: Snapshot | None = None

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
        elif kind == "snapshot":
            self.snapshot = Snapshot.decode(value)
        elif kind == "purge":
            self.log.purge(value)
        elif kind == "install":
            self.snapshot = Snapshot.decode(value)
            self.log.install(self.snapshot)
            self.committed = max(self.committed, self.snapshot.last.index)
        elif kind == "base":
            purged, at, membership = value
            self.log.purged = log_id(purged)
            self.log.memberships = [(log_id(at), Membership.decode(membership))]


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

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Save that a snapshot was built; its contents are already safe."""

    def purge(self, index: int) -> None:
        """Save that the log now begins behind this index."""

    def install(self, snapshot: Snapshot) -> None:
        """Save that a leader's snapshot replaces the log up to its end; the contents are safe."""

    def flush(self) -> None:
        """Make everything saved so far survive anything."""


class WalFile:
    """The write-ahead file of one group; raises OSError where the disk fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._pending = bytearray()
        self._unsafe = False
        self._records = 0
        self.saved = Saved()
        end = 0
        for record, end in _records(_whole(self._fd)):  # noqa: B007 - the last end is needed
            self.saved.feed(record)
            self._records += 1
        os.ftruncate(self._fd, end)
        os.lseek(self._fd, end, os.SEEK_SET)
        _sync_directory(path)

    def save_vote(self, vote: Vote) -> None:
        """Save the vote."""
        self.saved.vote = vote
        self._write("vote", vote)

    def append(self, entry: Entry) -> None:
        """Save an entry at the end of the log."""
        self._write("entry", entry.encode())

    def cut(self, index: int) -> None:
        """Save that the log now ends before this index."""
        self._write("cut", index)

    def save_committed(self, index: int) -> None:
        """Note how far the log is committed: survives a kill, perhaps not a power cut."""
        self.saved.committed = index
        self._write("committed", index, durable=False)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Save that a snapshot was built; its contents are already safe."""
        self.saved.snapshot = snapshot
        self._write("snapshot", snapshot.encode())

    def purge(self, index: int) -> None:
        """Save that the log now begins behind this index; tidy the file when that pays."""
        self._write("purge", index)
        if self._records > WASTE * (len(self.saved.log.entries) + WASTE):
            self._rewrite()

    def install(self, snapshot: Snapshot) -> None:
        """Save that a leader's snapshot replaces the log up to its end; the contents are safe."""
        self.saved.snapshot = snapshot
        self.saved.committed = snapshot.last.index
        self._write("install", snapshot.encode())

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
        self._pending += _record(kind, value)
        self._records += 1
        self._unsafe = self._unsafe or durable

    def _rewrite(self) -> None:
        """Replace the file by one that holds what is in force and nothing else."""
        saved, log = self.saved, self.saved.log
        records: list[tuple[str, Json]] = [("vote", saved.vote)]
        if saved.snapshot:
            records.append(("snapshot", saved.snapshot.encode()))
        at, membership = log.memberships[0]
        if at is None or at.index < log.first:
            records.append(("base", [log.purged, at, membership.encode()]))
        records += (("entry", entry.encode()) for entry in log.entries)
        records.append(("committed", saved.committed))
        fresh = self._path.with_suffix(".new")
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._pending = bytearray(b"".join(_record(*record) for record in records))
        os.close(self._fd)
        self._fd, self._records, self._unsafe = fd, len(records), True
        self.flush()
        fresh.replace(self._path)
        _sync_directory(self._path)


def _record(kind: str, value: Json) -> bytes:
    payload = json.dumps([kind, value], separators=(",", ":")).encode()
    return HEADER.pack(len(payload), zlib.crc32(payload)) + payload


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
