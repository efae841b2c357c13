"""Processes of a sandbox: told apart from recycled pids, found again, ended for certain."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import SandboxError
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "TAG",
    "Process",
    "boot_id",
    "end",
    "end_strays",
    "identify",
    "is_alive",
    "parent",
    "strays",
]

TAG = "RAFTFLEET_SANDBOX"
"""Environment variable of everything that makes up a host: ``sandbox/host``."""

PROC = Path("/proc")

_PATIENCE = 10.0


class Process(msgspec.Struct, frozen=True):
    """A process and its start time in clock ticks since boot (proc(5), stat field 22)."""

    pid: int
    start: int


def boot_id() -> str:
    """Return what tells this boot of the machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def identify(pid: int, proc: Path = PROC) -> Process | None:
    """Return the process that has this pid, or None.

    A zombie is no process: it has ended and waits only to be counted. ``proc`` is where the
    processes of another pid namespace are listed.
    """
    stat = _stat(pid, proc)
    return None if stat is None or stat[0] in {b"Z", b"X"} else Process(pid, int(stat[19]))


def parent(pid: int) -> int:
    """Return the pid of a process's parent, or 0 when there is no such process."""
    stat = _stat(pid)
    return int(stat[1]) if stat else 0


def _stat(pid: int, proc: Path = PROC) -> list[bytes] | None:
    """Return the fields of proc(5)'s stat from the third on (state, parent, ...)."""
    with suppress(FileNotFoundError, ProcessLookupError):
        # The second field is the program's name in parentheses and may itself hold anything.
        return (proc / f"{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return None


def is_alive(process: Process, proc: Path = PROC) -> bool:
    """Tell whether this very process still runs."""
    return identify(process.pid, proc) == process


def end(processes: Iterable[Process]) -> list[Process]:
    """Kill processes, wait until they are gone, and return those that were alive.

    For the first process of a pid namespace, gone means that all others inside are gone too
    (pid_namespaces(7)). Raises SandboxError when one outlives SIGKILL by ten seconds.
    """
    ending = list(_shoot(processes))
    try:
        for process, descriptor in ending:
            waiter = select.poll()
            waiter.register(descriptor, select.POLLIN)
            if not waiter.poll(_PATIENCE * 1000):
                raise SandboxError(
                    f"process {process.pid} is still there {_PATIENCE:g} s after SIGKILL",
                    hint=f"see /proc/{process.pid}/stack; frozen or waiting for a device?",
                )
    finally:
        for _, descriptor in ending:
            os.close(descriptor)
    return [process for process, _ in ending]


def _shoot(processes: Iterable[Process]) -> Iterator[tuple[Process, int]]:
    """Send SIGKILL and yield a pidfd for each process that was there to receive it."""
    for process in processes:
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        # The descriptor holds on to one process, so the identity cannot change after this look.
        if is_alive(process):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            yield process, descriptor
        else:
            os.close(descriptor)


def strays(sandbox: str, kind: str = TAG) -> dict[Process, str]:
    """Return what bears a sandbox's tag, recorded or not, and the host each one works for."""
    tag = f"{kind}={sandbox}/".encode()
    us = os.geteuid()
    found = {}
    for entry in os.scandir("/proc"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if not entry.name.isdecimal() or entry.stat().st_uid != us:
                continue
            environment = Path(entry.path, "environ").read_bytes()
            process = identify(int(entry.name))
            for setting in environment.split(b"\0"):
                if process and setting.startswith(tag):
                    found[process] = setting.removeprefix(tag).decode()
    return found


def end_strays(sandbox: str) -> set[str]:
    """Kill everything that bears a sandbox's tag until nothing does; return the hosts it was."""
    hosts: set[str] = set()

    def look() -> str | None:
        left = strays(sandbox)
        end(left)
        hosts.update(left.values())
        return f"{len(left)} processes" if left else None

    until(look, seconds=_PATIENCE, what=f"end of all processes of sandbox {sandbox}")
    return hosts
