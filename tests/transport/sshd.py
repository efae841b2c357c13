"""A real sshd of our own on a free port of 127.0.0.1, which can be frozen, thawed and cut.

It needs no root: then it lets in only the user who runs it, which is all we want. The login shell
skips ~/.bashrc (`SetEnv SHLVL`: bash reads it under sshd only at shell level 0), since what a
developer starts in there would be measured and not raftfleet.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from raftfleet.transport import SshOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = Path("/usr/sbin/sshd")


def missing() -> str | None:
    """Say why no sshd can be started here, or None."""
    return None if SSHD.exists() else f"{SSHD} is not installed (openssh-server)"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def new_key(path: Path, kind: str = "ed25519") -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", str(path)], check=True
    )
    return path


def processes() -> Iterator[tuple[int, int, str]]:
    """Yield (pid, parent's pid, name) of every process."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, tail = stat.read_text().rpartition(")")
            pid, _, name = head.partition(" (")
            yield int(pid), int(tail.split()[1]), name


class Sshd:
    """The server, its key and the user's key in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        forced: str | None = None,
        environment: str = "SetEnv SHLVL=3\n",
        address: str = "127.0.0.1",
    ) -> None:
        self.folder = folder
        self.address = address
        self.port = free_port()
        self.key_file = new_key(folder / "id_ed25519")
        self.host_key = new_key(folder / "host_key")
        self.known_hosts = folder / "known_hosts"
        self._config = folder / "sshd_config"
        (folder / "authorized_keys").write_bytes((folder / "id_ed25519.pub").read_bytes())
        self._config.write_text(
            f"Port {self.port}\n"
            f"ListenAddress {address}\n"
            f"HostKey {self.host_key}\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\n"
            "PidFile none\n"
            "UsePAM no\n"
            "StrictModes no\n"
            "PasswordAuthentication no\n"
            "PermitRootLogin prohibit-password\n"
            "Subsystem sftp internal-sftp\n"
            + environment
            + (f"ForceCommand {forced}\n" if forced else "")
        )
        self._process: subprocess.Popen[bytes] | None = None

    def options(self, **changes: object) -> SshOptions:
        given: dict[str, object] = {
            "address": self.address,
            "port": self.port,
            "user": getpass.getuser(),
            "key_file": self.key_file,
            "known_hosts": self.known_hosts,
            **changes,
        }
        return SshOptions(**given)  # type: ignore[arg-type]

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = (self.folder / "sshd.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self._config)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection((self.address, self.port), timeout=1) as probe:
                    if probe.recv(4) == b"SSH-":
                        return
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "sshd.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is None:
            return
        self.thaw()
        self.cut()
        self._process.terminate()
        self._process.wait(10)
        self._process = None

    def _servers(self, *, listener: bool) -> list[int]:
        """The processes that serve connections, and the one that listens."""
        assert self._process is not None
        found = [self._process.pid]
        everything = list(processes())
        for _ in range(3):
            found += [
                pid
                for pid, parent, name in everything
                if parent in found and pid not in found and name == "sshd"
            ]
        return found if listener else found[1:]

    def _signal(self, number: signal.Signals, *, listener: bool) -> None:
        for pid in self._servers(listener=listener):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> None:
        """Stop every process of the server: the kernel goes on acknowledging for it."""
        self._signal(signal.SIGSTOP, listener=True)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT, listener=True)

    def cut(self) -> None:
        """Kill what serves the connections, not what listens."""
        self._signal(signal.SIGKILL, listener=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
