"""``down``: remove all of a sandbox, whoever died while making or removing it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from raftfleet.sandbox import cgroups, network, place, rootless, state
from raftfleet.sandbox.model import Phase, check_name
from raftfleet.sandbox.processes import boot_id, end, end_strays
from raftfleet.sandbox.tools import call, require_root

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Removed", "clear", "clear_rootless", "down"]

_PATIENCE = 30.0


class Removed(msgspec.Struct, frozen=True):
    """What there was to remove, by name; false when there was nothing."""

    hosts: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(msgspec.structs.astuple(self))

    def __str__(self) -> str:
        counts = {kind: len(names) for kind, names in msgspec.structs.asdict(self).items() if names}
        parts = [f"{n} {kind if n > 1 else kind.removesuffix('s')}" for kind, n in counts.items()]
        return ", ".join(parts) or "nothing"


def down(name: str = "raftfleet", *, progress: Callable[[str], None] = lambda _: None) -> Removed:
    """Remove a sandbox and return what was removed; removing nothing is fine.

    Also removes what a killed ``up`` or ``down`` left, and what is left when the sandbox's folder
    has been deleted by hand. Waits for a maker that is still at work, and raises SandboxError if it
    takes half a minute.
    """
    check_name(name)
    if place.ROOTLESS:
        with rootless.turn():
            return clear_rootless(name, progress)
    require_root()
    with state.locked(name, seconds=_PATIENCE) as lock:
        if lock is not None:
            return clear(name, lock, progress)
    # Nobody can take the name while we hold the register, so what bears its mark is ours to end.
    with state.register() as keep:
        if name in state.registered():
            return Removed()  # it has just been made: the sandbox we were asked to remove is gone
        return _forget(name, _end(name, keep, progress), progress)


def clear(name: str, lock: int, progress: Callable[[str], None] = lambda _: None) -> Removed:
    """Remove a sandbox whose folder's lock we hold."""
    removed = _end(name, lock, progress)
    with state.register():
        return _forget(name, removed, progress)


def clear_rootless(name: str, progress: Callable[[str], None] = lambda _: None) -> Removed:
    """Remove an ordinary user's sandbox, in the user's turn: all but files ends with the keeper."""
    progress("processes")
    hosts = rootless.stop(name)
    with state.register():
        return _forget(name, Removed(hosts=tuple(sorted(hosts))), progress)


def _end(name: str, keep: int, progress: Callable[[str], None]) -> Removed:
    """End everything of a sandbox that runs, is mounted, plugged in or routed."""
    progress("processes")
    interfaces = network.links(name)  # those of a host vanish with it, at a time of their own
    hosts = _end_recorded(name) | end_strays(name)
    progress("mounts")
    mounts = _mounts_below(state.folders(name))
    for mount in mounts:
        call(["umount", "--lazy", mount], keep=keep)
    progress("interfaces")
    network.remove_links(name, keep=keep)
    progress("routes")
    routes = network.remove_routes(name, keep=keep)
    progress("cgroups")
    groups = cgroups.remove(name)
    return Removed(
        *(tuple(sorted(hosts)), tuple(mounts), tuple(interfaces), tuple(routes), tuple(groups))
    )


def _forget(name: str, removed: Removed, progress: Callable[[str], None]) -> Removed:
    """Give the name and the subnet back, under the register's lock."""
    progress("folder")
    swept = state.sweep()
    erased = [name] if state.erase(name) else []
    return msgspec.structs.replace(removed, folders=(*erased, *swept))


def _end_recorded(name: str) -> set[str]:
    """Write down that a sandbox is going, kill the hosts it has on record, return their names."""
    record = state.read(name)
    if record is None:
        return set()
    state.write(msgspec.structs.replace(record, phase=Phase.GOING))
    if record.boot_id != boot_id():  # these pids are other processes by now
        return set()
    names = {host.init: host.name for host in record.hosts if host.init}
    return {names[process] for process in end(names)}


def _mounts_below(folders: list[Path]) -> list[str]:
    """Return what somebody mounted inside folders, innermost first: it must not be deleted."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        escaped = line.split()[4]  # proc(5): blanks and backslashes are written as \ooo
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), escaped)
        if any(Path(point).is_relative_to(folder) for folder in folders):
            found.append(point)
    return found[::-1]
