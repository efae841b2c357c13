"""The reader: journals as they were left, also by a controller that was killed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import msgspec

from raftfleet.errors import JournalError

from .codec import Record, decode
from .events import DrillEnded, DrillStarted, Event, RunEnded, RunStarted

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["JOURNAL", "Journal", "Span", "parse_journal", "read_journal"]

JOURNAL = "journal.jsonl"
E = TypeVar("E", bound=Event)


class Span(NamedTuple):
    """Where a drill lies in a journal, as indices of its events.

    ``start`` is its `drill.started`, ``end`` its `drill.ended` or None when it has none. Up to
    ``until`` (exclusive) follows what was collected for it before the next drill began.
    """

    start: int
    end: int | None
    until: int


@dataclass(frozen=True)
class Journal:
    """The record of one run.

    ``torn`` holds the part of a last line that was never finished. ``live``: this process is
    still writing it, so that its missing end means nothing.
    """

    records: tuple[Record, ...] = ()
    torn: bytes = b""
    live: bool = False

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All events, in the order they were written."""
        return tuple(record.event for record in self.records)

    @cached_property
    def run(self) -> str:
        """The run's name, empty when its first event is missing."""
        return next((e.run for e in self.events if isinstance(e, RunStarted)), "")

    @property
    def cut_short(self) -> bool:
        """Whether the run ended without saying so: its controller was killed."""
        return not self.live and not any(isinstance(e, RunEnded) for e in self.events)

    @cached_property
    def holes(self) -> tuple[tuple[int, int], ...]:
        """The sequence numbers that are missing, as (first, last): somebody removed lines."""
        found, expected = [], 1
        for event in self.events:
            if event.seq > expected:
                found.append((expected, event.seq - 1))
            expected = event.seq + 1
        return tuple(found)

    @cached_property
    def _kinds(self) -> dict[type[Event], tuple[Event, ...]]:
        kinds: dict[type[Event], list[Event]] = {}
        for event in self.events:
            kinds.setdefault(type(event), []).append(event)
        return {kind: tuple(events) for kind, events in kinds.items()}

    def of(self, kind: type[E]) -> tuple[E, ...]:
        """Return all events of one kind, in order."""
        return cast("tuple[E, ...]", self._kinds.get(kind, ()))

    def spans(self) -> tuple[Span, ...]:
        """Return where each drill lies, in order."""
        starts = [i for i, event in enumerate(self.events) if isinstance(event, DrillStarted)]
        bounds = [*starts, len(self.events)]
        return tuple(Span(a, self._end(a, b), b) for a, b in pairwise(bounds))

    def _end(self, start: int, until: int) -> int | None:
        ends = (i for i in range(start, until) if isinstance(self.events[i], DrillEnded))
        return next(ends, None)

    def encode(self) -> bytes:
        """Return the journal as it was read, with everything this version does not know."""
        return b"".join(record.raw + b"\n" for record in self.records)


def read_journal(path: Path, *, live: bool = False) -> Journal:
    """Read the journal of a run folder, or a journal file itself.

    An unfinished last line is tolerated and kept in ``torn``. Raises `JournalError`, naming the
    line, for anything else that is not an event.
    """
    file = path / JOURNAL if path.is_dir() else path
    try:
        data = file.read_bytes()
    except OSError as error:
        raise JournalError(
            f"cannot read {file}: {error.strerror}",
            hint="name a run folder (runs/latest is the newest)",
        ) from None
    return parse_journal(data, file, live=live)


def parse_journal(data: bytes, file: Path, *, live: bool = False) -> Journal:
    """Return the journal that ``data`` is, read from ``file``; raises as `read_journal` does."""
    *lines, rest = data.split(b"\n")
    records = [_record(raw, f"{file}:{number}") for number, raw in enumerate(lines, 1) if raw]
    return Journal(tuple(records), torn=rest, live=live)


def _record(raw: bytes, where: str) -> Record:
    try:
        return Record(raw, decode(raw))
    except msgspec.MsgspecError as error:
        raise JournalError(
            f"{where}: this line is not an event: {error}",
            hint="a journal is only ever appended to; was it edited?",
        ) from None
