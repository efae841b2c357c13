"""A transport around another: what it adds to every call stands in one place."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from raftfleet.transport.protocol import (
        Command,
        Endpoint,
        Outcome,
        Progress,
        Stream,
        Transfer,
        Transport,
        Tunnel,
    )

__all__ = ["AroundTransport", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """A call about to be made: its name, what it is about, and as whom; ``timeout`` in seconds."""

    what: str
    about: str
    timeout: float
    become: str | None = None


class AroundTransport:
    """Does what the transport within does; override `_using` to add to every call but `close`."""

    def __init__(self, within: Transport) -> None:
        self._within = within

    def _using(self, use: Use) -> AbstractContextManager[None]:
        """Return what surrounds a call; raising there keeps it from being made."""
        del use
        return nullcontext()

    @property
    def host(self) -> str:
        """The host's inventory name."""
        return self._within.host

    def connect(self, *, timeout: float) -> None:
        """Open the connection."""
        with self._using(Use("connect", "", timeout)):
            self._within.connect(timeout=timeout)

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command to its end."""
        with self._using(Use("run", command.line, timeout, command.become)):
            return self._within.run(command, timeout=timeout, stdin=stdin)

    def open(self, command: Command, *, timeout: float) -> Stream:
        """Start a command and read its output as it comes."""
        with self._using(Use("open", command.line, timeout, command.become)):
            return self._within.open(command, timeout=timeout)

    def put(
        self,
        source: Path | bytes,
        target: PurePosixPath,
        *,
        mode: int,
        timeout: float,
        become: str | None = None,
        progress: Progress | None = None,
    ) -> Transfer:
        """Bring a file to the host."""
        with self._using(Use("put", str(target), timeout, become)):
            return self._within.put(
                source, target, mode=mode, timeout=timeout, become=become, progress=progress
            )

    def get(
        self,
        source: PurePosixPath,
        target: Path,
        *,
        offset: int = 0,
        timeout: float,
        become: str | None = None,
    ) -> Transfer:
        """Fetch a file."""
        with self._using(Use("get", str(source), timeout, become)):
            return self._within.get(source, target, offset=offset, timeout=timeout, become=become)

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:
        """Reach a TCP port as the host sees it."""
        with self._using(Use("forward", f"{host}:{port}", timeout)):
            return self._within.forward(host, port, timeout=timeout)

    def tunnel(self, host: str, port: int, *, timeout: float) -> Tunnel:
        """Connect to a TCP port as the host sees it."""
        with self._using(Use("tunnel", f"{host}:{port}", timeout)):
            return self._within.tunnel(host, port, timeout=timeout)

    def close(self) -> None:
        """Let go of the connection."""
        self._within.close()
