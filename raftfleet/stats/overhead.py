"""What of a run's time was raftfleet's own, and what was spent waiting for the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal.events import (
    NodeExited,
    NodeNotExited,
    NodeSignalled,
    WaitBegan,
    WaitEnded,
)

if TYPE_CHECKING:
    from raftfleet.journal import Journal

__all__ = ["Overhead", "overhead"]


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds: the whole run, the union of all waits for the cluster, and the rest."""

    wall: float
    waited: float

    @property
    def own(self) -> float:
        """What raftfleet itself took."""
        return self.wall - self.waited


def overhead(journal: Journal) -> Overhead:
    """Return what a run's time went into; waits that overlap are counted once.

    From a signal to the exit it asked for is a wait for the cluster too: as long as the host's
    own stamps say, and no longer. A wait without an end lasts until the journal ends.
    """
    if not journal.events:
        return Overhead(0.0, 0.0)
    times = [event.t for event in journal.events]
    spans = sorted([*_waits(journal, max(times)), *_exits(journal)])
    return Overhead(max(times) - min(times), _union(spans))


def _waits(journal: Journal, end: float) -> list[tuple[float, float]]:
    ended = {event.wait: event.t for event in journal.of(WaitEnded)}
    return [(event.t, ended.get(event.wait, end)) for event in journal.of(WaitBegan)]


def _exits(journal: Journal) -> list[tuple[float, float]]:
    """Return the spans between signals and the exits, or refusals, that followed."""
    spans, signalled = [], dict[str, float]()
    for event in journal.events:
        if isinstance(event, NodeSignalled):
            signalled[event.node] = event.at.hi
        elif isinstance(event, NodeExited) and event.node in signalled:
            spans.append((signalled.pop(event.node), event.at.lo))
        elif isinstance(event, NodeNotExited) and event.node in signalled:
            start = signalled.pop(event.node)
            spans.append((start, start + event.waited))
    return spans


def _union(spans: list[tuple[float, float]]) -> float:
    """Return how long at least one of these spans, sorted by their start, lasts."""
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
