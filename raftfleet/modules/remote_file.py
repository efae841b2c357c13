"""A path on a host: what is there, and making its mode and owner what they should be."""

from __future__ import annotations

import posixpath
import stat
from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules import modes
from raftfleet.modules.on_host import complaint, word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.modules.on_host import OnHost

__all__ = ["FORMAT", "SUMS", "Attributes", "Remote", "described_by", "look", "parent", "settle"]

# No name of a user holds a slash; BusyBox knows neither --printf nor fractions of a second.
FORMAT: Final = "%f/%h/%u/%g/%U/%G/%s/%i/%d/%.9X/%.9Y/%.9Z"
_ABSENT: Final = ("No such file or directory", "Not a directory")
SUMS: Final = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class Remote:
    """Something that exists on a host; times in seconds since the epoch by the host's clock.

    ``mode`` holds type and permissions as stat(2) gives them. ``checksum`` is of a regular file
    when it was asked for and could be read. ``target`` is where a symbolic link points.
    """

    path: str
    mode: int
    links: int
    uid: int
    gid: int
    owner: str
    group: str
    size: int
    inode: int
    device: int
    accessed: float
    modified: float
    changed: float
    checksum: str | None = None
    target: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def state(self) -> str:
        """The word that `file` has for it."""
        if self.is_link:
            return "link"
        if self.is_directory:
            return "directory"
        return "hard" if self.is_file and self.links > 1 else "file"

    def values(self) -> dict[str, Any]:
        """Return what modules register about a path."""
        return {
            "state": self.state,
            "mode": modes.shown(self.mode),
            "owner": self.owner,
            "group": self.group,
            "uid": self.uid,
            "gid": self.gid,
            "size": self.size,
        }


def look(
    host: OnHost, path: str, *, follow: bool = False, checksum: str | None = None
) -> Remote | None:
    """Return what is at a path, or None; one round trip.

    ``checksum`` names an algorithm (`SUMS`). Raises `TaskError` when it cannot be known, as in a
    directory that may not be entered.
    """
    option = "-L " if follow else ""
    line = f"export LC_ALL=C; p={word(path)}; stat {option}-c '{FORMAT}' -- \"$p\" || exit 1"
    line += '; [ ! -L "$p" ] || readlink -n -- "$p"; printf "\\0"'
    if checksum:
        itself = "" if follow else ' && [ ! -L "$p" ]'
        line += f'; if [ -f "$p" ]{itself}; then {checksum}sum <"$p" 2>/dev/null; fi; :'
    outcome = host.run(line)
    if outcome.ok:
        return _parse(path, outcome.stdout)
    said = complaint(outcome)
    if said.endswith(_ABSENT):
        return None
    raise TaskError(f"cannot look at {path}: {said}")


def _parse(path: str, said: bytes) -> Remote:
    described, _, rest = said.decode("utf-8", "surrogateescape").partition("\n")
    target, _, checksum = rest.partition("\0")
    checksum = checksum.partition(" ")[0].strip()
    return described_by(path, described, checksum=checksum or None, target=target or None)


def described_by(
    path: str, described: str, *, checksum: str | None = None, target: str | None = None
) -> Remote:
    """Return what stat(1) said in `FORMAT` about a path."""
    parts = described.split("/")
    uid, gid, owner, group = int(parts[2]), int(parts[3]), parts[4], parts[5]
    return Remote(
        path=path,
        mode=int(parts[0], 16),
        links=int(parts[1]),
        uid=uid,
        gid=gid,
        owner=owner if owner != "UNKNOWN" else str(uid),
        group=group if group != "UNKNOWN" else str(gid),
        size=int(parts[6]),
        inode=int(parts[7]),
        device=int(parts[8]),
        accessed=float(parts[9]),
        modified=float(parts[10]),
        changed=float(parts[11]),
        target=target,
        checksum=checksum,
    )


@dataclass(frozen=True, slots=True)
class Attributes:
    """Mode, owner and group that a task asks for; None leaves one as it is."""

    mode: str | int | None = None
    owner: str | None = None
    group: str | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Attributes:
        """Take them from a task's arguments."""
        return cls(arguments.get("mode"), arguments.get("owner"), arguments.get("group"))

    def like(self, source: Path) -> Attributes:
        """Return these with a mode "preserve" made that of a file here."""
        if self.mode != "preserve":
            return self
        return replace(self, mode=modes.shown(stat.S_IMODE(source.stat().st_mode)))

    def as_of(self, there: Remote) -> Attributes:
        """Return these with a mode "preserve" made that of something on the host."""
        return replace(self, mode=modes.shown(there.mode)) if self.mode == "preserve" else self

    def mode_for(self, now: Remote) -> int:
        """Return the permission bits that something should have."""
        if self.mode is None:
            return now.mode & 0o7777
        return modes.resolve(self.mode, now.mode, directory=now.is_directory)

    def lines(self, now: Remote) -> list[str]:
        """Return the shell lines that make something as it should be; none when it is."""
        lines = []
        itself = "-h " if now.is_link else ""
        if self.owner is not None and self.owner not in {now.owner, str(now.uid)}:
            lines.append(f"chown {itself}-- {word_of(self.owner)} {word(now.path)}")
        if self.group is not None and self.group not in {now.group, str(now.gid)}:
            lines.append(f"chgrp {itself}-- {word_of(self.group)} {word(now.path)}")
        wanted = self.mode_for(now)
        # chown clears set-id bits, so the mode is set again whenever the owner changed.
        if not now.is_link and (wanted != now.mode & 0o7777 or (lines and self.mode is not None)):
            lines.append(f"chmod {wanted:04o} -- {word(now.path)}")
        return lines

    def recursive(self, path: str) -> list[str]:
        """Return the shell lines for all below a directory; they name what they change."""
        lines = []
        if self.owner is not None:
            lines.append(f"chown -Rc -- {word_of(self.owner)} {word(path)}")
        if self.group is not None:
            lines.append(f"chgrp -Rc -- {word_of(self.group)} {word(path)}")
        if self.mode is not None:
            lines.append(f"chmod -Rc -- {quote(_written(self.mode))} {word(path)}")
        return lines


def _written(mode: str | int) -> str:
    return modes.shown(mode) if isinstance(mode, int) else mode


def word_of(name: str) -> str:
    """Return a user's or group's name for a command line; `TaskError` if it cannot be one."""
    if not name or not all(letter.isalnum() or letter in "_.-$@+\\" for letter in name):
        raise TaskError(f"{name!r} is not the name of a user or group")
    return f"'{name}'"


def settle(host: OnHost, now: Remote, wanted: Attributes) -> tuple[bool, Remote]:
    """Make mode and owner as wanted; return whether that changed anything, and what is there.

    In check mode nothing is done, and what is returned is what would be there.
    """
    lines = wanted.lines(now)
    if not lines:
        return False, now
    if not host.context.check_mode:
        host.ask("export LC_ALL=C; " + " && ".join(lines), f"set mode or owner of {now.path}")
        now = look(host, now.path) or now
    return True, now


def parent(path: str) -> str:
    """Return the directory that a path lies in."""
    return posixpath.dirname(path.rstrip("/")) or ("/" if path.startswith("/") else ".")
