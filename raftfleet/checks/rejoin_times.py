"""How long each node took to come back: from its start until it was ready and had caught up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .catching_up import ready_at

if TYPE_CHECKING:
    from raftfleet.journal.values import Interval

    from .lives import Life
    from .window import Window

__all__ = ["Rejoin", "rejoin_times"]


@dataclass(frozen=True, slots=True)
class Rejoin:
    """One node that was started in a drill.

    ``cause`` is why it had been down: stop, kill, crash, gone, or start when it had not been there
    before. ``ready`` and ``caught_up`` are when that was, on our clock; None when it was not.
    """

    node: str
    cause: str
    started: Interval
    ready: Interval | None
    caught_up: Interval | None

    @property
    def lasted(self) -> Interval | None:
        """Seconds from its start until it had caught up."""
        return None if self.caught_up is None else self.caught_up.minus(self.started)


def rejoin_times(window: Window) -> tuple[Rejoin, ...]:
    """Return every node that was started in a drill, in order."""
    return tuple(
        Rejoin(
            life.node,
            _cause(window, life),
            life.started.at,
            ready_at(life),
            window.caught_up.get(life.index),
        )
        for life in window.started()
        if life.started is not None
    )


def _cause(window: Window, life: Life) -> str:
    before = [
        away
        for away in window.absences
        if away.node == life.node and not away.isolated and away.lo <= life.began
    ]
    return before[-1].kind if before else "start"
