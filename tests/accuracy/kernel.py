"""What the machine's own kernel saw: signals, ends, births and listening sockets, by tracefs.

Stamps are of the machine's monotonic clock, microseconds, taken where it happened. Processes are
named by their pid on the machine, which is another than the one within a sandbox host.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from raftfleet.sandbox import SandboxHost

__all__ = ["Kernel", "Seen", "pid_of"]

_TRACEFS = Path("/sys/kernel/tracing")
_EVENTS = {
    "signal/signal_generate": "sig == 2 || sig == 9 || sig == 15 || sig == 17",
    "sched/sched_process_fork": "",
    "sock/inet_sock_set_state": "newstate == 10",
}
_LINE = re.compile(r"-(\d+) +\[\d+\] \S+ +(\d+\.\d+): (\w+): (.*)")
_SIGCHLD = 17


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: which process did it, when, and the event's own fields."""

    pid: int
    t: float
    event: str
    fields: dict[str, str]


class Kernel:
    """A trace of our own for the length of a ``with`` block; nothing else on the machine notices."""

    def __init__(self) -> None:
        self._instance = _TRACEFS / "instances" / f"raftfleet-accuracy-{os.getpid()}"
        self._mounted = False

    def __enter__(self) -> Self:
        if not (_TRACEFS / "instances").is_dir():
            subprocess.run(["mount", "-t", "tracefs", "tracefs", _TRACEFS], check=True)
            self._mounted = True
        self._instance.mkdir()
        self._write("trace_clock", "mono")
        self._write("buffer_size_kb", "8192")
        for event, condition in _EVENTS.items():
            if condition:
                self._write(f"events/{event}/filter", condition)
            self._write(f"events/{event}/enable", "1")
        return self

    def __exit__(self, *_: object) -> None:
        self._instance.rmdir()
        if self._mounted:
            subprocess.run(["umount", _TRACEFS], check=False)

    def _write(self, name: str, text: str) -> None:
        (self._instance / name).write_text(text)

    def forget(self) -> None:
        """Forget everything seen so far."""
        self._write("trace", "")

    def seen(self) -> list[Seen]:
        """Return everything seen since, in order."""
        found = []
        for line in (self._instance / "trace").read_text(errors="replace").splitlines():
            match = _LINE.search(line)
            if match:
                pid, t, event, text = match.groups()
                pairs = (word.partition("=") for word in text.split())
                fields = {key: value for key, _, value in pairs}
                found.append(Seen(int(pid), float(t), event, fields))
        return sorted(found, key=lambda one: one.t)


def pid_of(host: SandboxHost, pid: int) -> int:
    """Return the pid on the machine of a process that runs on a host with this pid there."""
    space = Path(f"/proc/{host.init_pid}/ns/pid").readlink()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            ids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
            if int(ids[-1]) == pid and (folder / "ns/pid").readlink() == space:
                return int(folder.name)
        except (OSError, StopIteration):
            continue
    raise LookupError(f"no process {pid} on {host.name}")


def signalled(seen: list[Seen], pid: int, number: int) -> float:
    """Return when a signal was sent to a process."""
    return next(
        one.t
        for one in seen
        if one.event == "signal_generate"
        and one.fields["sig"] == str(number)
        and one.fields["pid"] == str(pid)
    )


def ended(seen: list[Seen], pid: int) -> float:
    """Return when a process had ended: when the kernel told its parent so."""
    return next(
        one.t
        for one in seen
        if one.event == "signal_generate" and one.fields["sig"] == str(_SIGCHLD) and one.pid == pid
    )


def born(seen: list[Seen], pid: int) -> float:
    """Return when a process was made."""
    return next(
        one.t
        for one in seen
        if one.event == "sched_process_fork" and one.fields["child_pid"] == str(pid)
    )


def listening(seen: list[Seen], pid: int) -> float:
    """Return when a process began to listen on the last of its ports."""
    return max(one.t for one in seen if one.event == "inet_sock_set_state" and one.pid == pid)
