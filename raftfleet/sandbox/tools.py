"""The programs and kernel features that test hosts are made of, and how the programs are called."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import SandboxError
from raftfleet.sandbox import cgroups, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "APT_LINE",
    "ENVIRONMENT",
    "call",
    "call_all",
    "lacking_programs",
    "refuse",
    "require_machine",
    "require_root",
    "require_systemd",
]

APT_LINE = "apt-get install openssh-server iproute2 util-linux"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
"""Nothing of the caller's environment reaches a helper or a host: it may hold secrets."""

_PROGRAMS = (
    *(
        "cp",
        "env",
        "hostname",
        "ip",
        "mount",
        "pivot_root",
        "setpriv",
        "setsid",
        "sh",
        "ssh",
        "ssh-keygen",
    ),
    *("sshd", "tail", "umount", "unshare"),
)
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "uts")
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_TIME": 25, "CAP_MKNOD": 27}
_PATIENCE = 20.0
_SYSTEMD = "/lib/systemd/systemd"
_SYSTEMD_APT = "apt-get install systemd"


def require_root() -> None:
    """Raise SandboxError unless this process may make and remove hosts."""
    refuse(list(_lacking_rights()))


def require_machine() -> None:
    """Raise one SandboxError that names everything this machine lacks for test hosts."""
    refuse([*_lacking_rights(), *lacking_programs(), *_lacking_kernel()])


def require_systemd() -> None:
    """Raise one SandboxError that names everything this machine lacks for hosts with systemd."""
    if place.ROOTLESS or place.INSIDE:
        raise SandboxError(
            "hosts with systemd need root: an ordinary user's hosts have no control groups",
            hint="run the same command as root (sudo), or leave out --init systemd",
        )
    lacking = [] if Path(_SYSTEMD).exists() else [(f"{_SYSTEMD} is missing", _SYSTEMD_APT)]
    refuse([*lacking, *cgroups.lacking()])


def refuse(lacking: list[tuple[str, str]]) -> None:
    """Raise SandboxError for pairs of what is missing and what brings it."""
    if lacking:
        raise SandboxError(
            f"no sandbox hosts on this machine: {'; '.join(problem for problem, _ in lacking)}",
            hint="; ".join(remedy for _, remedy in lacking),
        )


def _lacking_rights() -> Iterator[tuple[str, str]]:
    if names := [name for name, bit in _CAPABILITIES.items() if not _effective() >> bit & 1]:
        yield f"this root lacks {', '.join(names)}", "in a container, start it with --privileged"


def lacking_programs() -> Iterator[tuple[str, str]]:
    """Yield the programs this machine lacks for test hosts, and what brings them."""
    path = ENVIRONMENT["PATH"]
    if missing := [name for name in _PROGRAMS if shutil.which(name, path=path) is None]:
        yield f"programs missing: {', '.join(missing)}", APT_LINE


def _lacking_kernel() -> Iterator[tuple[str, str]]:
    if kinds := [kind for kind in _NAMESPACES if not Path("/proc/self/ns", kind).exists()]:
        yield f"the kernel lacks namespaces: {', '.join(kinds)}", "use Linux 5.6 or newer"
    if place.INSIDE:
        return
    if not _has_overlay():
        yield "the kernel lacks overlayfs", "use a kernel with CONFIG_OVERLAY_FS"
    if os.path.ismount("/usr"):
        yield (
            "/usr is a file system of its own, and hosts see the root file system alone",
            "use a machine with /usr on the root file system",
        )


def call(argv: Sequence[str], *, keep: int, stdin: str = "") -> str:
    """Run one program to its end and return its output; see ``call_all``."""
    return call_all([argv], keep=keep, stdin=stdin)[0]


def call_all(commands: Sequence[Sequence[str]], *, keep: int, stdin: str = "") -> list[str]:
    """Run programs side by side to their ends and return their outputs.

    They inherit the lock ``keep`` (a file descriptor): should we be killed, the lock stays held
    until the last of them has ended, so whoever takes it next sees all that they made.
    Raises SandboxError, with what it said, for the first that fails.
    """
    with ExitStack() as ends:
        started = [ends.enter_context(_running(argv, keep)) for argv in commands]
        return [_finish(process, stdin) for process in started]


def _finish(process: subprocess.Popen[str], stdin: str) -> str:
    name = process.args[0] if isinstance(process.args, list) else process.args
    try:
        out, err = process.communicate(stdin, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise SandboxError(f"{name!s} did not end within {_PATIENCE:g} s") from None
    if process.returncode != 0:
        raise SandboxError(f"{name!s}: {err.strip() or f'exit status {process.returncode}'}")
    return out


@contextmanager
def _running(argv: Sequence[str], keep: int) -> Iterator[subprocess.Popen[str]]:
    """Have a program run, and not for longer than the ``with`` block, however that ends."""
    try:
        process = _start(argv, keep)
    except FileNotFoundError:
        raise SandboxError(f"programs missing: {argv[0]}", hint=APT_LINE) from None
    with process:
        try:
            yield process
        finally:
            process.kill()


def _start(argv: Sequence[str], keep: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        pass_fds=(keep,),
        text=True,
    )


def _effective() -> int:
    """Return the capabilities of this process as a bit mask."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _has_overlay() -> bool:
    """Tell whether the kernel knows overlays, asking for the module as a mount would."""
    known = Path("/proc/filesystems")
    if "\toverlay\n" in known.read_text(encoding="ascii"):
        return True
    if modprobe := shutil.which("modprobe", path=ENVIRONMENT["PATH"]):
        subprocess.run([modprobe, "overlay"], check=False, capture_output=True, env=ENVIRONMENT)
    return "\toverlay\n" in known.read_text(encoding="ascii")
