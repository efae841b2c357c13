"""The ledger of writes: what was sent for each key, in order, and what became of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .reads import Round
    from .window import Window

__all__ = ["FATES", "Ledger", "ledger_of"]

FATES = ("recovered", "overwritten", "vanished", "still unknown")


class Ledger:
    """All writes since the cluster's data began, by key and in the order in which they were sent.

    Every key has one writer and its values never repeat, so a value's place in the order says
    which writes it has outlived.
    """

    def __init__(self, events: Iterable[ev.WriteEnded]) -> None:
        self.writes: dict[str, list[ev.WriteEnded]] = {}
        for event in sorted(events, key=lambda write: (write.intended or write.sent, write.sent)):
            self.writes.setdefault(event.key, []).append(event)
        self._places = {
            key: {w.value: place for place, w in enumerate(writes) if w.outcome != "refused"}
            for key, writes in self.writes.items()
        }

    def knows(self, key: str) -> bool:
        """Whether anybody wrote this key."""
        return key in self.writes

    def place(self, key: str, value: str | None) -> int | None:
        """Return the place of a value in its key's order; None for one that nobody wrote."""
        return None if value is None else self._places.get(key, {}).get(value)

    def floor(self, key: str, by: float) -> int | None:
        """Return the place of the last write that was acknowledged before this time."""
        writes = self.writes.get(key, [])
        for place in range(len(writes) - 1, -1, -1):
            if writes[place].outcome == "ok" and writes[place].t <= by:
                return place
        return None

    def acknowledged_among(self, store: ev.StoreRead) -> int:
        """Return how many of the keys that were asked for had been acknowledged by then."""
        return sum(self.floor(key, store.sent) is not None for key in store.values)

    def follow_up(self, read: Sequence[Round]) -> Mapping[str, int]:
        """Return what became of the writes whose outcome is unknown, by `FATES`."""
        last, listed = _last_seen(read), _seen_by_name(read)
        fates = Counter(dict.fromkeys(FATES, 0))
        for key, writes in self.writes.items():
            for place, write in enumerate(writes):
                if write.outcome == "unknown":
                    fates[self._fate(key, place, write, last, listed)] += 1
        return fates

    def _fate(
        self,
        key: str,
        place: int,
        write: ev.WriteEnded,
        last: Mapping[str, tuple[str | None, float]],
        listed: frozenset[str],
    ) -> str:
        if key in listed:
            return "recovered"
        if key not in last or last[key][1] < write.t:
            return "still unknown"
        have = self.place(key, last[key][0])
        if have is None or have < place:
            return "vanished"
        return "recovered" if have == place else "overwritten"


def _last_seen(read: Sequence[Round]) -> dict[str, tuple[str | None, float]]:
    """Return the last value read of each key at rest, and when."""
    last: dict[str, tuple[str | None, float]] = {}
    for one in read:
        for store in one.usable.values():
            for key, value in store.values.items():
                if value is not None or last.get(key, (None, 0.0))[1] < one.begun:
                    last[key] = (value, store.sent)
    return last


def _seen_by_name(read: Sequence[Round]) -> frozenset[str]:
    """Return the keys that some store is known to hold because its node's list lacks them."""
    return frozenset(
        name for one in read for listing in one.listings.values() for name in listing.lacks.examples
    )


def ledger_of(window: Window) -> Ledger:
    """Return the ledger of what was written up to a drill's end since the data began, and not removed."""
    last = window.journal.events[window.last].seq
    begun = [e.seq for e in window.journal.of(ev.ClusterGeneration) if e.seq <= last]
    first = max(begun, default=0)
    removed = [e for e in window.journal.of(ev.WritesRemoved) if e.seq <= last]
    return Ledger(
        write
        for write in window.journal.of(ev.WriteEnded)
        if first <= write.seq <= last
        and not any(write.seq < e.seq and write.key.startswith(e.prefix) for e in removed)
    )
