"""Starting hosts: namespaces with a first process that touches nothing before our word."""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import SandboxError
from raftfleet.sandbox import cgroups, place
from raftfleet.sandbox.model import Init
from raftfleet.sandbox.processes import TAG, identify, parent
from raftfleet.sandbox.seed import host_folder
from raftfleet.sandbox.tools import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.sandbox.model import Sandbox, SandboxHost

__all__ = ["Newborn", "last_words", "newborns"]

_PATIENCE = 10.0
_NAMESPACES = ("--net", "--uts", "--mount", "--pid", "--ipc", "--cgroup", "--time")


class Newborn:
    """A host whose first process exists and waits for ``go``; closing it instead ends the host."""

    def __init__(self, sandbox: Sandbox, host: SandboxHost) -> None:
        self._sandbox = sandbox
        self._host = host
        heard, says = os.pipe()
        hears, said = os.pipe()
        self._ear, self._mouth = heard, said
        try:
            self._spawn(hears, says)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(hears)
            os.close(says)

    def _spawn(self, stdin: int, stdout: int) -> None:
        """Start unshare(1) as nobody's child, in a session of its own, with no signal ignored."""
        sandbox, host = self._sandbox, self._host
        folder = host_folder(sandbox, host)
        script = sandbox.directory / "build.sh"
        offsets = ("--monotonic", host.monotonic_offset, "--boottime", host.boottime_offset)
        addresses = (f"{host.address}/24", *([f"{host.address6}/64"] if host.address6 else []))
        build = ("sh", script, folder, host.name, sandbox.disk_mb, sandbox.init.value, *addresses)
        unshare = ("unshare", *_NAMESPACES, *offsets, "--fork", "--kill-child", *build)
        group = cgroups.entering(host) if sandbox.init is Init.SYSTEMD else ()
        start = ("setsid", "--fork", "env", "--default-signal", *group, *unshare)
        argv = [str(word) for word in start]
        environment = {**ENVIRONMENT, TAG: f"{sandbox.name}/{host.name}"}
        with (folder / "log").open("ab") as log:
            subprocess.run(
                argv, stdin=stdin, stdout=stdout, stderr=log, env=environment, cwd="/", check=False
            )

    def identity(self) -> SandboxHost:
        """Wait until the first process says its pid; return the host with its processes."""
        said = self._listen()
        init = identify(int(said)) if said.isdecimal() else None
        keeper = identify(parent(init.pid)) if init else None
        if init is None or keeper is None:
            raise SandboxError(
                f"host {self._host.name} did not start: {last_words(self._sandbox, self._host)}"
            )
        return msgspec.structs.replace(self._host, init=init, keeper=keeper)

    def _listen(self) -> str:
        """Return the line the first process says, or nothing if it ended or stays silent."""
        waiter = select.poll()
        waiter.register(self._ear, select.POLLIN)
        if not waiter.poll(_PATIENCE * 1000):
            return ""
        return os.read(self._ear, 64).decode("ascii").strip()

    def go(self) -> None:
        """Let the host be built."""
        with suppress(BrokenPipeError):  # it is dead; waiting for its sshd will tell why
            os.write(self._mouth, b"go\n")

    def close(self) -> None:
        """Let go of the pipes; a host that was not told to go ends."""
        for descriptor in (self._ear, self._mouth):
            os.close(descriptor)


@contextmanager
def newborns(sandbox: Sandbox) -> Iterator[list[Newborn]]:
    """Start all hosts of a sandbox at once."""
    tree = "copies.sh" if place.INSIDE else "overlay.sh"
    scripts = {"build.sh": "build.sh", "tree.sh": tree}
    if sandbox.init is Init.SYSTEMD:
        scripts["init.sh"] = "systemd.sh"
        cgroups.make(sandbox)
    for target, script in scripts.items():
        text = Path(__file__).with_name(script).read_text(encoding="utf-8")
        (sandbox.directory / target).write_text(text, encoding="utf-8")
    started: list[Newborn] = []
    try:
        for host in sandbox.hosts:
            started.append(Newborn(sandbox, host))  # noqa: PERF401 - those started must be closed
        yield started
    finally:
        for newborn in started:
            newborn.close()


def last_words(sandbox: Sandbox, host: SandboxHost) -> str:
    """Return the end of what a host's first process and its children complained about."""
    try:
        text = (host_folder(sandbox, host) / "log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return "; ".join(text.splitlines()[-4:]) or "it said nothing"
