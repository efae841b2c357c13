"""The one door to a host: what every transport can do, and what can come of it.

A lost connection is never a command's failure, and a command's failure is never "unreachable":
`run` returns an `Outcome` for whatever happened to the command and raises
`raftfleet.errors.UnreachableError` only when no connection could be had at all.
Every call has its own deadline in seconds; none may outlast it by more than a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path, PurePosixPath

__all__ = [
    "Command",
    "Endpoint",
    "Exited",
    "Lost",
    "Outcome",
    "Progress",
    "Signalled",
    "Stream",
    "TimedOut",
    "Transfer",
    "Transport",
    "Tunnel",
]


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the host's POSIX shell (`sh -c`), whatever the login shell is.

    ``env`` is added to the environment and ``cwd`` entered first; a missing ``cwd`` fails the
    command. ``become`` names the user to become with ``sudo -n``.

    ``resumable`` is for a command that must not be done twice and whose end must be known: the
    host keeps a record of it, so that it goes on when the connection breaks and its outcome is
    fetched over the next one. It costs some milliseconds, its output comes at its end, and what a
    child in the background says after that is lost. Ended by a signal, it shows the exit status
    that a shell has for that (128 plus its number).
    """

    line: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: PurePosixPath | None = None
    become: str | None = None
    resumable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command; one of `Exited`, `Signalled`, `TimedOut`, `Lost`.

    ``stdout`` and ``stderr`` hold what arrived until then; output beyond a cap is dropped from
    the middle and ``truncated`` is set. ``began`` and ``ended`` are our monotonic clock, around
    the whole exchange. ``preamble`` is what the login shell said before the command began.
    """

    stdout: bytes = b""
    stderr: bytes = b""
    preamble: bytes = b""
    truncated: bool = False
    began: float = 0.0
    ended: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the command ran to its end and its exit status is 0."""
        return isinstance(self, Exited) and self.status == 0

    @property
    def out(self) -> str:
        """Standard output as text; bytes that are not UTF-8 are replaced."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """Standard error as text; bytes that are not UTF-8 are replaced."""
        return self.stderr.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited(Outcome):
    """The command ended by itself with this exit status."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled(Outcome):
    """The command was ended by a signal, named without SIG (``KILL``)."""

    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut(Outcome):
    """The deadline passed; ``ended_remote`` says whether its process group is known to be gone."""

    after: float
    ended_remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(Outcome):
    """The connection broke: whether the command ran to its end is not known."""

    reason: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a put or get did: whether bytes were sent at all, how many, and their SHA-256."""

    changed: bool
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a forwarded TCP port is reached on this machine; `close` ends the forwarding."""

    host: str
    port: int
    close: Callable[[], None]


class Progress(Protocol):
    """Told from time to time how many bytes of how many have been sent."""

    def __call__(self, done: int, total: int) -> None:
        """Take note."""
        ...


class Stream(Protocol):
    """A running command whose output is read as it comes; a context manager that ends it."""

    def lines(self, *, timeout: float) -> Iterator[bytes]:
        """Yield lines without their newline; stop when the command ends or no line comes in time."""
        ...

    def outcome(self, *, timeout: float) -> Outcome:
        """Wait for the command's end."""
        ...

    def close(self) -> None:
        """End the remote process group and let go."""
        ...

    def __enter__(self) -> Self:
        """Return the stream itself."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close it."""
        ...


class Tunnel(Protocol):
    """A TCP connection, carried by the connection to a host; one thread uses it, any may close it.

    ``timeout`` is in seconds: `TimeoutError` when it passes, another `OSError` when the
    connection breaks.
    """

    def sendall(self, data: bytes, *, timeout: float) -> None:
        """Send everything."""
        ...

    def recv(self, size: int, *, timeout: float) -> bytes:
        """Return what has arrived, at most ``size`` bytes; nothing at the end."""
        ...

    @property
    def pending(self) -> bool:
        """Whether something waits to be received, the end among it."""
        ...

    def close(self) -> None:
        """Close, and wake a thread that waits for data; harmless when repeated."""
        ...


class Transport(Protocol):
    """One host, one connection that is opened on first use and kept."""

    @property
    def host(self) -> str:
        """The host's inventory name."""
        ...

    def connect(self, *, timeout: float) -> None:
        """Open the connection now; a call on an open one does nothing."""
        ...

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        """Run a command to its end; on timeout its remote process group is ended."""
        ...

    def open(self, command: Command, *, timeout: float) -> Stream:
        """Start a command and read its output as it comes."""
        ...

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
        """Bring a file to the host: nothing is sent when its digest is already there.

        The bytes go to a part beside it and are renamed, so nobody ever sees half a file. A
        connection that breaks is made anew, and the file gone on with where it was.
        """
        ...

    def get(
        self,
        source: PurePosixPath,
        target: Path,
        *,
        offset: int = 0,
        timeout: float,
        become: str | None = None,
    ) -> Transfer:
        """Fetch a file from ``offset`` on, so that a log can be followed."""
        ...

    def forward(self, host: str, port: int, *, timeout: float) -> Endpoint:
        """Reach a TCP port as the host sees it, through the connection."""
        ...

    def tunnel(self, host: str, port: int, *, timeout: float) -> Tunnel:
        """Connect to a TCP port as the host sees it, without a listener in between.

        Raises `ConnectionRefusedError` when the host could not connect, `TimeoutError`,
        `raftfleet.errors.ForwardingError` when the host does not do this for us, and its parent
        `UnreachableError` when there is no connection to the host.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
