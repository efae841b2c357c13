"""What an ordinary user's sandbox needs of the machine, and the command that grants each of it."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.sandbox.tools import ENVIRONMENT, lacking_programs, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["require_user_namespaces"]

_RANGE = 65536
"""Ids a sandbox maps: all that an operating system gives to its accounts, ``nobody`` included."""

_FIRST = 100_000
_SUBIDS = {"uid": Path("/etc/subuid"), "gid": Path("/etc/subgid")}
_SWITCHES = Path("/proc/sys")
_NAMESPACES = Path("/proc/self/ns")


def require_user_namespaces() -> None:
    """Raise one SandboxError that names all this user lacks, with the commands that grant it."""
    refuse([*_lacking_kernel(), *lacking_programs(), *_lacking_helpers(), *_lacking_ids()])


def _lacking_kernel() -> Iterator[tuple[str, str]]:
    if not (_NAMESPACES / "user").exists():
        yield "the kernel lacks user namespaces", "use a kernel with CONFIG_USER_NS, or root (sudo)"
    for name, forbids, allows, meaning in (
        ("kernel.unprivileged_userns_clone", 0, 1, "ordinary users may make no namespaces"),
        ("user.max_user_namespaces", 0, 15000, "no user namespaces are allowed"),
        ("user.max_net_namespaces", 0, 15000, "no network namespaces are allowed"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            *(1, 0),
            "AppArmor takes all rights from ordinary users' namespaces",
        ),
    ):
        if _switch(name) == forbids:
            yield f"{meaning} ({name} = {forbids})", f"sudo sysctl -w {name}={allows}"


def _switch(name: str) -> int | None:
    """Return a switch of the kernel, or None where this kernel has no such switch."""
    try:
        return int((_SWITCHES / name.replace(".", "/")).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _lacking_helpers() -> Iterator[tuple[str, str]]:
    helpers = ("newuidmap", "newgidmap")
    if missing := [name for name in helpers if not shutil.which(name, path=ENVIRONMENT["PATH"])]:
        yield f"programs missing: {', '.join(missing)}", "sudo apt-get install uidmap"


def _lacking_ids() -> Iterator[tuple[str, str]]:
    short = [kind for kind, file in _SUBIDS.items() if _granted(file) < _RANGE]
    if short:
        user = _user()
        first = max(map(_first_free, _SUBIDS.values()))
        ids = f"{first}-{first + _RANGE - 1}"
        files = " and ".join(f"/etc/sub{kind}" for kind in short)
        grants = " ".join(f"--add-sub{kind}s {ids}" for kind in short)
        yield (
            f"{files} grant{'s' if len(short) == 1 else ''} user {user} fewer than {_RANGE} ids",
            f"sudo usermod {grants} {user}",
        )


def _granted(file: Path) -> int:
    """Return how many ids the first range of ours has: the only one unshare(1) takes."""
    us = {_user(), str(os.getuid())}
    return next((count for name, _, count in _ranges(file) if name in us), 0)


def _first_free(file: Path) -> int:
    """Return the first id above all ranges that were given out."""
    return max([_FIRST, *(first + count for _, first, count in _ranges(file))])


def _ranges(file: Path) -> Iterator[tuple[str, int, int]]:
    """Yield the lines of a subuid(5) or subgid(5) file; one that cannot be read grants nothing."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        name, _, numbers = line.strip().partition(":")
        first, _, count = numbers.partition(":")
        if first.isdecimal() and count.isdecimal():
            yield name, int(first), int(count)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
