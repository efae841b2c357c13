"""What raftfleet asks of a product: one adapter per system, and the access it is given to a node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from raftfleet.journal import Recorder
    from raftfleet.journal.log_rules import LogRule
    from raftfleet.journal.values import GroupStatus, NodeIdentity, Port, Timing
    from raftfleet.transport.protocol import Command

__all__ = [
    "MARKER",
    "Access",
    "AccessError",
    "Ack",
    "Answer",
    "Artifact",
    "ExitRules",
    "Node",
    "Problem",
    "RecordingOf",
    "Refused",
    "System",
    "Unknown",
    "UnsentError",
    "WriteOutcome",
]

MARKER = ".raftfleet"
"""The file that makes a directory ours: nothing without it is ever emptied or removed."""


class AccessError(Exception):
    """A node's API gave no usable answer; the text says what came instead."""


class UnsentError(AccessError):
    """No connection could be had, so nothing of the request ever left."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """A write that was acknowledged."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A write of which nothing was written, and there is proof of that.

    ``leader`` is the node to ask instead, if the refusal named one: its id, or address and port.
    """

    reason: str
    leader: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A write that may have been written, may still be, or never."""

    reason: str


WriteOutcome: TypeAlias = Ack | Refused | Unknown
"""What is known of a write that was tried."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node and everything the inventory says of it.

    ``home`` is its install root on the host; every relative path of the system lies below it.
    ``variables`` are the templated variables of its inventory host that the adapter may read.
    """

    identity: NodeIdentity
    home: PurePosixPath
    variables: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The node's name: its inventory host name."""
        return self.identity.name


