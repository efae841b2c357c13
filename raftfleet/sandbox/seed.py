"""The files of a host: what it has of its own, and what of the machine it must not see.

A host made by root is the machine's root file system below two thin layers. ``hidden`` takes away
everything that is this machine's and no operating system's (homes, temporary files, data, the
checkout raftfleet runs from), so that a path of the controller used on a host fails here as it
would anywhere. ``seed`` adds what makes the host itself. A host made by an ordinary user has the
same seed over copies of what it may see (copies.sh): no layers, nothing to hide.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.sandbox import place, systemd
from raftfleet.sandbox.model import Init

if TYPE_CHECKING:
    from raftfleet.sandbox.model import Sandbox, SandboxHost

__all__ = ["HOST_KEY", "SYSTEM", "hide", "host_folder", "plant"]

SYSTEM = frozenset({"bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "var"})
"""Top-level names that hosts share with the machine; all others are hidden."""

HOST_KEY = Path("etc/ssh/ssh_host_ed25519_key")

_HIDDEN = ("etc/nologin", "etc/ssh/sshrc", "var/tmp")
_FOLDERS = {
    "boot": 0o755,
    "dev": 0o755,
    "dev/pts": 0o755,
    "dev/shm": 0o1777,
    "etc": 0o755,
    "etc/ssh": 0o755,
    "home": 0o755,
    "media": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "proc": 0o555,
    "root": 0o700,
    "root/.ssh": 0o700,
    "run": 0o755,
    "srv": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
    "var": 0o755,
    "var/tmp": 0o1777,
}
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/ptmx": "pts/ptmx",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
}
# No PAM: it would read the machine's limits, modules and message of the day. The limits on
# sessions and connections stay sshd's defaults, as on the hosts of the world.
_SSHD_CONFIG = f"""\
Port 22
AddressFamily any
HostKey /{HOST_KEY}
PermitRootLogin prohibit-password
AuthenticationMethods publickey
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"""


def host_folder(sandbox: Sandbox, host: SandboxHost) -> Path:
    """Return the folder on the machine from which a host is built."""
    return sandbox.directory / host.name


def hide(folder: Path, init: Init) -> None:
    """Make the layer that hides what is the machine's own: whiteouts, as overlays read them."""
    if place.INSIDE:
        return  # no layers: what is not copied is not there
    folder.mkdir()
    names = [entry.name for entry in Path("/").iterdir() if entry.name not in SYSTEM]
    keys = [f"etc/ssh/{key.name}" for key in Path("/etc/ssh").glob("ssh_host_*")]
    units = systemd.hidden() if init is Init.SYSTEMD else []
    for name in (*names, *keys, *_HIDDEN, *units):
        target = folder / name
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))


def plant(sandbox: Sandbox, host: SandboxHost) -> None:
    """Make the folder of a host, with everything but its keys."""
    folder = host_folder(sandbox, host)
    (folder / "disk").mkdir(parents=True)
    seed = folder / "seed"
    seed.mkdir()
    for name, mode in _FOLDERS.items():
        (seed / name).mkdir()
        (seed / name).chmod(mode)
    if not place.INSIDE:  # there the kernel makes no devices; copies.sh borrows the machine's
        for name, minor in _DEVICES.items():
            _make_device(seed / "dev" / name, os.makedev(1, minor))
        _make_device(seed / "dev/tty", os.makedev(5, 0))
    for name, target in _LINKS.items():
        (seed / name).symlink_to(target)
    if sandbox.init is Init.SYSTEMD:
        systemd.plant(seed)
    for name, (mode, text) in _texts(sandbox, host).items():
        (seed / name).write_text(text, encoding="utf-8")
        (seed / name).chmod(mode)


def _make_device(path: Path, number: int) -> None:
    os.mknod(path, stat.S_IFCHR, number)
    path.chmod(0o666)


def _texts(sandbox: Sandbox, host: SandboxHost) -> dict[str, tuple[int, str]]:
    serve = Path(__file__).with_name("serve.sh").read_text(encoding="utf-8")
    return {
        "etc/hostname": (0o644, f"{host.name}\n"),
        "etc/hosts": (0o644, _hosts_file(sandbox)),
        "etc/machine-id": (0o444, f"{int(host.address.replace('.', '')):032x}\n"),
        "etc/motd": (0o644, ""),
        "etc/passwd": (0o644, _passwd()),
        "etc/resolv.conf": (0o644, "# There is nobody to ask.\n"),
        "etc/shadow": (0o600, _shadow()),
        "etc/ssh/sshd_config": (0o644, _SSHD_CONFIG),
        "etc/raftfleet-host": (0o755, serve),
    }


def _hosts_file(sandbox: Sandbox) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    return "\n".join(lines + [f"{host.address} {host.name}" for host in sandbox.hosts]) + "\n"


def _accounts() -> list[list[str]]:
    text = Path("/etc/passwd").read_text(encoding="utf-8")
    return [line.split(":") for line in text.splitlines() if line.count(":") == 6]


def _passwd() -> str:
    """Return the machine's accounts, with a root whose home and shell are the usual ones."""
    shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    root = f"root:x:0:0:root:/root:{shell}"
    rest = [":".join(fields) for fields in _accounts() if fields[0] != "root"]
    return "\n".join([root, *rest]) + "\n"


def _shadow() -> str:
    """Return accounts that no password opens; sshd takes a missing or locked one for closed."""
    return "".join(f"{fields[0]}:*:19000:0:99999:7:::\n" for fields in _accounts())
