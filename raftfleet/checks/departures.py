"""Which nodes left in a drill, in which order, why, and when each could lead again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.journal.values import Interval

from .exits import plain_signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal import events as ev

    from .away import FaultSpan
    from .lives import Life
    from .window import Window

__all__ = ["Departure", "departures"]


@dataclass(slots=True)
class Departure:
    """A node that left in the drill, and what it led when that began.

    ``gone`` is when its process was gone, or when contact with it ended; ``back`` when it could
    lead again at the earliest, None when it never could.
    """

    node: str
    opens: float
    gone: Interval
    cause: str
    back: float | None = None
    isolated: bool = False
    leads: dict[str, int] = field(default_factory=dict)

    def is_back(self, event: ev.StatusSeen) -> bool:
        """Whether what the node says here is said after it came back, not before or meanwhile."""
        if self.back is not None and event.t >= self.back:
            return True
        return not self.isolated and event.since >= self.gone.hi


def departures(window: Window) -> Iterator[Departure]:
    """Yield every node that left in the drill, in the order in which that began."""
    found = [
        _ended(life, lives[place + 1 :])
        for lives in window.lives.values()
        for place, life in enumerate(lives)
        if life.exited is not None and window.inside(life.exited_index)
    ]
    found += [
        _cut(fault, target) for fault in window.faults if fault.isolates for target in fault.targets
    ]
    yield from sorted(found, key=lambda departure: departure.opens)


def _ended(life: Life, following: list[Life]) -> Departure:
    assert life.exited is not None  # noqa: S101 - the caller asks only for those
    back = following[0].began if following else None
    asked = life.asked
    if asked is None:
        return Departure(life.node, life.exited.at.lo, life.exited.at, "crash", back)
    cause = "kill" if plain_signal(asked.signal) == "KILL" else "stop"
    # A signal it outlived is an episode of its own: it may have led on for long after.
    outlived = sum(signal.resisted is not None for signal in life.signals)
    first = min(outlived, len(life.signals) - 1)
    return Departure(life.node, life.signals[first].sent.at.lo, life.exited.at, cause, back)


def _cut(fault: FaultSpan, target: str) -> Departure:
    gone = fault.confirmed or Interval(fault.meant, fault.meant)
    back = fault.undone.hi if fault.undone else None
    return Departure(target, fault.meant, gone, fault.kind, back, isolated=True)
