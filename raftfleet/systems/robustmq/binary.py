"""The program a node runs: a bare binary, the one inside a release tarball, or the simulator.

Everything is decided on the controller before a host is touched: that the file is there, that it
is a program for Linux and for which architecture, and that its digest is the one asked for.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import tarfile
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from raftfleet.errors import UsageError
from raftfleet.systems.protocol import Artifact

if TYPE_CHECKING:
    from .variables import Variables

__all__ = ["PROGRAM", "SIMULATOR", "architecture", "artifacts_of", "release_version"]

PROGRAM = PurePosixPath("bin/broker-server")
"""Where the program lies below a node's home, whatever it came as."""

SIMULATOR = "simulator"
_IN_RELEASE = "libs/broker-server"
_MODE = 0o755

# ELF's e_machine -> what `uname -m` says (elf.h).
_MACHINES = {
    3: "i686",
    21: "ppc64le",
    22: "s390x",
    40: "armv7l",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
}


def architecture(program: Path | bytes) -> str | None:
    """Return what ``uname -m`` says where a program runs; None for a script, which runs anywhere.

    Raises `UsageError` for a file that Linux cannot run.
    """
    head = program[:20] if isinstance(program, bytes) else _head(program)
    name = "the program" if isinstance(program, bytes) else str(program)
    if head.startswith(b"#!"):
        return None
    if not head.startswith(b"\x7fELF") or len(head) < 20:
        raise UsageError(
            f"{name} is neither a Linux program nor a script (it begins with {head[:8]!r})",
            hint="robustmq_binary wants the broker-server that was built for the hosts",
        )
    order = ">" if head[5] == 2 else "<"
    machine = struct.unpack_from(f"{order}H", head, 18)[0]
    return _MACHINES.get(machine, f"ELF machine {machine}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(20)


def artifacts_of(variables: Variables) -> tuple[Artifact, ...]:
    """Return what is to be installed on a node.

    Raises `UsageError` when the inventory names no program, or one that is missing, not for
    Linux, or another than `robustmq_digest` says.
    """
    if bool(variables.binary) == bool(variables.release):
        named = "both robustmq_binary and robustmq_release" if variables.binary else "no program"
        raise UsageError(
            f"the inventory names {named}",
            hint="set robustmq_binary to a broker-server, robustmq_release to a release tarball, "
            f"or robustmq_binary to {SIMULATOR}",
        )
    if variables.binary == SIMULATOR:
        return (_simulator(),)
    name = "robustmq_binary" if variables.binary else "robustmq_release"
    path = _existing(Path(variables.binary or variables.release).expanduser(), name)
    _check_digest(path, name, variables.digest)
    return (_from_file(path if variables.binary else _unpacked(path)),)


def _simulator() -> Artifact:
    from raftfleet.simulator.bundle import bundle  # noqa: PLC0415 - only for hosts that get it

    text = bundle()
    digest = hashlib.sha256(text).hexdigest()
    return Artifact(text, PROGRAM, _MODE, len(text), digest, None, interpreted=True)


def _existing(path: Path, name: str) -> Path:
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise UsageError(
            f"{name}: {path} {what} on this machine",
            hint=f"it wants a path on the controller; relative ones count from {Path.cwd()}",
        )
    return path


def _check_digest(path: Path, name: str, wanted: str) -> None:
    found = _digest(path)
    if wanted and found != wanted.lower().removeprefix("sha256:"):
        raise UsageError(
            f"{name}: {path} is not the file robustmq_digest asks for: its SHA-256 is {found}",
            hint="fetch the file again, or correct robustmq_digest",
        )


def _from_file(path: Path) -> Artifact:
    machine = architecture(path)
    return Artifact(
        path,
        PROGRAM,
        _MODE,
        path.stat().st_size,
        _digest(path),
        machine,
        interpreted=machine is None,
    )


def _digest(path: Path) -> str:
    stat = path.stat()
    return _file_digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _file_digest(path: Path, _size: int, _mtime: int) -> str:
    """Read a file once for all nodes; its size and time are there to notice a new one."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked(release: Path) -> Path:
    """Return the program of a tarball, taken out once into the cache of this user."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = base / "raftfleet" / "robustmq" / _digest(release) / PROGRAM.name
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    try:
        with tarfile.open(release) as archive, part.open("wb") as out:
            _copy_program(archive, out)
    except (tarfile.TarError, EOFError, OSError) as error:
        part.unlink(missing_ok=True)
        raise UsageError(
            f"robustmq_release: {release} cannot be unpacked: {error}",
            hint="it wants a release such as robustmq-0.4.11-linux-amd64.tar.gz",
        ) from None
    part.rename(kept)
    return kept


def _copy_program(archive: tarfile.TarFile, out: IO[bytes]) -> None:
    """Copy the one member we want by reading it: no name of the archive is ever used as a path."""
    for member in archive:
        if member.isreg() and f"/{member.name}".endswith(f"/{_IN_RELEASE}"):
            source = archive.extractfile(member)
            if source is not None:
                while chunk := source.read(1 << 20):
                    out.write(chunk)
                return
    raise tarfile.TarError(f"it holds no {_IN_RELEASE}")


def release_version(name: str) -> str:
    """Return the version that a release's file name carries, or ""."""
    found = re.search(r"-v?(\d+\.\d+\.\d+[0-9A-Za-z.+-]*?)-linux", name)
    return found.group(1) if found else ""
