"""Mode, owner and group as a task asks for them, and making them so."""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.files import modes
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.on_host import word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost

__all__ = ["Attributes", "settle", "word_of"]


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
            lines.append(f"chmod {_exactly(wanted)} -- {word(now.path)}")
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
    if isinstance(mode, str) and not mode.isdecimal():
        return mode
    return _exactly(mode if isinstance(mode, int) else int(mode, 8))


def _exactly(mode: int) -> str:
    """Return a mode for chmod(1), which with fewer digits leaves a directory its set-id bits."""
    return f"{mode:05o}"


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
