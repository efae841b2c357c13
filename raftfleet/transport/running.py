"""A command under way, as every transport that runs real commands sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.clock import Deadline
    from raftfleet.transport.protocol import Outcome

__all__ = [
    "Broken",
    "BytesFeed",
    "Feed",
    "OutcomeFields",
    "Prefaced",
    "Prohibited",
    "Refused",
    "Running",
]


class Broken(Exception):  # noqa: N818 - a state, told by the caller's own error
    """The connection is gone; the message says why."""


class Refused(Exception):  # noqa: N818 - a state, told by the caller's own error
    """The host answered that it will not do this; the message says why."""


class Prohibited(Refused):
    """The host is configured not to do this."""


class Feed(Protocol):
    """Where standard input comes from."""

    def read(self, size: int) -> bytes:
        """Return at most this many bytes; none at the end."""
        ...


class BytesFeed:
    """Standard input that is at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes; none at the end."""
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        return piece


class Prefaced:
    """Standard input with something before it."""

    def __init__(self, preface: bytes, feed: Feed) -> None:
        self._first = BytesFeed(preface)
        self._feed = feed

    def read(self, size: int) -> bytes:
        """Return the next bytes; none at the end."""
        return self._first.read(size) or self._feed.read(size)


class OutcomeFields(TypedDict):
    """What every outcome holds."""

    stdout: bytes
    stderr: bytes
    preamble: bytes
    truncated: bool
    began: float
    ended: float


class Running(Protocol):
    """A command that was asked for; one thread drives it, any thread may end and close it."""

    @property
    def begun(self) -> bool:
        """Whether the command is known to have begun."""
        ...

    @property
    def refusal(self) -> str:
        """What was said instead of beginning."""
        ...

    def drive(self, deadline: Deadline, enough: Callable[[], bool] = ...) -> bool:
        """Move bytes until the command has ended or ``enough``; False if the deadline is first."""
        ...

    def fields(self, stdout: bytes, *, truncated: bool) -> OutcomeFields:
        """Return what every outcome holds, as of now."""
        ...

    def outcome(self, stdout: bytes = b"", *, truncated: bool = False) -> Outcome:
        """Return what became of a command that has ended."""
        ...

    def end(self) -> bool:
        """End the command's process group; return whether it is known to be gone."""
        ...

    def close(self) -> None:
        """Let go; harmless when repeated."""
        ...
