"""An ordinary user that exists only for the commands a test runs as that user.

Tests run as root. The account, its ranges of subordinate ids and whatever a test hides are mounts
in a private mount namespace over files of the machine, which never change.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
RAFTFLEET = (sys.executable, "-m", "raftfleet")


@dataclass(frozen=True)
class OrdinaryUser:
    """A user with a home and a runtime folder below ``folder``, which everybody may enter."""

    folder: Path
    uid: int
    covers: Mapping[str, str] = field(default_factory=dict)
    """Files of the machine by path, and what this user finds in their place."""

    @property
    def name(self) -> str:
        return f"rf{self.uid}"

    @property
    def home(self) -> Path:
        return self.folder / self.name

    @property
    def runtime(self) -> Path:
        return self.home / "run"

    @property
    def sandboxes(self) -> Path:
        return self.runtime / "raftfleet/sandbox"

    def make(self) -> OrdinaryUser:
        for folder in (self.home, self.runtime):
            folder.mkdir(mode=0o700)
            os.chown(folder, self.uid, self.uid)
        return self

    def argv(self, *command: str, **environment: str) -> list[str]:
        """Return what runs a command as this user, in a private mount namespace."""
        accounts = Path("/etc/passwd").read_text(encoding="utf-8")
        account = f"{self.name}:x:{self.uid}:{self.uid}::{self.home}:/bin/sh\n"
        ids = f"{self.name}:{self.uid * 100_000}:65536\n"
        covers = {
            "/etc/passwd": accounts + account,
            "/etc/subuid": ids,
            "/etc/subgid": ids,
            **self.covers,
        }
        lines = ["set -e", *_opened()]
        for number, (path, text) in enumerate(covers.items()):
            cover = self.folder / f"cover-{self.uid}-{number}"
            cover.write_text(text, encoding="utf-8")
            lines.append(f"mount --bind {cover} {path}")
        given = {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            **environment,
        }
        us = ("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")
        settings = [f"{key}={value}" for key, value in given.items()]
        lines.append(f"cd {self.home}")
        lines.append("exec " + shlex.join([*us, "env", "-i", *settings, *command]))
        return ["unshare", "--mount", "sh", "-c", "\n".join(lines)]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        argv = self.argv(*command, **environment)
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)

    def raftfleet(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(*RAFTFLEET, *words, **environment)

    def start(self, *words: str) -> subprocess.Popen[Any]:
        return subprocess.Popen(
            self.argv(*RAFTFLEET, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )


def _opened() -> list[str]:
    """Return shell lines that let anybody reach the interpreter and the checkout.

    They may lie in a home that is closed to others (root's); in the private mount namespace a
    folder with nothing else in it takes its place.
    """
    needed = sorted({Path(sys.prefix), Path(sys.base_prefix), ROOT})
    closed: dict[Path, list[Path]] = {}
    for path in needed:
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & 0o001:
                closed.setdefault(folder, []).append(path)
                break
    lines = []
    for folder, paths in closed.items():
        lines.append("aside=$(mktemp -d)")
        lines.append("mount -t tmpfs -o mode=755 aside $aside")
        for number, path in enumerate(paths):
            lines += [f"mkdir $aside/{number}", f"mount --bind {path} $aside/{number}"]
        lines.append(f"mount -t tmpfs -o mode=755 opened {folder}")
        for number, path in enumerate(paths):
            lines += [f"mkdir -p {path}", f"mount --bind $aside/{number} {path}"]
        lines += ["umount -R -l $aside", "rmdir $aside"]
    return lines
