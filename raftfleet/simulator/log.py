"""A group's log in memory: its entries, and the memberships among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .values import MEMBERSHIP, Membership

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .values import Entry, LogId, Snapshot

__all__ = ["Log"]


class Log:
    """The entries a group holds, with the memberships among them.

    ``purged`` is the last position that is no longer held, because a snapshot stands for it.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.purged: LogId | None = None
        self.entries: list[Entry] = []
        self.memberships: list[tuple[LogId | None, Membership]] = []
        for entry in entries:
            self.append(entry)

    @property
    def first(self) -> int:
        """The index of the first entry that is or would be held."""
        return self.purged.index + 1 if self.purged else 0

    @property
    def next(self) -> int:
        """The index the next entry gets."""
        return self.first + len(self.entries)

    @property
    def last(self) -> LogId | None:
        """The position of the last entry, held or purged."""
        return self.entries[-1].id if self.entries else self.purged

    @property
    def membership(self) -> tuple[LogId | None, Membership]:
        """The membership in force: the last one in the log, committed or not."""
        return self.memberships[-1] if self.memberships else (None, Membership((), ()))

    def membership_at(self, index: int) -> tuple[LogId | None, Membership]:
        """Return the membership in force at an index that is held or the last one purged."""
        known = [m for m in self.memberships if _index(m[0]) <= index]
        return known[-1] if known else (None, Membership((), ()))

    def at(self, index: int) -> Entry | None:
        """Return the entry at an index, if it is held."""
        place = index - self.first
        return self.entries[place] if 0 <= place < len(self.entries) else None

    def position(self, index: int) -> LogId | None:
        """Return the position at an index: of an entry held, or the last one purged."""
        if self.purged and index == self.purged.index:
            return self.purged
        entry = self.at(index)
        return entry.id if entry else None

    def holds(self, position: LogId | None) -> bool:
        """Whether exactly this entry is in the log; the start of the log always is.

        What lies before the last purged position is committed, so that no leader has another.
        """
        if position is None or position.index < self.first - 1:
            return True
        return self.position(position.index) == position

    def between(self, start: int, end: int) -> list[Entry]:
        """Return the entries of indexes start <= i < end that are held."""
        low = max(0, start - self.first)
        return self.entries[low : max(low, end - self.first)]

    def needed_from(self, previous: LogId, committed: int) -> int:
        """Return from where a leader has to send that takes ``previous`` for an entry held here.

        It is the end of the log, or the start of the term that differs; never before what is
        committed.
        """
        index = min(previous.index, self.next)
        wrong = self.at(index)
        while wrong and index > committed + 1 and self._same_term(index - 1, wrong.id):
            index -= 1
        return max(index, committed + 1)

    def _same_term(self, index: int, position: LogId) -> bool:
        entry = self.at(index)
        return entry is not None and entry.id[:2] == position[:2]

    def append(self, entry: Entry) -> None:
        """Add an entry at the end; its index must be `next`."""
        if entry.id.index != self.next:
            raise ValueError(f"entry {entry.id} does not fit at {self.next}")
        self.entries.append(entry)
        if entry.kind == MEMBERSHIP:
            self.memberships.append((entry.id, entry.data))

    def cut(self, index: int) -> None:
        """Drop this entry and everything after it."""
        del self.entries[max(0, index - self.first) :]
        while self.memberships and _index(self.memberships[-1][0]) >= index:
            self.memberships.pop()

    def purge(self, index: int) -> None:
        """Drop this entry and everything before it, but for the membership in force there."""
        position = self.position(index)
        if position is None:
            raise ValueError(f"entry {index} is not held and cannot be purged")
        del self.entries[: index + 1 - self.first]
        self.purged = position
        while len(self.memberships) > 1 and _index(self.memberships[1][0]) <= index:
            del self.memberships[0]

    def install(self, snapshot: Snapshot) -> None:
        """Let a snapshot stand for the log up to its end; what follows stays if it fits."""
        if self.position(snapshot.last.index) == snapshot.last:
            self.purge(snapshot.last.index)
            return
        self.entries.clear()
        self.purged = snapshot.last
        self.memberships = [(snapshot.membership_at, snapshot.membership)]


def _index(position: LogId | None) -> int:
    return -1 if position is None else position.index
