"""When nodes were away: down, paused or cut off, from the first sign until they were back.

Whatever is judged by what the others did meanwhile (logs, leadership, writes, node lists) asks
here, so that all agree on when a node was back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.picture import ISOLATING

from .exits import plain_signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from raftfleet.journal.values import Interval

    from .lives import Life

__all__ = ["Away", "FaultSpan", "absences", "fault_spans"]


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """A fault from its intent to its undoing, as far as each is known.

    ``confirmed`` is when contact ended, None when nothing says so; ``undone`` likewise. ``index``
    and ``undone_index`` are the events' places in the journal.
    """

    fault: str
    kind: str
    targets: tuple[str, ...]
    peers: tuple[str, ...]
    meant: float
    index: int
    confirmed: Interval | None = None
    undone: Interval | None = None
    undone_index: int = -1
    failed: bool = False

    @property
    def isolates(self) -> bool:
        """Whether it keeps its targets from doing their part."""
        return self.kind in ISOLATING and not self.failed


@dataclass(frozen=True, slots=True)
class Away:
    """A node was away from ``lo`` to ``hi`` (infinite: to the end), and why.

    ``kind`` is stop, kill, crash, gone, start (it was not there before) or the kind of the fault.
    ``peers`` are those it was cut off from; empty: from everybody.
    """

    node: str
    lo: float
    hi: float
    kind: str
    peers: frozenset[str] = frozenset()

    @property
    def isolated(self) -> bool:
        """Whether its process lived meanwhile."""
        return self.kind in ISOLATING

    @property
    def known(self) -> bool:
        """Whether its beginning was seen."""
        return self.lo > -math.inf

    def concerns(self, other: str) -> bool:
        """Whether another node missed it."""
        return other != self.node and (not self.peers or other in self.peers)


def fault_spans(events: Sequence[ev.Event]) -> list[FaultSpan]:
    """Return the faults of a journal, in order."""
    found: dict[str, dict[str, object]] = {}
    for index, event in enumerate(events):
        if isinstance(event, ev.FaultIntent):
            found[event.fault] = {
                "fault": event.fault,
                "kind": event.kind,
                "targets": event.targets,
                "peers": event.peers,
                "meant": event.t,
                "index": index,
            }
        elif isinstance(event, ev.FaultConfirmed) and event.fault in found:
            found[event.fault]["confirmed"] = event.at
        elif isinstance(event, ev.FaultUndone) and event.fault in found:
            found[event.fault] |= {"undone": event.at, "undone_index": index}
        elif isinstance(event, ev.FaultFailed) and event.fault in found:
            found[event.fault]["failed"] = True
    return [FaultSpan(**fields) for fields in found.values()]  # type: ignore[arg-type]  # built above


def absences(lives: Mapping[str, list[Life]], faults: Sequence[FaultSpan]) -> list[Away]:
    """Return every absence of every node, in the order in which they began."""
    found = [away for node in lives for away in _down(node, lives[node])]
    for fault in faults:
        found += _isolated(fault)
    return sorted(found, key=lambda away: away.lo)


def _down(node: str, lives: Sequence[Life]) -> Iterator[Away]:
    if lives and lives[0].started is not None:
        yield Away(node, -math.inf, _back(lives), "start")
    for place, life in enumerate(lives):
        end = _end(life)
        if end is None:
            continue
        lo, kind = end
        yield Away(node, lo, _back(lives[place + 1 :]), kind)


def _end(life: Life) -> tuple[float, str] | None:
    """Return when a life began to end, and how."""
    if life.exited is not None:
        asked = life.asked
        if asked is None:
            return life.exited.at.lo, "crash"
        kind = "kill" if plain_signal(asked.signal) == "KILL" else "stop"
        return asked.at.lo, kind
    for t in (life.vanished, life.cleared):
        if t is not None:
            return t, "gone"
    return None


def _back(lives: Sequence[Life]) -> float:
    """Return when a node was up again; one that was stopped while it recovered was not yet."""
    for life in lives:
        if life.ready is not None:
            return life.ready.t
        if life.started is None:
            return life.began
    return math.inf


def _isolated(fault: FaultSpan) -> Iterator[Away]:
    if not fault.isolates:
        return
    hi = math.inf if fault.undone is None else fault.undone.hi
    for target in fault.targets:
        yield Away(target, fault.meant, hi, fault.kind, frozenset(fault.peers) - {target})
