"""Who holds the cluster lock: what a holder says of itself, and what a host says of its record."""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .remote import number, plain

if TYPE_CHECKING:
    from collections.abc import Collection

    from .remote import Reply

__all__ = ["Holder", "Sighting"]


@dataclass(frozen=True, slots=True)
class Holder:
    """A controller: a process on some machine, and what it runs.

    ``system`` tells the machine's boot and the pid namespace apart from all others, so that a pid
    means something; ``start`` is the process's start time in clock ticks since boot. ``since`` is
    Unix time, for people.
    """

    user: str = "somebody"
    machine: str = "somewhere"
    system: str = ""
    pid: str = ""
    start: str = ""
    run: str = ""
    since: str = ""

    @classmethod
    def ourselves(cls, run: str, wall: float) -> Self:
        """Return who this process is."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = str(os.getuid())
        return cls(
            user=user,
            machine=socket.gethostname(),
            system=_system(),
            pid=str(os.getpid()),
            start=_start_of("self"),
            run=run,
            since=f"{wall:.0f}",
        )

    def lines(self) -> str:
        """Return the lines of a record that say who this is."""
        said = ((f.name, " ".join(str(getattr(self, f.name)).split())) for f in fields(self))
        return "\n".join(f"{name} {text or '-'}" for name, text in said)

    def is_dead(self, us: Holder) -> bool:
        """Whether this is certainly dead: a process of this machine, as we see it, that is gone."""
        if not self.system or self.system != us.system or not self.pid.isdecimal():
            return False
        return _start_of(self.pid) != self.start

    def __str__(self) -> str:
        return f"{self.user}@{self.machine} (pid {self.pid}), {self.run}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one host says: of the lock's record, and of itself.

    ``now`` is its boot clock in hundredths of a second, ``left`` the seconds the record still
    holds, ``epoch`` the highest it has seen. An empty ``token``: there is no record.
    """

    holder: Holder
    token: str
    held: bool
    left: float
    epoch: int
    now: int
    refusal: str = ""

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Read a host's reply; what it holds is another's text."""
        said = {f.name: plain(reply.last(f"lock.{f.name}")) for f in fields(Holder)}
        return cls(
            holder=Holder(**said),
            token=reply.last("lock.token"),
            held=reply.last("lock.state") == "held",
            left=max(0.0, number(reply.last("lock.left", "0")) / 100),
            epoch=int(number(reply.last("epoch", "0"))),
            now=int(number(reply.last("now", "0"))),
            refusal=reply.last("refused").partition(" ")[0],
        )

    def is_left_from(self, us: str, dead: Collection[str]) -> bool:
        """Whether this is the record of somebody before us: expired, or of a dead holder."""
        return self.token not in {"", us} and (not self.held or self.token in dead)

    def describe(self, *, dead: bool = False) -> str:
        """Return who it is, since when, and when the lock expires or what it is worth."""
        when = f"expires in {self.left:.0f} s unless renewed" if self.held else "expired"
        when = "whose process is dead" if dead else when
        since = _clock_time(self.holder.since)
        return f"{self.holder}{since}, {when}"


def _clock_time(since: str) -> str:
    if not since.isdecimal():
        return ""
    return f", since {datetime.fromtimestamp(int(since), UTC):%Y-%m-%d %H:%M:%S} UTC"


def _system() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}".replace(" ", "")


def _start_of(pid: str) -> str:
    """Return a process's start time, nothing when it has ended."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *others = stat.rpartition(")")[2].split()
        return "" if state in {"Z", "X"} else others[18]
    return ""
