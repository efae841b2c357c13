"""A transport whose every word is told before it is said: for `-vvv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
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

__all__ = ["Overheard"]


class Overheard:
    """Does what the transport within does; ``tell(what, line, become)`` hears of it first."""

    def __init__(self, within: Transport, tell: Callable[[str, str, str | None], None]) -> None:
        self._within = within
        self._tell = tell

    @property
    def host(self) -> str:
        """The host's inventory name."""
        return self._within.host

    def connect(self, *, timeout: float) -> None:
        """Open the connection."""
        self._within.connect(timeout=timeout)

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command to its end."""
        self._tell("run", command.line, command.become)
        return self._within.run(command, timeout=timeout, stdin=stdin)

    def open(self, command: Command, *, timeout: float) -> Stream:
        """Start a command."""
        self._tell("open", command.line, command.become)
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
        self._tell("put", str(target), become)
        more: dict[str, Any] = {"become": become, "progress": progress}
        return self._within.put(source, target, mode=mode, timeout=timeout, **more)

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
        self._tell("get", str(source), become)
        return self._within.get(source, target, offset=offset, timeout=timeout, become=become)

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:
        """Reach a TCP port through the connection."""
        return self._within.forward(host, port, timeout=timeout)

    def tunnel(self, host: str, port: int, *, timeout: float) -> Tunnel:
        """Connect to a TCP port through the connection."""
        return self._within.tunnel(host, port, timeout=timeout)

    def close(self) -> None:
        """Let go of the connection."""
        self._within.close()
