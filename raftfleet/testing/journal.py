"""Journals told by hand: what a run would have left, without any run.

A `Story` starts with a healthy cluster and lets things happen to it on a fake clock. `doctored`
plants a defect in a finished journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from raftfleet.journal.codec import Record, encode
from raftfleet.journal.events import (
    Event,
    FaultConfirmed,
    FaultIntent,
    FaultUndone,
    ListingRead,
    PeersRead,
    ReadMissed,
    StatusMissed,
    StoreRead,
    WriteEnded,
    WriterStarted,
    WriterStopped,
)
from raftfleet.journal.reader import Journal
from raftfleet.journal.values import (
    Interval,
    Lack,
)

from .story_core import StoryCore
from .told import GRACEFUL, MARKERS, POLL, RULES, TIMING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["GRACEFUL", "MARKERS", "POLL", "RULES", "TIMING", "Story", "doctored"]


class Story(StoryCore):
    """A story with faults, writes, reads and the lines of logs."""

    # --- faults --------------------------------------------------------------------------------

    def fault(self, kind: str, node: str, *, peers: Sequence[str] = ()) -> Story:
        """Break something at a node: a pause silences it, a partition does not."""
        name = f"{kind}-{node}"
        self.record(FaultIntent(fault=name, kind=kind, targets=(node,), peers=tuple(peers)))
        self.record(FaultConfirmed(fault=name, at=Interval(self.now, self.now + 0.001)))
        if kind == "pause":
            self.silent.add(node)
            self.record(StatusMissed(node=node, since=self.now - POLL, reason="timed out"))
        return self

    def undo(self, kind: str, node: str) -> Story:
        """Undo it again."""
        at = Interval(self.now, self.now + 0.001)
        self.record(FaultUndone(fault=f"{kind}-{node}", at=at))
        if node in self.silent:
            self.silent.discard(node)
            self.say(node)
        return self

    # --- writes and reads ----------------------------------------------------------------------

    def writer(self, via: str, *, period: float = 0.1) -> Story:
        """A writer of registers begins to work through a node."""
        started = WriterStarted(writer=f"w-{via}", kind="register", via=via, period=period)
        self.record(started)
        return self

    def writer_stops(self, via: str) -> Story:
        """It sends no more."""
        self.record(WriterStopped(writer=f"w-{via}"))
        return self

    def write(
        self, key: str, value: str, outcome: str = "ok", *, via: str = "n1", took: float = 0.01
    ) -> Story:
        """A write ends so; an acknowledged one is in every store from then on."""
        sent = self.now
        self.let(took)
        written = WriteEnded(
            writer=f"w-{via}", via=via, key=key, value=value, sent=sent, outcome=outcome
        )
        self.record(written)
        if outcome == "ok":
            self.acknowledged[key] = value
            for store in self.stored.values():
                store[key] = value
        return self

    def writes(self, seconds: float, outcome: str = "ok", *, via: str = "n1") -> Story:
        """A write every tenth of a second, to one key, each with a higher value."""
        for number in range(round(seconds * 10)):
            self.write(f"key-{via}", f"{self.now:.2f}-{number}", outcome, via=via).let(0.09)
        return self

    def read(self, *, missed: Iterable[str] = ()) -> Story:
        """Read back every key from the own store of every node that is up."""
        self._round += 1
        sent = self.now
        self.let(0.01)
        keys = sorted({key for store in self.stored.values() for key in store})
        for name in sorted(self.up):
            if name in missed:
                self.record(
                    ReadMissed(node=name, what="store", reason="timed out", round=self._round)
                )
                continue
            store = self.stored[name]
            values = {key: store.get(key) for key in keys}
            self.record(
                StoreRead(node=name, round=self._round, sent=sent, values=values, count=len(store))
            )
        return self

    def listing(self, node: str, *, lacks: Sequence[str] = (), extra: Sequence[str] = ()) -> Story:
        """A node's API lists its store's keys, but for these, and those besides."""
        count = len(self.stored[node]) - len(lacks) + len(extra)
        shown = ListingRead(
            node=node,
            round=self._round,
            sent=self.now,
            count=count,
            lacks=Lack(len(lacks), tuple(lacks)),
            extra=Lack(len(extra), tuple(extra)),
        )
        self.record(shown)
        return self

    def peers(self, node: str, *peers: str) -> Story:
        """A node lists these as present."""
        self.record(PeersRead(node=node, since=self.now - POLL, peers=peers))
        return self

    def everybody_listed(self) -> Story:
        """Every node lists all."""
        for name in self.nodes:
            self.peers(name, *self.nodes)
        return self


def doctored(journal: Journal, change: Callable[[Event], Event | None]) -> Journal:
    """Return a journal in which every event was changed, or taken out where None comes back.

    The numbers are made whole again, so that the defect is all there is to find.
    """
    kept = [event for event in map(change, journal.events) if event is not None]
    numbered = [replace(event, seq=place) for place, event in enumerate(kept, 1)]
    return Journal(tuple(Record(encode(event), event) for event in numbered), journal.torn)
