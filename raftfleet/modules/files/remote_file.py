"""A path on a host, and what is there."""

from __future__ import annotations

import posixpath
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import complaint, word

if TYPE_CHECKING:
    from raftfleet.modules.on_host import OnHost

__all__ = ["FORMAT", "SUMS", "Remote", "described_by", "look", "look_lines", "parent", "parsed"]

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
            "mode": f"0{self.mode & 0o7777:03o}",
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
    line = f"export LC_ALL=C; p={word(path)}; {look_lines(follow=follow, checksum=checksum)}"
    outcome = host.run(line)
    if outcome.ok:
        return parsed(path, outcome.stdout)
    said = complaint(outcome)
    if said.endswith(_ABSENT):
        return None
    raise TaskError(f"cannot look at {path}: {said}")


def look_lines(*, follow: bool, checksum: str | None) -> str:
    """Return the shell lines that describe what is at ``$p``, for `parsed`."""
    option, unless_link = ("-L ", "") if follow else ("", ' && [ ! -L "$p" ]')
    lines = f"stat {option}-c '{FORMAT}' -- \"$p\" || exit 1"
    lines += '; [ ! -L "$p" ] || readlink -n -- "$p"; printf "\\0"'
    if checksum:
        lines += f'; if [ -f "$p" ]{unless_link}; then {checksum}sum <"$p" 2>/dev/null; fi; :'
    return lines


def parsed(path: str, said: bytes) -> Remote:
    """Return what `look_lines` said about a path."""
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


def parent(path: str) -> str:
    """Return the directory that a path lies in."""
    return posixpath.dirname(path.rstrip("/")) or ("/" if path.startswith("/") else ".")
