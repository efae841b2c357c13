"""What Raft is about: log positions, votes, memberships, entries. All are immutable and ordered.

The text forms (``T1-N2-33``, ``T1-N2:committed``) are openraft's, as they stand in its logs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "BLANK",
    "COMMAND",
    "MEMBERSHIP",
    "NOBODY",
    "Entry",
    "Json",
    "LogId",
    "Membership",
    "Snapshot",
    "Vote",
    "log_id",
]

Json = Any
"""Whatever `json` can write."""

BLANK = "blank"
MEMBERSHIP = "membership"
COMMAND = "command"


class LogId(NamedTuple):
    """A position in the log: who wrote it, in which term, and where."""

    term: int
    node: int
    index: int  # type: ignore[assignment]  # a position has no use for tuple.index

    def __str__(self) -> str:
        return f"T{self.term}-N{self.node}-{self.index}"

    def status(self) -> Json:
        """Return the JSON form of the status API."""
        leader = {"term": self.term, "node_id": self.node}
        return {"leader_id": leader, "index": self.index}


class Vote(NamedTuple):
    """Whom a node stands behind in a term; the greater one wins.

    ``committed`` says that a quorum granted it: ``node`` is or was the leader of ``term``.
    Between candidates of one term the higher node is greater, so that two that stand at the same
    moment do not block each other.
    """

    term: int
    committed: bool
    node: int

    def __str__(self) -> str:
        return f"T{self.term}-N{self.node}:{'committed' if self.committed else 'uncommitted'}"

    def status(self) -> Json:
        """Return the JSON form of the status API."""
        leader = {"term": self.term, "node_id": self.node}
        return {"leader_id": leader, "committed": self.committed}


NOBODY = Vote(0, False, 0)  # noqa: FBT003 - positional as in every other tuple


class Membership(NamedTuple):
    """The voter sets (two during a joint change) and the address of every voter and learner."""

    configs: tuple[tuple[int, ...], ...]
    nodes: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, voters: tuple[tuple[int, ...], ...], nodes: dict[int, str]) -> Membership:
        """Return a membership in canonical order."""
        configs = tuple(tuple(sorted(config)) for config in voters)
        return cls(configs, tuple(sorted(nodes.items())))

    @property
    def voters(self) -> frozenset[int]:
        """Every node that has a vote in some config."""
        return frozenset(node for config in self.configs for node in config)

    @property
    def addresses(self) -> dict[int, str]:
        """Node id -> address of its gRPC port."""
        return dict(self.nodes)

    def quorum(self, granted: frozenset[int] | set[int]) -> bool:
        """Whether these nodes are a majority of every config."""
        return bool(self.configs) and all(
            2 * len(granted.intersection(config)) > len(config) for config in self.configs
        )

    def status(self) -> Json:
        """Return the JSON form of the status API."""
        return {
            "configs": [list(config) for config in self.configs],
            "nodes": {str(n): {"node_id": n, "rpc_addr": addr} for n, addr in self.nodes},
        }

    def encode(self) -> Json:
        """Return the JSON form of log files and calls."""
        return [self.configs, self.nodes]

    @classmethod
    def decode(cls, data: Json) -> Membership:
        """Undo `encode`."""
        configs, nodes = data
        return cls(tuple(tuple(c) for c in configs), tuple((n, addr) for n, addr in nodes))


class Entry(NamedTuple):
    """One entry of the log; ``data`` is a `Membership`, a command (JSON) or None."""

    id: LogId
    kind: str
    data: Any = None

    def encode(self) -> Json:
        """Return the JSON form of log files and calls."""
        data = self.data.encode() if self.kind == MEMBERSHIP else self.data
        return [self.id, self.kind, data]

    @classmethod
    def decode(cls, data: Json) -> Entry:
        """Undo `encode`."""
        position, kind, value = data
        if kind == MEMBERSHIP:
            value = Membership.decode(value)
        return cls(LogId(*position), kind, value)


class Snapshot(NamedTuple):
    """What a snapshot stands for: everything up to ``last``, and the membership in force there."""

    name: str
    last: LogId
    membership_at: LogId | None
    membership: Membership

    def encode(self) -> Json:
        """Return the JSON form of log files and calls."""
        return [self.name, self.last, self.membership_at, self.membership.encode()]

    @classmethod
    def decode(cls, data: Json) -> Snapshot:
        """Undo `encode`."""
        name, last, at, membership = data
        return cls(name, LogId(*last), log_id(at), Membership.decode(membership))


def log_id(data: Json) -> LogId | None:
    """Read a position that may be missing from a call or a log file."""
    return None if data is None else LogId(*data)
