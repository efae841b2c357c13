"""What two members of a group say to each other, and its JSON form on the wire."""

from __future__ import annotations

from typing import NamedTuple

from .values import Entry, Json, LogId, Snapshot, Vote, log_id

__all__ = ["AppendReply", "AppendRequest", "SnapshotRequest", "VoteReply", "VoteRequest"]


class VoteRequest(NamedTuple):
    """A candidate asks for a vote; ``last`` is the end of its log."""

    vote: Vote
    last: LogId | None

    def encode(self) -> Json:
        """Return the JSON form."""
        return [self.vote, self.last]

    @classmethod
    def decode(cls, data: Json) -> VoteRequest:
        """Undo `encode`."""
        return cls(Vote(*data[0]), log_id(data[1]))


class VoteReply(NamedTuple):
    """Whether the vote was granted, and what the other node holds now.

    It may hold the vote asked for and not have granted it: a deposed leader takes over the vote
    that a follower showed it, whatever that candidate's log holds.
    """

    granted: bool
    vote: Vote
    last: LogId | None

    def encode(self) -> Json:
        """Return the JSON form."""
        return [self.granted, self.vote, self.last]

    @classmethod
    def decode(cls, data: Json) -> VoteReply:
        """Undo `encode`."""
        granted, vote, last = data
        return cls(granted, Vote(*vote), log_id(last))


class AppendRequest(NamedTuple):
    """A leader sends entries that follow ``previous``, or none: a heartbeat.

    ``committed`` is the index up to which the leader's log is committed, -1 for nothing.
    """

    vote: Vote
    previous: LogId | None
    entries: list[Entry]
    committed: int

    @property
    def end(self) -> int:
        """The index of the last entry the follower holds once it has taken this in."""
        if self.entries:
            return self.entries[-1].id.index
        return self.previous.index if self.previous else -1

    def encode(self) -> Json:
        """Return the JSON form."""
        return [self.vote, self.previous, [e.encode() for e in self.entries], self.committed]

    @classmethod
    def decode(cls, data: Json) -> AppendRequest:
        """Undo `encode`."""
        vote, previous, entries, committed = data
        decoded = [Entry.decode(entry) for entry in entries]
        return cls(Vote(*vote), log_id(previous), decoded, committed)


class SnapshotRequest(NamedTuple):
    """A leader sends its snapshot, because it no longer has the entries that are needed.

    The contents travel beside it: they are not Raft's business.
    """

    vote: Vote
    snapshot: Snapshot

    @property
    def end(self) -> int:
        """The index of the last entry that the snapshot stands for."""
        return self.snapshot.last.index

    @property
    def committed(self) -> int:
        """Up to where the follower knows the log to be committed once it has taken this in."""
        return self.end

    def encode(self) -> Json:
        """Return the JSON form."""
        return [self.vote, self.snapshot.encode()]

    @classmethod
    def decode(cls, data: Json) -> SnapshotRequest:
        """Undo `encode`."""
        vote, snapshot = data
        return cls(Vote(*vote), Snapshot.decode(snapshot))


class AppendReply(NamedTuple):
    """What became of entries or of a snapshot.

    ``higher`` is the vote for whose sake they were refused. ``conflict`` is the index from which
    the follower needs entries, because it does not hold the previous one. Neither: all taken in.
    """

    higher: Vote | None = None
    conflict: int | None = None

    def encode(self) -> Json:
        """Return the JSON form."""
        return [self.higher, self.conflict]

    @classmethod
    def decode(cls, data: Json) -> AppendReply:
        """Undo `encode`."""
        higher, conflict = data
        return cls(Vote(*higher) if higher is not None else None, conflict)
