"""Run folders: their names, the link to the newest, and the files beside the journal."""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import JournalError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from raftfleet.clock import Clock

__all__ = [
    "LATEST",
    "SUMMARY",
    "find_run",
    "list_runs",
    "make_run_folder",
    "write_file",
    "write_summary",
]

LATEST = "latest"
SUMMARY = "summary.json"
_ATTEMPTS = 100


def make_run_folder(runs: Path, what: str, clock: Clock) -> Path:
    """Make ``runs/<UTC time>-<what>-<short id>/``, readable by its owner only.

    ``what`` is the drill's id or the command's name. ``runs/latest`` points to it from now on.
    """
    stamp = datetime.fromtimestamp(clock.wall(), tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", what).strip("-.")[:60] or "run"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        folder = _fresh(runs, f"{stamp}-{slug}")
        _point(runs / LATEST, folder.name)
    except OSError as error:
        raise JournalError(
            f"cannot make a run folder in {runs}: {error.strerror}",
            hint="run from a directory you can write to",
        ) from None
    return folder


def _fresh(runs: Path, name: str) -> Path:
    for _ in range(_ATTEMPTS):
        folder = runs / f"{name}-{secrets.token_hex(2)}"
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(17, "no free name", str(runs / name))


def _point(link: Path, target: str) -> None:
    """Set a symbolic link in one step: whoever follows it finds the old target or the new one."""
    fresh = link.with_name(f".{link.name}-{secrets.token_hex(4)}")
    fresh.symlink_to(target)
    fresh.replace(link)


def find_run(name: str | Path, runs: Path) -> Path:
    """Return the run folder that a path, a folder's name or ``latest`` means.

    Raises `JournalError` with the nearest name when there is none.
    """
    for folder in (Path(name), runs / name):
        if folder.exists():
            return folder
    known = [folder.name for folder in list_runs(runs)]
    close = nearest(str(name), known)
    hint = f"did you mean {close}?" if close else f"there are {len(known)} runs in {runs}"
    raise JournalError(f"there is no run {str(name)!r}", hint=hint)


def list_runs(runs: Path) -> list[Path]:
    """Return the run folders, oldest first."""
    if not runs.is_dir():
        return []
    return sorted(p for p in runs.iterdir() if p.is_dir() and not p.is_symlink())


def write_summary(folder: Path, summary: Mapping[str, object]) -> Path:
    """Write ``summary.json`` of a run."""
    text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
    return write_file(folder / SUMMARY, text + b"\n")


def write_file(
    path: Path, content: bytes | Iterable[bytes], *, mode: int = 0o600, durable: bool = False
) -> Path:
    """Write a file in one step: a reader finds the old content or the new, never a part.

    ``content`` may be made piece by piece while it is written. ``durable``: also after the machine
    lost its power. Raises `JournalError` when it cannot be written.
    """
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(file, "wb") as out:
            os.fchmod(file, mode)
            for piece in (content,) if isinstance(content, bytes) else content:
                out.write(piece)
            if durable:
                out.flush()
                os.fsync(file)
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise JournalError(
            f"cannot write {path}: {error.strerror}", hint="make room, or choose another folder"
        ) from None
    return path
