"""Sending and fetching files by commands: the host checks, renames and cleans up by itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import (
    AuthenticationError,
    HostKeyError,
    RaftfleetError,
    TaskError,
    UnreachableError,
)
from raftfleet.transport import shell
from raftfleet.transport.again import attempts, interrupted
from raftfleet.transport.capture import Capture
from raftfleet.transport.protocol import Command, Exited, Lost, Outcome, TimedOut, Transfer
from raftfleet.transport.running import BytesFeed
from raftfleet.transport.transfer import Source, landing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path, PurePosixPath

    from raftfleet.transport.capture import Sink
    from raftfleet.transport.protocol import Progress
    from raftfleet.transport.running import Feed

    Perform = Callable[[Command, Feed, Sink, float], Outcome]

__all__ = ["get", "put", "remedy"]

_CLOCK = SystemClock()


class _CutError(Exception):
    """The connection broke under a transfer; ``error`` is what to raise if that was the last."""

    def __init__(self, error: UnreachableError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(slots=True)
class _Job:
    """A transfer that is under way; raises as `put` does, and `_CutError`."""

    host: str
    perform: Perform
    become: str | None
    timeout: float
    deadline: Deadline

    def do(self, line: str, feed: Feed, out: Sink, what: Callable[[], str]) -> int:
        """Run one command of it and return its exit status, 0 or `shell.PART_GONE`."""
        outcome = self.perform(Command(line, become=self.become), feed, out, self.deadline.left)
        if isinstance(outcome, Exited) and outcome.status in {0, shell.PART_GONE}:
            return outcome.status
        error = _failed(self.host, what(), outcome, self.timeout)
        if interrupted(outcome) and isinstance(error, UnreachableError):
            raise _CutError(error)
        raise error

    def until_done(self, once: Callable[[int], Transfer | None]) -> Transfer:
        """Make attempts until one returns a result; the first one must find the host."""
        cut: UnreachableError | None = None
        for attempt in attempts(self.deadline):
            try:
                done = once(attempt)
            except _CutError as error:
                cut = error.error
            except (HostKeyError, AuthenticationError):
                raise
            except UnreachableError as error:
                if cut is None:
                    raise
                cut = UnreachableError(f"{cut.message}; then {error.message}", hint=error.hint)
            else:
                if done is not None:
                    return done
        raise cut or UnreachableError(f"{self.host}: the transfer was interrupted too often")


@dataclass(slots=True)
class _Put:
    """A file on its way to a host."""

    job: _Job
    source: Source
    target: PurePosixPath
    mode: int
    progress: Progress | None
    name: str
    sent: bool = False

    def attempt(self, number: int) -> Transfer | None:
        """Look what is there and send the rest; None if what was there is gone again."""
        size, digest = self.source.size, self.source.digest
        said = Capture()
        look = shell.same(
            self.target,
            size=size,
            digest=digest,
            mode=self.mode,
            name=self.name if self.sent else None,
        )
        self.job.do(look, BytesFeed(b""), said, lambda: f"look at {self.target}")
        word, _, there = said.value().decode("ascii", "replace").strip().partition(" ")
        if word == "same":
            if self.progress is not None:
                self.progress(size, size)
            # It may have arrived whole with the connection broken under the good news.
            return Transfer(changed=self.sent, size=size, digest=digest)
        offset = min(int(there), size) if there.isdecimal() else 0
        self.sent = True
        return self._send(number, offset)

    def _send(self, number: int, offset: int) -> Transfer | None:
        size, digest = self.source.size, self.source.digest
        line = shell.sending(
            self.target,
            size=size,
            digest=digest,
            mode=self.mode,
            name=self.name,
            attempt=number,
            offset=offset,
        )
        with self.source.reading(self.progress, offset) as feed:
            status = self.job.do(
                line,
                feed,
                Capture(),
                lambda: f"send {self.target} ({feed.done} of {size} bytes)",
            )
        return None if status else Transfer(changed=True, size=size, digest=digest)


def put(
    host: str,
    perform: Perform,
    source: Path | bytes,
    target: PurePosixPath,
    *,
    mode: int,
    timeout: float,
    become: str | None,
    progress: Progress | None,
) -> Transfer:
    """Bring a file to the host unless its digest is there already.

    A connection that breaks is made anew within ``timeout`` and the file is gone on with where it
    was. Raises TaskError if the host cannot take it, UnreachableError if the host stops answering.
    """
    job = _Job(host, perform, become, timeout, Deadline.after(timeout, _CLOCK))
    name = secrets.token_hex(4)
    sender = _Put(job, Source.of(source), target, mode, progress, name)
    return job.until_done(sender.attempt)


def get(
    host: str,
    perform: Perform,
    source: PurePosixPath,
    target: Path,
    *,
    offset: int,
    timeout: float,
    become: str | None,
) -> Transfer:
    """Fetch a file from ``offset`` on; the target then holds exactly those bytes.

    Size and digest are of what was fetched. Where the connection breaks it begins anew, for the
    file may be another one by now. Raises as `put` does; the target appears whole or not at all.
    """
    job = _Job(host, perform, become, timeout, Deadline.after(timeout, _CLOCK))

    def fetch(_: int) -> Transfer:
        with landing(target) as sink:
            line = shell.fetching(source, offset=offset)
            job.do(line, BytesFeed(b""), sink, lambda: f"fetch {source}")
        return Transfer(changed=sink.size > 0, size=sink.size, digest=sink.digest)

    return job.until_done(fetch)


def _failed(host: str, what: str, outcome: Outcome, timeout: float) -> RaftfleetError:
    """Return the error for a transfer that did not work."""
    if isinstance(outcome, Lost):
        return UnreachableError(f"{host}: connection lost, cannot {what}: {outcome.reason}")
    if isinstance(outcome, TimedOut):
        if outcome.ended_remote:
            return TaskError(f"{host}: cannot {what} within {timeout:g} s")
        return UnreachableError(f"{host} did not answer within {timeout:g} s, cannot {what}")
    said = outcome.err.strip().splitlines()
    if said:
        complaint = said[0]
    elif isinstance(outcome, Exited):
        complaint = f"exit status {outcome.status}"
    else:
        complaint = type(outcome).__name__.lower()
    return TaskError(f"{host}: cannot {what}: {complaint}", hint=remedy(complaint))


def remedy(complaint: str) -> str | None:
    """Return what to do about what a host complains of when a file is written, if it is known."""
    for words, hint in {
        "No space left": "the host's disk is full; nothing was left behind",
        "Disk quota": "the host's quota is used up; nothing was left behind",
        "nonexistent": "create the folder first",
        "Directory": "create the folder first",
        "Permission denied": "connect as another user (ansible_user)",
        "Read-only": "that part of the host is mounted read-only",
    }.items():
        if words.lower() in complaint.lower():
            return hint
    return None
