"""The user namespace in which an ordinary user's sandbox lives, and the ways into it.

Each sandbox has one: a user namespace with the user's range of subordinate ids, and in it a network
namespace for the bridge, a mount namespace and a pid namespace. Inside, the user is root, and
``up`` makes the hosts there exactly as root makes them on the machine. The first process, the
keeper, holds it all together: when it ends, however that happens, the kernel ends and takes down
everything inside. Nothing of it is written down; the keeper is found by the sandbox's tag.

The controller is outside, and the hosts' addresses lead nowhere from there. So a command that works
with such hosts *joins*: it moves itself into the sandbox's user and network namespace and stays in
the machine's mount and pid namespace. From then on it reaches every port of every host directly,
over the same kind of bridge as root's controller does, so that what it measures is the same, while
it sees the files and processes that it always saw. (A proxy for each connection would have put a
process and a pipe between the controller and every poll it times.)
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import SandboxError
from raftfleet.sandbox import place
from raftfleet.sandbox.processes import Process, end, identify, parent, strays
from raftfleet.sandbox.tools import ENVIRONMENT
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find", "join", "make_inside", "start", "stop", "turn"]

KEEPER_TAG = "RAFTFLEET_KEEPER"
"""Environment variable of a keeper: ``sandbox/``."""

_NAMESPACES = ("--user", "--map-auto", "--map-root-user", "--net", "--mount", "--pid")
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PATIENCE = 10.0
_MAKING = 60.0


@contextmanager
def turn(*, seconds: float = 30.0) -> Iterator[int]:
    """Have one of a user's processes make or remove sandboxes at a time; yields the lock."""
    descriptor = os.open(place.prepare(place.HOME), os.O_RDONLY | os.O_DIRECTORY)

    def look() -> str | None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "another process is making or removing one"
        return None

    try:
        until(look, seconds=seconds, what="turn to make or remove a sandbox")
        yield descriptor
    finally:
        os.close(descriptor)


def start(name: str) -> Process:
    """Make the namespaces of a sandbox and return their keeper."""
    script = Path(__file__).with_name("keeper.sh").read_text(encoding="utf-8")
    unshare = ("unshare", *_NAMESPACES, "--mount-proc", "--fork", "--kill-child")
    argv = ("setsid", "--fork", "env", "--default-signal", *unshare, "sh", "-c", script, "keeper")
    environment = {**ENVIRONMENT, KEEPER_TAG: f"{name}/"}
    hears, says = os.pipe()
    with tempfile.TemporaryFile() as complaints, open(hears, "rb", buffering=0) as ear:  # noqa: PTH123 - a pipe
        try:
            subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=says,
                stderr=complaints,
                env=environment,
                cwd="/",
                check=False,
            )
        finally:
            os.close(says)
        said = ear.read(16) if select.select([ear], [], [], _PATIENCE)[0] else b""
        complaints.seek(0)
        complaint = complaints.read().decode("utf-8", "replace").strip()
    keeper = find(name)
    if said != b"ready\n" or keeper is None:
        raise SandboxError(
            f"no user namespace for sandbox {name}: {complaint or 'it said nothing'}",
            hint="in a container, start it with --privileged; or run the same command as root",
        )
    return keeper


def find(name: str) -> Process | None:
    """Return the keeper of a sandbox, or None when it has none."""
    return next(filter(_is_first, strays(name, KEEPER_TAG)), None)


def stop(name: str) -> set[str]:
    """End the keeper and with it everything inside; return the hosts that were there."""
    hosts: set[str] = set()

    def look() -> str | None:
        keepers, left = strays(name, KEEPER_TAG), strays(name)
        hosts.update(left.values())
        # unshare(1), which waits for the keeper, shows its environment to nobody.
        waiting = [identify(parent(keeper.pid)) for keeper in keepers if _is_first(keeper)]
        end([*keepers, *filter(None, waiting), *left])
        return f"{len(keepers) + len(left)} processes" if keepers or left else None

    until(look, seconds=_PATIENCE, what=f"end of all processes of sandbox {name}")
    return hosts


def make_inside(name: str, hosts: int, disk_mb: int, keeper: Process, *, keep: int) -> None:
    """Have ``up`` make the hosts inside; it inherits our turn, should we be killed."""
    argv = ["nsenter", "--target", str(keeper.pid), "--user", "--net", "--mount", "--pid"]
    argv += [sys.executable, "-m", "raftfleet.sandbox.inside", name, str(hosts), str(disk_mb)]
    environment = {**ENVIRONMENT, place.HOME_VARIABLE: str(place.HOME)}
    if path := os.environ.get("PYTHONPATH"):
        environment["PYTHONPATH"] = path
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            cwd="/",
            timeout=_MAKING,
            pass_fds=(keep,),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SandboxError(f"the hosts of {name} were not made within {_MAKING:g} s") from None
    if done.returncode == 0:
        return
    with suppress(ValueError, KeyError):
        told = json.loads(done.stdout)
        raise SandboxError(told["message"], hint=told["hint"])
    reason = done.stderr.strip()[-500:] or f"exit status {done.returncode}"
    raise SandboxError(f"the hosts of {name} were not made: {reason}")


def join(name: str) -> None:
    """Move this process into the user and network namespace of a sandbox, for good.

    It must have one thread only. Raises SandboxError when the sandbox has no keeper.
    """
    keeper = find(name)
    if keeper is None:
        raise SandboxError(f"sandbox {name} is not up", hint=f"raftfleet sandbox up --name {name}")
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, flag in (("user", _CLONE_NEWUSER), ("net", _CLONE_NEWNET)):
        here, there = Path(f"/proc/self/ns/{kind}"), Path(f"/proc/{keeper.pid}/ns/{kind}")
        if here.readlink() == there.readlink():
            continue  # joined already
        descriptor = os.open(there, os.O_RDONLY)
        try:
            if libc.setns(descriptor, flag) != 0:
                reason = os.strerror(ctypes.get_errno())
                raise SandboxError(
                    f"cannot join the {kind} namespace of sandbox {name}: {reason}",
                    hint="a process that runs several threads cannot; join before they start",
                )
        finally:
            os.close(descriptor)


def _is_first(process: Process) -> bool:
    """Tell whether a process is the first of a pid namespace (proc(5), NSpid)."""
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[-1] == "1"
    return False
