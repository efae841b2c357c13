"""Snapshots on disk: one file of contents each, the newest five of each group kept.

A file is written beside its final name and renamed, so that what has its name is complete. Its
contents are compressed JSON, of the same few kilobytes as the broker's.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .values import Json, Snapshot

__all__ = ["SnapshotFiles", "pack", "snapshot_name", "unpack"]

KEPT = 5


def snapshot_name(group: str, nanoseconds: int) -> str:
    """Return the name of a group's snapshot: ``metadata-1795458454577608900``."""
    return f"{group.partition('_')[0]}-{nanoseconds}"


def pack(contents: Json) -> bytes:
    """Return contents as a file holds them."""
    return zlib.compress(json.dumps(contents, separators=(",", ":")).encode(), 1)


def unpack(data: bytes) -> Json:
    """Undo `pack`."""
    return json.loads(zlib.decompress(data))


class SnapshotFiles:
    """The snapshot files of one group; raises OSError where the disk fails."""

    def __init__(self, directory: Path, group: str) -> None:
        self._directory = directory
        self._prefix = snapshot_name(group, 0)[:-1]

    def save(self, snapshot: Snapshot, data: bytes) -> list[Path]:
        """Make a snapshot safe; return the files of older ones that are to be deleted."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(snapshot)
        dumping = path.with_suffix(".dumping")
        fd = os.open(dumping, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.fdatasync(fd)
        finally:
            os.close(fd)
        dumping.replace(path)
        held = sorted(self._directory.glob(f"{self._prefix}*.bin"), key=_age)
        return [old for old in held[:-KEPT] if old != path]

    def load(self, snapshot: Snapshot) -> bytes:
        """Return what `save` made safe."""
        return self._path(snapshot).read_bytes()

    def _path(self, snapshot: Snapshot) -> Path:
        return self._directory / f"{snapshot.name}.bin"


def _age(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
