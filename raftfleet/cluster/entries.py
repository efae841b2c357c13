"""The entry budget: how much may be written while a node is down.

A node that is further behind than the log reaches back is sent a snapshot in place of the log,
which is another drill altogether. So entries appended while a node is away stay below half of what
the log keeps, unless a drill sets out to exceed it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.journal import Picture

__all__ = ["EntryBudget", "Pace"]

_SLOW = 0.7
"""The share of the budget from which on writers go at a quarter of their rate."""


class Pace(enum.Enum):
    """How fast writers may go."""

    FULL = 1.0
    SLOW = 0.25
    STOP = 0.0


class EntryBudget:
    """Counts the entries of every group that each absent node lacks; ``most`` of None is no limit.

    ``used`` and ``behind`` are those of the node that lacks most, as last looked at.
    """

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.used = 0
        self.behind = ""
        self._held: dict[tuple[str, str], int] = {}

    def look(self, picture: Picture) -> Pace:
        """Look at the picture and return how fast writers may go now."""
        live = set(picture.live()) - picture.isolated.keys()
        self.used, self.behind = 0, ""
        for group in picture.groups:
            logs = self._logs(picture, group, live)
            if not logs:
                continue
            longest = max(logs.values())
            for node in picture.nodes:
                if node in logs:
                    self._held[node, group] = logs[node]
                lacks = longest - self._held.setdefault((node, group), longest)
                if node not in live and lacks > self.used:
                    self.used, self.behind = lacks, node
        return self._pace()

    @property
    def room(self) -> int | None:
        """How many entries may still be appended while a node is away; None for any number."""
        return None if self.most is None else max(0, self.most - self.used)

    @staticmethod
    def _logs(picture: Picture, group: str, live: set[str]) -> Mapping[str, int]:
        """Return how long the logs of the nodes are that take part."""
        shown = {node: picture.status(node, group) for node in live}
        return {
            node: status.last_log
            for node, status in shown.items()
            if status is not None and status.last_log is not None
        }

    def _pace(self) -> Pace:
        if self.most is None or self.used < _SLOW * self.most:
            return Pace.FULL
        return Pace.SLOW if self.used < self.most else Pace.STOP
