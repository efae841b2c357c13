"""An archive made anew as a plain tar: what a zip holds, or only some of what a tar holds."""

from __future__ import annotations

import fnmatch
import stat
import tarfile
import time
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from raftfleet.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Choice", "repacked"]

_LINK_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Choice:
    """Which members are wanted; patterns as a shell has them, empty ``include``: all.

    A pattern also stands for all that lies below what it matches.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def takes(self, name: str) -> bool:
        """Return whether a member is wanted."""
        names = list(_above(name.removeprefix("./")))
        if self.include and not _any_matches(self.include, names):
            return False
        return not _any_matches(self.exclude, names)


def _above(name: str) -> Iterator[str]:
    parts = name.rstrip("/").split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _any_matches(patterns: Sequence[str], names: Sequence[str]) -> bool:
    wanted = [pattern.removeprefix("./").rstrip("/") for pattern in patterns]
    return any(fnmatch.fnmatchcase(name, one) for one in wanted for name in names)


def repacked(source: Path, folder: Path, choice: Choice) -> Path:
    """Return a tar of the wanted members, made in a folder; the source itself if it serves as is.

    Raises `TaskError` for what cannot be read.
    """
    zipped = zipfile.is_zipfile(source) and not tarfile.is_tarfile(source)
    if not zipped and choice == Choice():
        return source
    made = folder / "repacked.tar"
    try:
        with tarfile.open(made, "w") as target:
            for info, file in _of_zip(source) if zipped else _of_tar(source):
                if choice.takes(info.name):
                    target.addfile(info, file)
    except (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise TaskError(f"{source} cannot be read as an archive: {error}") from error
    return made


def _of_tar(source: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    with tarfile.open(source) as opened:
        for info in opened:
            yield info, opened.extractfile(info) if info.isreg() else None


def _of_zip(source: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    with zipfile.ZipFile(source) as opened:
        for entry in opened.infolist():
            made = tarfile.TarInfo(entry.filename.rstrip("/"))
            # The upper half is what Unix keeps there; other makers leave it empty.
            mode = entry.external_attr >> 16
            made.mtime = int(time.mktime((*entry.date_time, 0, 0, -1)))
            if entry.is_dir():
                made.type, made.mode = tarfile.DIRTYPE, stat.S_IMODE(mode) or 0o755
                yield made, None
            elif stat.S_ISLNK(mode):
                if entry.file_size > _LINK_LIMIT:
                    raise TaskError(f"the link {entry.filename!r} in the archive is too long")
                made.type, made.linkname = tarfile.SYMTYPE, opened.read(entry).decode()
                yield made, None
            else:
                made.size, made.mode = entry.file_size, stat.S_IMODE(mode) or 0o644
                with opened.open(entry) as file:
                    yield made, file
