"""A place for each kind of transport in which the same things can be made to happen."""

from __future__ import annotations

import abc
import hashlib
import math
import os
import shlex
import signal
import socketserver
import threading
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from raftfleet.errors import RaftfleetError
from raftfleet.testing.transport import FakeFile, FakeTransport
from raftfleet.transport import Command, Exited, Signalled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from raftfleet.transport import Transport
    from tests.transport.sshd import Sshd

MEGABYTES_5 = 5_000_000


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(b"echo " + line)


@contextmanager
def echo_server() -> Iterator[int]:
    """A TCP server that answers each line; yields its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class Lab(abc.ABC):
    """What the contract needs of a host, whatever kind it is."""

    transport: Transport
    folder: PurePosixPath

    @abc.abstractmethod
    def says(self, out: bytes = b"", err: bytes = b"", status: int = 0) -> Command: ...
    @abc.abstractmethod
    def dies(self, name: str) -> Command: ...
    @abc.abstractmethod
    def hangs(self, out: bytes = b"", *, stubborn: bool = True) -> Command:
        """Print, then hang for ever with a grandchild, which ignores TERM if it is stubborn."""

    @abc.abstractmethod
    def survivors(self) -> int:
        """How many processes of `hangs` still live."""

    @abc.abstractmethod
    def echoes(self) -> Command: ...
    @abc.abstractmethod
    def shows(self, name: str, value: str) -> Command: ...
    @abc.abstractmethod
    def shows_folder(self, folder: PurePosixPath) -> Command: ...
    @abc.abstractmethod
    def floods(self) -> Command:
        """Write 5 MB to each stream at once."""

    @abc.abstractmethod
    def write(self, path: PurePosixPath, data: bytes) -> None: ...
    @abc.abstractmethod
    def read(self, path: PurePosixPath) -> bytes | None: ...
    @abc.abstractmethod
    def mode(self, path: PurePosixPath) -> int: ...
    @abc.abstractmethod
    def files(self) -> set[PurePosixPath]: ...
    @abc.abstractmethod
    def stamp(self, path: PurePosixPath) -> object:
        """Something that changes when the file is replaced or written."""

    @abc.abstractmethod
    def freeze(self) -> None: ...
    @abc.abstractmethod
    def thaw(self) -> None: ...
    def cut(self) -> None:
        raise NotImplementedError


class RealLab(Lab):
    """A host with a real shell and a real disk: this machine."""

    def __init__(self, transport: Transport, folder: Path) -> None:
        self.transport = transport
        self.folder = PurePosixPath(folder)
        self._tag = uuid.uuid4().hex

    def says(self, out: bytes = b"", err: bytes = b"", status: int = 0) -> Command:
        def printing(data: bytes) -> str:
            return f"printf %s {shlex.quote(data.decode())}"

        return Command(f"{printing(out)}; {printing(err)} >&2; exit {status}")

    def dies(self, name: str) -> Command:
        return Command(f"kill -s {name} $$; sleep 60")

    def hangs(self, out: bytes = b"", *, stubborn: bool = True) -> Command:
        said = shlex.quote(out.decode())
        ignoring = "trap '' TERM" if stubborn else ":"
        child = shlex.quote(f": {self._tag}; {ignoring}; while :; do sleep 60; done")
        return Command(f": {self._tag}; printf %s {said}; sh -c {child} & sleep 600; wait")

    def survivors(self) -> int:
        return len(self._hanging())

    def _hanging(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if self._tag.encode() in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    def clean(self) -> None:
        """End what a frozen or lost host could not be asked to end."""
        for pid in self._hanging():
            with suppress(ProcessLookupError):
                os.killpg(os.getpgid(pid), signal.SIGKILL)

    def echoes(self) -> Command:
        return Command("cat")

    def shows(self, name: str, value: str) -> Command:
        return Command(f'printf %s "${name}"', env={name: value})

    def shows_folder(self, folder: PurePosixPath) -> Command:
        return Command("pwd", cwd=folder)

    def floods(self) -> Command:
        flood = f"head -c {MEGABYTES_5} /dev/zero"
        return Command(f"{flood} & {flood} >&2; wait")

    def write(self, path: PurePosixPath, data: bytes) -> None:
        Path(path).write_bytes(data)

    def read(self, path: PurePosixPath) -> bytes | None:
        return Path(path).read_bytes() if Path(path).exists() else None

    def mode(self, path: PurePosixPath) -> int:
        return Path(path).stat().st_mode & 0o7777

    def files(self) -> set[PurePosixPath]:
        return {PurePosixPath(path) for path in Path(self.folder).iterdir()}

    def stamp(self, path: PurePosixPath) -> object:
        found = Path(path).stat()
        return found.st_ino, found.st_mtime_ns


class SshLab(RealLab):
    def __init__(self, transport: Transport, folder: Path, sshd: Sshd) -> None:
        super().__init__(transport, folder)
        self._sshd = sshd

    def freeze(self) -> None:
        self._sshd.freeze()

    def thaw(self) -> None:
        self._sshd.thaw()

    def cut(self) -> None:
        self._sshd.cut()


class LocalLab(RealLab):
    """This machine cannot freeze, but the tools it works with can hang."""

    def __init__(
        self, transport: Transport, folder: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(transport, folder)
        self._tools = tools
        self._path = os.environ["PATH"]
        self._monkeypatch = monkeypatch
        tools.mkdir()
        for name in ("cat", "tail", "sha256sum", "openssl", "stat"):
            # What ends a command looks at /proc with cat, and must not hang itself.
            real = f'case "$*" in /proc/*) exec /bin/{name} "$@" ;; esac'
            (tools / name).write_text(f"#!/bin/sh\n{real}\nkill -STOP $$\n")
            (tools / name).chmod(0o755)

    def freeze(self) -> None:
        self._monkeypatch.setenv("PATH", f"{self._tools}:{self._path}")

    def thaw(self) -> None:
        self._monkeypatch.setenv("PATH", self._path)


class FakeLab(Lab):
    """What a real host would do, programmed."""

    def __init__(self) -> None:
        self.fake = FakeTransport("h1")
        self.transport = self.fake
        self.folder = PurePosixPath("/lab")
        self.fake.folders = {self.folder}

    def says(self, out: bytes = b"", err: bytes = b"", status: int = 0) -> Command:
        self.fake.on("says", Exited(status=status, stdout=out, stderr=err))
        return Command("says")

    def dies(self, name: str) -> Command:
        self.fake.on("dies", Signalled(signal=name))
        return Command("dies")

    def hangs(self, out: bytes = b"", *, stubborn: bool = True) -> Command:  # noqa: ARG002
        self.fake.on("hangs", Exited(status=0, stdout=out), lasting=math.inf)
        return Command("hangs")

    def survivors(self) -> int:
        return 0

    def echoes(self) -> Command:
        self.fake.on("cat", lambda _, stdin: Exited(status=0, stdout=stdin))
        return Command("cat")

    def shows(self, name: str, value: str) -> Command:
        self.fake.on(
            "env *", lambda command, _: Exited(status=0, stdout=command.env[name].encode())
        )
        return Command(f"env {name}", env={name: value})

    def shows_folder(self, folder: PurePosixPath) -> Command:
        self.fake.on("pwd", lambda command, _: Exited(status=0, stdout=f"{command.cwd}\n".encode()))
        return Command("pwd", cwd=folder)

    def floods(self) -> Command:
        self.fake.on(
            "floods",
            Exited(status=0, stdout=bytes(4_194_304), stderr=bytes(4_194_304), truncated=True),
        )
        return Command("floods")

    def write(self, path: PurePosixPath, data: bytes) -> None:
        self.fake.files[path] = FakeFile(data)

    def read(self, path: PurePosixPath) -> bytes | None:
        file = self.fake.files.get(path)
        return file.data if file else None

    def mode(self, path: PurePosixPath) -> int:
        return self.fake.files[path].mode

    def files(self) -> set[PurePosixPath]:
        return set(self.fake.files)

    def stamp(self, path: PurePosixPath) -> object:
        return hashlib.sha256(self.fake.files[path].data).hexdigest()

    def freeze(self) -> None:
        self.fake.freeze()

    def thaw(self) -> None:
        self.fake.thaw()

    def cut(self) -> None:
        self.fake.lose()


def at_once(count: int, work: object) -> list[object]:
    """Call something from several threads that start together."""
    results: list[object] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)  # type: ignore[operator]
        except RaftfleetError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results
