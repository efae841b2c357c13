"""Sending and fetching files by commands: the host checks, renames and cleans up by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import RaftfleetError, TaskError, UnreachableError
from raftfleet.transport import shell
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

__all__ = ["get", "put"]

_CLOCK = SystemClock()


def put(
    host: str,
    perform: Perform,
    source: Path | bytes,
    target: PurePosixPath,
    *,
    mode: int,
    timeout: float,
    progress: Progress | None,
) -> Transfer:
    """Bring a file to the host unless its digest is there already.

    Raises TaskError if the host cannot take it, UnreachableError if the host stops answering.
    """
    deadline = Deadline.after(timeout, _CLOCK)
    what = Source.of(source)
    said = Capture()
    check = Command(shell.same(target, size=what.size, digest=what.digest, mode=mode))
    outcome = perform(check, BytesFeed(b""), said, deadline.left)
    if not outcome.ok:
        raise _failed(host, f"look at {target}", outcome, timeout)
    if said.value() == b"same\n":
        if progress is not None:
            progress(what.size, what.size)
        return Transfer(changed=False, size=what.size, digest=what.digest)
    with what.reading(progress) as feed:
        send = Command(shell.sending(target, digest=what.digest, mode=mode))
        outcome = perform(send, feed, Capture(), deadline.left)
        if not outcome.ok:
            sent = f"send {target} ({feed.done} of {what.size} bytes)"
            raise _failed(host, sent, outcome, timeout)
    return Transfer(changed=True, size=what.size, digest=what.digest)


def get(
    host: str,
    perform: Perform,
    source: PurePosixPath,
    target: Path,
    *,
    offset: int,
    timeout: float,
) -> Transfer:
    """Fetch a file from ``offset`` on; the target then holds exactly those bytes.

    Size and digest are of what was fetched. Raises as `put` does; the target appears whole or
    not at all.
    """
    with landing(target) as sink:
        fetch = Command(shell.fetching(source, offset=offset))
        outcome = perform(fetch, BytesFeed(b""), sink, timeout)
        if not outcome.ok:
            raise _failed(host, f"fetch {source}", outcome, timeout)
    return Transfer(changed=sink.size > 0, size=sink.size, digest=sink.digest)


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
    return TaskError(f"{host}: cannot {what}: {complaint}", hint=_hint(complaint))


def _hint(complaint: str) -> str | None:
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