class Access(Protocol):
    """Reaches one node's ports, directly or through the SSH connection; made in `cluster/`."""

    node: Node

    @property
    def over_loopback(self) -> bool:
        """Whether the node takes our requests for its own host's."""
        ...

    def request(
        self,
        port: str,
        method: str,
        path: str,
        *,
        timeout: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask over a kept connection; raise `AccessError` when no answer comes in time."""
        ...


@dataclass(frozen=True, slots=True)
class ExitRules:
    """How this system's exits are classified (seconds).

    ``bound`` is how long a graceful exit may take, ``watchdog`` after which the system forces its
    own end. ``markers`` maps a meaning to a text that the message of the log line saying so
    contains: at least ``shutdown_requested`` and ``terminating`` (both needed for graceful, in
    either order) and ``forced``.
    """

    bound: float
    watchdog: float | None
    markers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the program that a node runs, as it must lie below the node's home.

    ``source`` is the file on the controller or its bytes, ``digest`` their SHA-256 in hex.
    ``architecture`` is what ``uname -m`` must say on the host, None when any will do.
    ``interpreted``: a script, so that /proc/PID/exe is its interpreter and not this file.
    """

    source: Path | bytes
    target: PurePosixPath
    mode: int
    size: int
    digest: str
    architecture: str | None = None
    interpreted: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a node cannot run on its host as it is, and what to do about it."""

    message: str
    hint: str


class RecordingOf(Protocol):
    """What somebody recorded of a cluster of this system, read and ready to be told."""

    @property
    def id(self) -> str:
        """The id of the drill it holds."""
        ...

    def tell(self, recorder: Recorder) -> None:
        """Write the journal that a run would have left of it."""
        ...


class System(Protocol):
    """An adapter for a product.

    Everything without an `Access` is a pure function of the nodes: it reads files of the
    controller at most, and never a host. What a host must say is asked with commands that others
    run. Calls with an `Access` ask a node's API within ``timeout`` seconds.

    ``writes`` are the kinds of writes it offers: ``register`` (a key whose value is set again and
    again) and ``create`` (a key that is made once). ``reads`` holds ``listing`` and ``peers``
    where it has these calls. ``log_keeps`` is how many entries a node may be behind and still be
    brought up to date from the log, None when that is not known.
    """

    name: str
    groups: tuple[str, ...]
    writes: tuple[str, ...]
    reads: frozenset[str]
    log_keeps: int | None

    def home(self, name: str, variables: Mapping[str, object]) -> PurePosixPath:
        """Return a node's install root from the variables of its inventory host."""
        ...

    def check(self, nodes: Sequence[Node]) -> None:
        """Refuse settings that cannot work, before any host is touched.

        ``nodes`` are all nodes of one cluster. Unknown keys, wrong types, a port or path used
        twice on one machine; raises `raftfleet.errors.UsageError` that names node, key and the
        nearest valid word.
        """
        ...

    def host_check(self, node: Node) -> Command:
        """The command whose output tells whether the node can run on its host; it changes nothing."""
        ...

    def judge_host(self, node: Node, output: str, *, running: bool = False) -> Sequence[Problem]:
        """Return what `host_check` found wrong: another architecture, ports and paths taken, no room.

        ``running``: the node's own process is alive, so that its ports are rightly taken.
        """
        ...

    def artifacts(self, node: Node) -> Sequence[Artifact]:
        """The files to install, the executable first.

        Raises `raftfleet.errors.UsageError` for a file that is missing, is no program, or has
        another digest than the one asked for.
        """
        ...

    def timing(self, node: Node) -> Timing | None:
        """What the node's configuration promises about elections."""
        ...

    def ports(self, node: Node) -> Sequence[Port]:
        """Every port the node must hold while it runs."""
        ...

    def files(self, node: Node, nodes: Sequence[Node]) -> Mapping[PurePosixPath, str]:
        """The configuration of one node, rendered: path below its home -> text."""
        ...

    def start(self, node: Node) -> Command:
        """The command that is the node, in the foreground.

        Its line must end in `exec`, so that the process that was started is the program.
        """
        ...

    def log_files(self, node: Node) -> Sequence[str]:
        """Shell patterns, below the node's home, of the logs that exits and starts are read from."""
        ...

    def directories(self, node: Node) -> Sequence[PurePosixPath]:
        """The directories to make on the host, each with `MARKER` in it, absolute, home first."""
        ...

    def data_paths(self, node: Node) -> Sequence[PurePosixPath]:
        """The directories that hold the node's data, absolute, for wiping.

        Wiping empties those that carry `MARKER`, and leaves the marker.
        """
        ...

    def exit_rules(self, node: Node) -> ExitRules:
        """How exits are classified."""
        ...

    def log_rules(self) -> Sequence[LogRule]:
        """What the lines of its logs mean; none when nobody has written that down."""
        ...

    def status(self, at: Access, *, timeout: float) -> Mapping[str, GroupStatus]:
        """Ask for that node's own view of every group, never a forwarded one.

        Ids in it are the system's own; raises `AccessError`.
        """
        ...

    def write(self, at: Access, kind: str, key: str, value: str, *, timeout: float) -> WriteOutcome:
        """Set a register, or create a key, by asking this node; never ask twice, never raise.

        The node asked decides what comes of it: one that does not lead may refuse and name the
        leader, or hand the write on.
        """
        ...

    def remove(self, at: Access, kind: str, key: str, *, timeout: float) -> WriteOutcome:
        """Remove what `write` wrote; a key that is not there is removed already."""
        ...

    def read(self, at: Access, keys: Sequence[str], *, timeout: float) -> Mapping[str, str | None]:
        """Read registers from that node's own store, however old; None for a key it has not.

        ``timeout`` is for all of them together. Raises `AccessError`.
        """
        ...

    def store(self, at: Access, prefix: str, *, timeout: float) -> Sequence[str]:
        """Return the created keys in that node's own store that begin so; raises `AccessError`."""
        ...

    def listing(self, at: Access, prefix: str, *, timeout: float) -> Sequence[str]:
        """Return the created keys that a node's API lists, which may come from a cache.

        Raises `AccessError`.
        """
        ...

    def peers(self, at: Access, *, timeout: float) -> Sequence[str]:
        """Return the ids of the nodes that this one lists as present; raises `AccessError`."""
        ...

    def parse_log(self, text: bytes) -> Sequence[tuple[float, str, str, str]]:
        """Return (Unix time, level, target, message) of each record of a log.

        Colours are taken off and continuation lines left out.
        """
        ...

    def redact(self, text: bytes) -> bytes:
        """Return a log or a configuration file with the values of its secret keys masked."""
        ...
