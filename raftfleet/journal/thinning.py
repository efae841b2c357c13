"""What polls see, made small: every change that matters at once, rising indices now and then.

Term, role, leader, voters and anything that goes back are written at once. Indices that only rise
are held back and written at most five times a second, but always before any other event, so that
whatever is read from the journal later finds them in their place.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .events import Event, StatusMissed, StatusSeen
from .fold import weighty
from .values import GroupStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from raftfleet.clock import Clock

__all__ = ["StatusThinner"]

_HELD_FOR = 0.2
_RENEWED_AFTER = 2.0
"""Seconds after which a node's whole view is written again though nothing changed."""


@dataclass(slots=True)
class _Book:
    """What was polled of a node last, and the rises among it that are not written yet."""

    last: dict[str, GroupStatus] = field(default_factory=dict)
    held: dict[str, GroupStatus] = field(default_factory=dict)
    since: float = 0.0
    t: float = 0.0
    written: float = float("-inf")
    renewed: float = float("-inf")
    missing: bool = False


class StatusThinner:
    """Writes what polls saw. One serves all nodes and may be called from their threads.

    Made by `Recorder.thinner`, it shares the journal's lock and is flushed before any other event.
    """

    def __init__(
        self,
        record: Callable[[Event], Event],
        clock: Clock,
        *,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        self._record = record
        self._clock = clock
        self._lock = lock or threading.RLock()
        self._books: dict[str, _Book] = {}

    def saw(
        self, node: str, groups: Mapping[str, GroupStatus], since: float, t: float | None = None
    ) -> None:
        """Take an answer: the poll before it was sent at ``since``, this one was over at ``t``.

        Both are seconds on our monotonic clock: whatever changed did so in ``(since, t]``.
        """
        t = self._clock.monotonic() if t is None else t
        with self._lock:
            book = self._books.setdefault(node, _Book())
            gone = {name: GroupStatus() for name in book.last if name not in groups}
            polled = {**groups, **gone}
            if book.missing or t - book.renewed >= _RENEWED_AFTER:
                self._write_all(node, book, polled, since, t)
            else:
                self._write_changes(node, book, polled, since, t)
            book.last = dict(groups)

    def missed(self, node: str, since: float, t: float | None = None, reason: str = "") -> None:
        """Take a poll without an answer; only the first of a row is written.

        ``since`` is when the last answered poll was over.
        """
        t = self._clock.monotonic() if t is None else t
        with self._lock:
            book = self._books.setdefault(node, _Book())
            if not book.missing:
                self._write_held(node, book)
                self._record(StatusMissed(node=node, since=since, t=t, reason=reason))
            book.missing = True

    def flush(self) -> None:
        """Write every index that is held back."""
        with self._lock:
            for node, book in self._books.items():
                self._write_held(node, book)

    def _write_all(
        self, node: str, book: _Book, groups: dict[str, GroupStatus], since: float, t: float
    ) -> None:
        self._write_held(node, book)
        self._write(node, book, groups, since, t)
        book.renewed, book.missing = t, False

    def _write_changes(
        self, node: str, book: _Book, groups: dict[str, GroupStatus], since: float, t: float
    ) -> None:
        urgent, risen = {}, {}
        for name, status in groups.items():
            before = book.last.get(name)
            if weighty(before) != weighty(status) or _fell(before, status):
                urgent[name] = status
            elif before is not None and _indices(before) != _indices(status):
                risen[name] = status
        if urgent:
            self._write_held(node, book)
            self._write(node, book, {**risen, **urgent}, since, t)
            return
        if risen:
            book.since = book.since if book.held else since
            book.held.update(risen)
            book.t = t
        if t - book.written >= _HELD_FOR:
            self._write_held(node, book)

    def _write_held(self, node: str, book: _Book) -> None:
        if book.held:
            held, book.held = book.held, {}
            self._write(node, book, held, book.since, book.t)

    def _write(
        self, node: str, book: _Book, groups: dict[str, GroupStatus], since: float, t: float
    ) -> None:
        self._record(StatusSeen(node=node, since=since, t=t, groups=groups))
        book.written = t


def _indices(status: GroupStatus) -> tuple[int | None, int | None]:
    return status.last_log, status.last_applied


def _fell(before: GroupStatus | None, now: GroupStatus) -> bool:
    """Whether an index went back, or was known on only one side."""
    if before is None:
        return True
    return any(
        (old is None) != (new is None) or (old is not None and new is not None and new < old)
        for old, new in zip(_indices(before), _indices(now), strict=True)
    )
