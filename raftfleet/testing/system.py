"""A system that is none: nodes are real processes with real ports that say what they are told.

For tests of whatever starts, stops and watches nodes. `FakeSystem` keeps the contract of
`raftfleet.systems.protocol.System`; its program is `toy_node`, a script of the standard library.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from raftfleet.journal.log_rules import LogRule, LogVerdict
from raftfleet.journal.values import GroupStatus, NodeIdentity, Port, Role, Timing
from raftfleet.systems.protocol import (
    MARKER,
    AccessError,
    Ack,
    Artifact,
    ExitRules,
    Node,
    Problem,
    Refused,
)
from raftfleet.transport.protocol import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.systems.protocol import Access, WriteOutcome
    from raftfleet.transport.protocol import Transport

    Answers = Callable[[], Mapping[str, GroupStatus]]
    Writing = Callable[[str, str, str, str], WriteOutcome | None]

__all__ = ["FakeSystem", "toy_node", "toy_status"]

PROGRAM = Path(__file__).with_name("toy_node.py")
_LINE = re.compile(r"^(\S+Z) ([A-Z]+) (\S+): (.*)$", re.MULTILINE)
_TIMEOUT = 10.0


def toy_node(name: str, number: int, home: Path | PurePosixPath, port: int, **more: object) -> Node:
    """Return a node on this machine that listens on ``port``.

    ``more`` are its variables without their prefix: ``exit_delay``, ``exit_status``, ``ignore``,
    ``dies`` (an exit status), ``extra_ports``, ``status``, ``address``, ``python``.
    """
    address = str(more.pop("address", "127.0.0.1"))
    identity = NodeIdentity(name, str(number), address, f"{address}:22")
    variables = {f"toy_{key}": value for key, value in more.items()}
    return Node(
        identity,
        PurePosixPath(home),
        {"raft_node_id": number, "toy_home": str(home), "toy_port": port, **variables},
    )


def toy_status(
    leader: int = 1, term: int = 1, voters: Sequence[int] = (1,), own: int = 1, index: int = 1
) -> GroupStatus:
    """Return a view with the ids the toys use."""
    return GroupStatus(
        term=term,
        role=Role.LEADER if own == leader else Role.FOLLOWER,
        leader=str(leader),
        last_log=index,
        last_applied=index,
        voters=(tuple(map(str, voters)),),
        learners=(),
    )


class FakeSystem:
    """The adapter of the toys.

    ``answers`` maps a node's name to a function that says its view in place of its status page;
    it may raise `AccessError`. What is written lands in ``stores``, a mapping of each node's,
    at once: there is nothing to replicate. The node with the id ``leader`` takes writes, others
    refuse and name it. ``writing(node, kind, key, value)`` may decide otherwise, and ``away``
    names nodes that do not answer reads.
    """

    name = "toy"
    writes: tuple[str, ...] = ("register", "create")
    reads = frozenset({"listing", "peers"})
    log_keeps: int | None = 1000

    def __init__(self, groups: tuple[str, ...] = ("main",), bound: float = 2.0) -> None:
        self.groups = groups
        self.answers: dict[str, Answers] = {}
        self.stores: dict[str, dict[str, str]] = {}
        self.leader = "1"
        self.writing: Writing | None = None
        self.away: set[str] = set()
        self._bound = bound

    def home(self, name: str, variables: Mapping[str, object]) -> PurePosixPath:
        """Return `toy_home`."""
        return PurePosixPath(str(variables.get("toy_home", f"/opt/toy-{name}")))

    def check(self, nodes: Sequence[Node]) -> None:
        """Accept everything."""

    def host_check(self, node: Node) -> Command:
        """Ask nothing."""
        del node
        return Command("true")

    def judge_host(self, node: Node, output: str, *, running: bool = False) -> Sequence[Problem]:
        """Find nothing."""
        del node, output, running
        return ()

    def artifacts(self, node: Node) -> Sequence[Artifact]:
        """The script, made to run under `toy_python`."""
        python = node.variables.get("toy_python", "/usr/bin/python3")
        text = f"#!{python}\n".encode() + PROGRAM.read_bytes()
        digest = hashlib.sha256(text).hexdigest()
        target = PurePosixPath("toy_node")
        return (Artifact(text, target, 0o755, len(text), digest, interpreted=True),)

    def timing(self, node: Node) -> Timing | None:
        """Promise elections within a quarter of a second."""
        del node
        return Timing("toy", 0.05, 0.1, 0.2)

    def ports(self, node: Node) -> Sequence[Port]:
        """The status page, and `toy_extra_ports`."""
        number = node.variables["toy_port"]
        extra = node.variables.get("toy_extra_ports", ())
        assert isinstance(number, int)  # noqa: S101 - `toy_node` made it
        assert isinstance(extra, list | tuple)  # noqa: S101
        return (
            Port("status", number),
            *(Port(f"extra{place}", one) for place, one in enumerate(extra, 1)),
        )

    def files(self, node: Node, nodes: Sequence[Node]) -> Mapping[PurePosixPath, str]:
        """toy.json; the first node leads unless `toy_status` says otherwise."""
        own = int(node.identity.id)
        ids = sorted(int(one.identity.id) for one in nodes)
        view = toy_status(ids[0], 1, ids, own)
        known: dict[str, Any] = {
            name.removeprefix("toy_"): value for name, value in node.variables.items()
        }
        config = {
            "id": own,
            "port": known["port"],
            "log": "logs/toy.log",
            "password": "secret-of-the-toy",
            "exit_delay": known.get("exit_delay", 0.05),
            "exit_status": known.get("exit_status", 0),
            "ignore": known.get("ignore", []),
            "dies": known.get("dies"),
            "extra_ports": list(known.get("extra_ports", ())),
            "status": known.get("status")
            or {group: msgspec.to_builtins(view) for group in self.groups},
        }
        return {PurePosixPath("toy.json"): json.dumps(config)}

    def start(self, node: Node) -> Command:
        """The script in the foreground."""
        return Command("exec ./toy_node", cwd=node.home)

    def log_files(self, node: Node) -> Sequence[str]:
        """One log that is appended to."""
        del node
        return ("logs/toy*.log",)

    def directories(self, node: Node) -> Sequence[PurePosixPath]:
        """The home and the data."""
        return (node.home, *self.data_paths(node))

    def data_paths(self, node: Node) -> Sequence[PurePosixPath]:
        """One directory."""
        return (node.home / "data",)

    def exit_rules(self, node: Node) -> ExitRules:
        """Both shutdown lines within the bound."""
        del node
        markers = {
            "ready": "toy node is ready",
            "starting": "starts, password=",
            "shutdown_requested": "shutdown requested",
            "terminating": "terminating",
            "forced": "forcing exit",
        }
        return ExitRules(bound=self._bound, watchdog=None, markers=markers)

    def log_rules(self) -> Sequence[LogRule]:
        """One rule: a toy that says oops has a problem."""
        return (LogRule("oops", LogVerdict.PROBLEM, message="oops"),)

    def status(self, at: Access, *, timeout: float) -> Mapping[str, GroupStatus]:
        """Ask the status page, or the function that stands in its place."""
        if at.node.name in self.answers:
            return self.answers[at.node.name]()
        answer = at.request("status", "GET", "/status", timeout=timeout)
        try:
            return msgspec.json.decode(answer.body, type=dict[str, GroupStatus])
        except msgspec.MsgspecError as error:
            raise AccessError(f"bad answer: {error}") from None

    def write(self, at: Access, kind: str, key: str, value: str, *, timeout: float) -> WriteOutcome:
        """Let the leader write to every store, and anybody else refuse."""
        del timeout
        decided = self.writing(at.node.name, kind, key, value) if self.writing else None
        if decided is not None:
            return decided
        if at.node.identity.id != self.leader:
            return Refused("this node does not lead", self.leader)
        for store in [self.stores.setdefault(at.node.name, {}), *self.stores.values()]:
            store[key] = value
        return Ack()

    def remove(self, at: Access, kind: str, key: str, *, timeout: float) -> WriteOutcome:
        """Remove a key from every store."""
        del kind, timeout
        if at.node.identity.id != self.leader:
            return Refused("this node does not lead", self.leader)
        for store in self.stores.values():
            store.pop(key, None)
        return Ack()

    def read(self, at: Access, keys: Sequence[str], *, timeout: float) -> Mapping[str, str | None]:
        """Read a node's own store."""
        del timeout
        store = self._store(at)
        return {key: store.get(key) for key in keys}

    def store(self, at: Access, prefix: str, *, timeout: float) -> Sequence[str]:
        """Return the keys of a node's own store."""
        del timeout
        return sorted(key for key in self._store(at) if key.startswith(prefix))

    def listing(self, at: Access, prefix: str, *, timeout: float) -> Sequence[str]:
        """Return what the store holds: there is no cache."""
        return self.store(at, prefix, timeout=timeout)

    def peers(self, at: Access, *, timeout: float) -> Sequence[str]:
        """Return the ids that the node's status shows as voters."""
        view = self.status(at, timeout=timeout)
        return sorted(
            {one for group in view.values() for part in group.voters or () for one in part}
        )

    def _store(self, at: Access) -> dict[str, str]:
        if at.node.name in self.away:
            raise AccessError("connection refused")
        return self.stores.setdefault(at.node.name, {})

    def parse_log(self, text: bytes) -> Sequence[tuple[float, str, str, str]]:
        """Return the records of a toy's log."""
        return [
            (datetime.fromisoformat(stamp).timestamp(), level, target, message)
            for stamp, level, target, message in _LINE.findall(text.decode("utf-8", "replace"))
        ]

    def redact(self, text: bytes) -> bytes:
        """Mask the toy's password."""
        return text.replace(b"secret-of-the-toy", b"***")

    def install(self, transport: Transport, node: Node, nodes: Sequence[Node]) -> None:
        """Bring a toy to its host: directories with our marker, the script, its configuration."""
        for directory in self.directories(node):
            transport.run(Command(f"mkdir -p '{directory}'"), timeout=_TIMEOUT)
            transport.put(b"", directory / MARKER, mode=0o600, timeout=_TIMEOUT)
        for artifact in self.artifacts(node):
            transport.put(
                artifact.source, node.home / artifact.target, mode=artifact.mode, timeout=_TIMEOUT
            )
        for path, text in self.files(node, nodes).items():
            transport.put(text.encode(), node.home / path, mode=0o600, timeout=_TIMEOUT)
