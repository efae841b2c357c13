"""Control groups of hosts whose first process is systemd: one each, beside the machine's own.

They are named as the host's cable is, so they are found without any record. Where the machine has
cgroups of version 2 they lie in the one hierarchy, else in the named one that systemd keeps for
itself; either way a host sees its own group as the root of all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import SandboxError
from raftfleet.sandbox.model import link_prefix
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.sandbox.model import Sandbox, SandboxHost

__all__ = ["entering", "lacking", "make", "remove"]

_ROOT = Path("/sys/fs/cgroup")
_PATIENCE = 10.0
_ENTER = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


def hierarchy() -> Path | None:
    """Return where systemd hosts get their groups, or None where this machine has no such place."""
    if (_ROOT / "cgroup.controllers").exists():
        return _ROOT
    named = _ROOT / "systemd"
    return named if (named / "cgroup.procs").exists() else None


def lacking() -> Iterator[tuple[str, str]]:
    """Yield what of control groups this machine lacks for systemd, and what brings it."""
    place = hierarchy()
    if place is None:
        yield (
            "no control groups for systemd: /sys/fs/cgroup is not cgroup2 and has no systemd/",
            f"mkdir {_ROOT}/systemd && mount -t cgroup -o none,name=systemd cgroup {_ROOT}/systemd",
        )
    elif not os.access(place, os.W_OK):
        yield f"{place} is read-only", "in a container, start it with --privileged"


def make(sandbox: Sandbox) -> None:
    """Make the groups of all hosts."""
    place = hierarchy()
    if place is None:
        raise SandboxError("; ".join(problem for problem, _ in lacking()))
    for host in sandbox.hosts:
        try:
            (place / host.link).mkdir(exist_ok=True)
        except OSError as problem:
            raise SandboxError(f"no control group for host {host.name}: {problem}") from None


def entering(host: SandboxHost) -> tuple[str, ...]:
    """Return the words that put a command, to be written after them, into its host's group."""
    return ("sh", "-c", _ENTER, str((hierarchy() or _ROOT) / host.link))


def remove(name: str) -> list[str]:
    """Remove the groups of a sandbox whose processes have ended; return their names."""
    place = hierarchy()
    found = sorted(place.glob(f"{link_prefix(name)}-*")) if place else []

    def look() -> str | None:
        left = [group for group in found if not _removed(group)]
        return f"{len(left)} groups in use" if left else None

    until(look, seconds=_PATIENCE, what=f"end of the control groups of sandbox {name}")
    return [group.name for group in found]


def _removed(group: Path) -> bool:
    """Remove a group with those below it, the innermost first; false while a process is in one."""
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(FileNotFoundError):
            try:
                Path(folder).rmdir()
            except OSError:
                return False
    return not group.exists()
