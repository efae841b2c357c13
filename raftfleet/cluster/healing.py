"""Undoing what a dead run left behind, from what lies on the hosts: no journal is needed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from raftfleet.clock import Deadline
from raftfleet.errors import LockHeldError, RaftfleetError

from .holder import Holder, Sighting
from .remote import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.clock import Clock

    from .lock import ClusterLock
    from .remote import Place

__all__ = ["Leftover", "leftovers", "take_over"]

_TIMEOUT = 10.0
_LOOK_AGAIN = 0.5
_RENEWED = 0.5
_LONGER = 5.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """A node that ``by`` stopped for the time being and did not start again."""

    node: str
    by: Holder


def leftovers(places: Sequence[Place]) -> tuple[list[Leftover], dict[str, RaftfleetError]]:
    """Return what runs left on the hosts, and the nodes whose hosts cannot say, with the reason."""
    found: list[Leftover] = []
    failed: dict[str, RaftfleetError] = {}
    for place in places:
        try:
            reply = place.ask("leftover.sh", timeout=_TIMEOUT)
        except RaftfleetError as error:
            failed[place.node.name] = error
            continue
        if "undo.run" in reply:
            said = {f.name: plain(reply.last(f"undo.{f.name}")) for f in fields(Holder)}
            found.append(Leftover(place.node.name, Holder(**said)))
    return found, failed


def take_over(lock: ClusterLock, clock: Clock, *, stop: threading.Event | None = None) -> str:
    """Take the cluster lock from a run that is dead; return whose it was, nothing if nobody's.

    Where the holder cannot be seen, it is dead if its lock is not renewed until it expires. Raises
    `LockHeldError` as soon as it is: then its holder lives, and nothing is touched.
    """
    deadline = Deadline.after(lock.life + _LONGER, clock)
    first = _expiries(lock)
    while True:
        try:
            return lock.acquire(patience=0, stop=stop)
        except LockHeldError:
            now = _expiries(lock)
            renewed = any(now[one] > first[one] + _RENEWED for one in now.keys() & first.keys())
            if renewed or deadline.passed or (stop is not None and stop.is_set()):
                raise
            first = now | first
        turn = threading.Condition()
        with turn:
            clock.wait(turn, min(_LOOK_AGAIN, deadline.left))


def _expiries(lock: ClusterLock) -> dict[tuple[str, str], float]:
    """Return when the lock will expire, for each host and token: seconds of the host's boot clock.

    Not how long it still holds: whoever looks as often as it is renewed sees the same every time.
    """
    return {
        (host, seen.token): seen.now / 100 + seen.left
        for host, seen in lock.look().items()
        if isinstance(seen, Sighting) and seen.held
    }
