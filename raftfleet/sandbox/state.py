"""Where sandboxes are written down: one folder each, its record, its lock, and the register.

The order of things is what lets ``down`` find everything after SIGKILL at any moment:

* A folder appears under its name in one rename, with the record already inside.
* A record names a thing before the thing is made.
* Whoever makes or removes a sandbox holds the lock of its folder; the kernel lets go of it when
  the last process that works for the holder has ended.
* A folder disappears from its name in one rename, when nothing else is left.
* Names and subnets are given out and taken back under the register's lock. Lock order: folder,
  then register. (A new folder is locked before anybody else can see it.)
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import SandboxError
from raftfleet.sandbox.model import HOME, Sandbox
from raftfleet.sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "erase",
    "folders",
    "locked",
    "publish",
    "read",
    "register",
    "registered",
    "subnets",
    "sweep",
    "write",
]

_RECORD = "state.json"
_NEW, _GONE = ".new-", ".gone-"


def registered() -> list[str]:
    """Return the names of all sandboxes, half-made ones too, sorted."""
    try:
        return sorted(entry.name for entry in HOME.iterdir() if not entry.name.startswith("."))
    except FileNotFoundError:
        return []
    except PermissionError:
        raise SandboxError(
            f"the sandboxes in {HOME} are somebody else's", hint="see XDG_RUNTIME_DIR"
        ) from None


def read(name: str) -> Sandbox | None:
    """Return the record of a sandbox, or None when there is none that can be read."""
    with suppress(FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return msgspec.json.decode((HOME / name / _RECORD).read_bytes(), type=Sandbox)
    return None


def write(sandbox: Sandbox, folder: Path | None = None) -> Sandbox:
    """Replace a sandbox's record in one step, and return it."""
    folder = folder or sandbox.directory
    draft = folder / f"{_RECORD}.new"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(sandbox), indent=1) + b"\n")
    draft.replace(folder / _RECORD)
    return sandbox


@contextmanager
def locked(name: str, *, seconds: float = 30.0) -> Iterator[int | None]:
    """Hold the lock of a sandbox's folder; yields its descriptor, for helpers to inherit.

    Yields None when there is no such folder (any more). Raises SandboxError when somebody else
    held the lock for all of ``seconds``.
    """
    descriptor: int | None = None

    def look() -> str | None:
        nonlocal descriptor
        with suppress(FileNotFoundError):
            descriptor = os.open(HOME / name, os.O_RDONLY | os.O_DIRECTORY)
            if not _take(descriptor) or not _is_at(descriptor, HOME / name):
                os.close(descriptor)
                descriptor = None
                return "another process is making or removing it"
        return None

    until(look, seconds=seconds, what=f"lock of sandbox {name}", hint="try again when it is done")
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def register(*, seconds: float = 20.0) -> Iterator[int]:
    """Hold the lock under which names and subnets are given out and taken back."""
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(HOME, os.O_RDONLY | os.O_DIRECTORY)
    try:
        until(
            lambda: None if _take(descriptor) else "held by another process",
            seconds=seconds,
            what=f"lock of {HOME}",
        )
        yield descriptor
    finally:
        os.close(descriptor)


def subnets() -> set[str]:
    """Return the subnets that sandboxes have taken; under the register's lock."""
    records = (read(name) for name in registered())
    return {record.subnet for record in records if record}


def publish(sandbox: Sandbox) -> int:
    """Make a sandbox's folder with its record, under the register's lock; return its own lock."""
    draft = HOME / f"{_NEW}{sandbox.name}"
    draft.mkdir(mode=0o700)
    descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # at once: nobody else knows it yet
        write(sandbox, draft)
        draft.rename(sandbox.directory)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def folders(name: str) -> list[Path]:
    """Return every folder that a sandbox can have, in any stage of its life."""
    return [HOME / f"{stage}{name}" for stage in ("", _NEW, _GONE)]


def erase(name: str) -> bool:
    """Remove a sandbox's folder, under the register's lock; tell whether there was one."""
    gone = HOME / f"{_GONE}{name}"
    try:
        (HOME / name).rename(gone)
        shutil.rmtree(gone)
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise SandboxError(f"cannot remove the folder of sandbox {name}: {problem}") from None
    return True


def sweep() -> list[str]:
    """Remove folders whose maker or eraser died over them; under the register's lock.

    One that cannot be removed (something is mounted in it) is another sandbox's trouble, not that
    of whoever sweeps: it is left for the ``down`` of its own name.
    """
    swept = []
    for entry in HOME.iterdir():
        if entry.name.startswith((_NEW, _GONE)):
            with suppress(OSError):
                shutil.rmtree(entry)
                swept.append(entry.name)
    return swept


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open folder still goes by this name: the one we waited for may be gone."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
