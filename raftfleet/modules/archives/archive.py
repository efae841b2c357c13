"""A tar archive on this machine: what it would put where, and whether it would leave its target."""

from __future__ import annotations

import functools
import hashlib
import tarfile
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Archive", "Member", "read_archive"]

_BLOCK: Final = 1024 * 1024
_OPTIONS: Final = {b"\x1f\x8b": "-z", b"BZ": "-j", b"\xfd7": "-J"}


@dataclass(frozen=True, slots=True)
class Member:
    """One thing that is unpacked; ``name`` is relative to the target.

    ``written`` is its name in the archive, ``modified`` its time in seconds since the epoch.
    ``kind`` is file, directory, link or hard; ``digest`` is a file's SHA-256, ``target`` is where
    a link points as it is written, or the name of what a hard link joins.
    """

    name: str
    kind: str
    executable: bool = False
    digest: str = ""
    target: str = ""
    written: str = ""
    modified: float = 0.0

    @property
    def test(self) -> str:
        """A shell condition that it is there, without a file's content."""
        path = quote(f"./{self.name}")
        if self.kind == "directory":
            return f"[ -d {path} ]"
        if self.kind == "link":
            return f'[ "$(readlink -- {path})" = {quote(self.target)} ]'
        if self.kind == "hard":
            return f"[ {path} -ef {quote(f'./{self.target}')} ]"
        return f"[ -x {path} ]" if self.executable else f"[ -f {path} ]"


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that stays within its target; ``option`` is what tar needs to read it."""

    path: Path
    digest: str
    option: str
    stripped: int
    members: tuple[Member, ...]

    @property
    def top(self) -> list[str]:
        """The names right below the target."""
        return sorted({member.name.split("/", 1)[0] for member in self.members})

    @property
    def test(self) -> str:
        """A script for the target folder: its exit status is 0 if all members are there, else 1."""
        lines = [f"{member.test} || exit 1" for member in self.members]
        sums = [f"{m.digest}  ./{m.name}" for m in self.members if m.kind == "file"]
        if sums:
            lines += [
                "sha256sum -c - >/dev/null 2>&1 <<'END-OF-SUMS' || exit 1",
                *sums,
                "END-OF-SUMS",
            ]
        return "\n".join([*lines, "exit 0", ""])


def read_archive(path: Path, stripped: int = 0) -> Archive:
    """Read what an archive holds, once for all hosts.

    Raises `TaskError` for what is no tar archive, and for one that would leave its target.
    """
    try:
        found = path.stat()
        return _read(path, stripped, found.st_mtime_ns, found.st_ino)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise TaskError(
            f"{path} cannot be read as a tar archive: {error}",
            hint="tar, tar.gz, tar.bz2 and tar.xz can be unpacked",
        ) from error


@functools.lru_cache(maxsize=8)
def _read(path: Path, stripped: int, _changed_ns: int, _inode: int) -> Archive:
    with path.open("rb") as file:
        option = _OPTIONS.get(file.read(2), "")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with tarfile.open(path) as opened:
        members = _members(opened, stripped)
    return Archive(path, digest, option, stripped, tuple(members))


def _members(opened: tarfile.TarFile, stripped: int) -> list[Member]:
    members = [member for info in opened if (member := _member(opened, info, stripped))]
    links = {member.name for member in members if member.kind == "link"}
    for member in members:
        folders = member.name.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            if (through := "/".join(folders[:depth])) in links:
                raise TaskError(f"{member.name!r} in the archive lies behind the link {through!r}")
    return members


def _member(opened: tarfile.TarFile, info: tarfile.TarInfo, stripped: int) -> Member | None:
    name = _inside(info.name, stripped)
    if name is None:
        return None
    if info.isdir():
        return Member(name, "directory")
    if info.issym():
        return Member(name, "link", target=_link_inside(name, info.linkname))
    if info.islnk():
        return Member(name, "hard", target=_inside(info.linkname, stripped) or "")
    source = opened.extractfile(info) if info.isreg() else None
    if source is None:
        raise TaskError(f"{info.name!r} in the archive is a device or a pipe")
    digest = hashlib.sha256()
    while piece := source.read(_BLOCK):
        digest.update(piece)
    executable = bool(info.mode & 0o100)
    return Member(name, "file", executable, digest.hexdigest(), "", info.name, info.mtime)


def _inside(path: str, stripped: int) -> str | None:
    """Return a member's path without its first folders, None when nothing is left.

    Raises `TaskError` when it would lead out of the target, or cannot be compared line by line.
    """
    _refuse_odd(path)
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts:
        raise TaskError(f"{path!r} in the archive leaves its target")
    return "/".join(parts[stripped:]) or None


def _link_inside(name: str, target: str) -> str:
    """Return where a symbolic link points; `TaskError` unless that is inside, whatever lies there.

    A ``..`` behind a name is refused too: that name may itself be a link.
    """
    _refuse_odd(target)
    parts = [part for part in target.split("/") if part not in {"", "."}]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if target.startswith("/") or ".." in parts[up:] or up > name.count("/"):
        raise TaskError(f"the link {name!r} in the archive leaves its target: {target}")
    return target


def _refuse_odd(path: str) -> None:
    if "\n" in path or "\\" in path:
        raise TaskError(f"the name {path!r} in the archive cannot be handled")
