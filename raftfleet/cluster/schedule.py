"""When writes are due: a fixed schedule that does not wait for answers.

A writer that sends the next write when the last was answered hides outages: one call that hangs
stands for hundreds that were never sent. So slots are due whether or not anybody answers, each
keeps the time it was due at, and one that cannot be sent is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Missed", "Schedule"]

_TELL = 1.0
"""Seconds after which slots that could not be sent are told of, though they still cannot be."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Slots due in ``[intended, until]`` that could not be sent, and why."""

    intended: float
    until: float
    count: int
    reason: str


class Schedule:
    """The slots of one writer: every ``period`` seconds from ``start`` on, on our monotonic clock.

    At most ``most`` of its writes are under way at once. `take` says which slots to send now;
    `done` must be called once for each.
    """

    def __init__(self, start: float, period: float, most: int) -> None:
        self.next = start
        self.period = period
        self._most = most
        self._under_way = 0
        self._missed: list[float] = []
        self._reason = ""

    def take(self, now: float, *, free: int | None = None) -> tuple[list[float], list[Missed]]:
        """Return the slots that are due and can be sent, and those that could not be.

        ``free`` bounds how many can be sent now, for another reason than those under way.
        """
        sent: list[float] = []
        missed: list[Missed] = []
        while self.next <= now:
            slot, self.next = self.next, self.next + self.period
            if self._under_way < self._most and (free is None or len(sent) < free):
                missed += self._told()
                sent.append(slot)
                self._under_way += 1
            else:
                self._reason = f"{self._under_way} writes were under way"
                self._missed.append(slot)
        if self._missed and now - self._missed[0] >= _TELL:
            missed += self._told()
        return sent, missed

    def done(self) -> None:
        """Take note that a write came to an end."""
        self._under_way -= 1

    @property
    def under_way(self) -> int:
        """How many writes have been sent and not come to an end."""
        return self._under_way

    def end(self) -> list[Missed]:
        """Return what has not been told yet."""
        return self._told()

    def _told(self) -> list[Missed]:
        if not self._missed:
            return []
        found = Missed(self._missed[0], self._missed[-1], len(self._missed), self._reason)
        self._missed = []
        return [found]
