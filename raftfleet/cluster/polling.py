"""One node's poll: asked on schedule, its ids turned into names, its answers and misses counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from raftfleet.errors import AuthenticationError, RaftfleetError
from raftfleet.journal.picture import Standing
from raftfleet.systems.protocol import AccessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder, StatusThinner
    from raftfleet.journal.values import GroupStatus
    from raftfleet.systems.protocol import Access, System

__all__ = ["Poller", "Tally", "named"]

_SLOWEST = 0.25
_DOWN = 0.05
_LONG_DOWN = 0.1
_LONG = 2.0
_REFUSED = 30.0
"""Seconds after which a node that refused our password is asked again: it may count attempts."""


def named(status: GroupStatus, names: Mapping[str, str]) -> GroupStatus:
    """Return a view with the system's ids turned into node names; an unknown one shows as ``#9``."""

    def name(one: str) -> str:
        return names.get(one, f"#{one}")

    def sorted_names(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(name(one) for one in ids))

    return msgspec.structs.replace(
        status,
        leader=None if status.leader is None else name(status.leader),
        voters=None if status.voters is None else tuple(map(sorted_names, status.voters)),
        learners=None if status.learners is None else sorted_names(status.learners),
    )


class Tally:
    """How well a node was watched since the last sample."""

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._polls = self._misses = 0
        self._heard = now
        self._gap = 0.0

    def count(self, now: float, *, answered: bool) -> None:
        """Count a poll that is over."""
        with self._lock:
            self._polls += 1
            if answered:
                self._gap = max(self._gap, now - self._heard)
                self._heard = now
            else:
                self._misses += 1

    def sample(self, now: float) -> tuple[int, int, float]:
        """Return polls, misses and the longest time without an answer, and begin anew.

        The time since the last answer counts as far as it goes.
        """
        with self._lock:
            sampled = self._polls, self._misses, max(self._gap, now - self._heard)
            self._polls = self._misses = 0
            self._gap = 0.0
            return sampled


class Poller:
    """Asks one node for its own view, and hands on what it says.

    ``period`` and ``timeout`` are seconds. `poll` asks once and returns when to ask next.
    """

    def __init__(
        self,
        system: System,
        access: Access,
        names: Mapping[str, str],
        recorder: Recorder,
        thinner: StatusThinner,
        clock: Clock,
        *,
        period: float,
        timeout: float,
    ) -> None:
        self.name = access.node.name
        self.defect: Exception | None = None
        self.tally = Tally(clock.monotonic())
        self._system = system
        self._access = access
        self._names = names
        self._recorder = recorder
        self._thinner = thinner
        self._clock = clock
        self._period = period
        self._timeout = timeout
        self._due = clock.monotonic()
        self._asked = 0.0
        self._heard = clock.monotonic()
        self._missing_since: float | None = None
        self._pace = 0.0
        self._refused = False

    @property
    def missing(self) -> bool:
        """Whether the latest poll had no answer."""
        return self._missing_since is not None

    @property
    def suspicious(self) -> bool:
        """Whether what we see of the node and what we know of its process do not fit."""
        process = self._recorder.picture.node(self.name).process
        if self.missing:
            return process is not Standing.DOWN
        return process not in {Standing.ALIVE, Standing.STOPPING}

    def begin(self) -> None:
        """Begin a schedule and a tally; what was seen before stays known."""
        self._due = self._clock.monotonic()
        self.tally = Tally(self._due)

    def poll(self) -> float:
        """Ask once; return when to ask next, on our monotonic clock."""
        began = self._clock.monotonic()
        try:
            groups = self._system.status(self._access, timeout=self._timeout)
        except AccessError as error:
            self._miss(began, str(error))
        except RaftfleetError as error:
            self.defect = self.defect or error
            self._refused = isinstance(error, AuthenticationError)
            self._miss(began, error.message)
        except Exception as error:  # noqa: BLE001 - kept, and raised where somebody waits
            self.defect = self.defect or error
            self._miss(began, f"defect in the adapter: {error!r}")
        else:
            self._take(began, {name: named(one, self._names) for name, one in groups.items()})
        return self._next(began)

    def _take(self, began: float, groups: Mapping[str, GroupStatus]) -> None:
        now = self._clock.monotonic()
        self._thinner.saw(self.name, groups, self._since(began), now)
        self._asked, self._heard, self._missing_since = began, now, None
        self._refused = False
        self._pace += 0.2 * (now - began - self._pace)
        self.tally.count(now, answered=True)

    def _since(self, began: float) -> float:
        """When the last answer was asked for: what this one shows may have changed since.

        A new process has no past before the end of the one before it.
        """
        gone = self._recorder.picture.node(self.name).gone
        return gone if gone is not None and self._asked < gone <= began else self._asked

    def _miss(self, began: float, reason: str) -> None:
        now = self._clock.monotonic()
        self._thinner.missed(self.name, self._heard, now, reason)
        self._missing_since = began if self._missing_since is None else self._missing_since
        self.tally.count(now, answered=False)

    def interrupted(self, reason: str) -> None:
        """Take note that nothing could be seen for a while, through no fault of the node."""
        self._thinner.missed(self.name, self._heard, self._clock.monotonic(), reason)

    def _next(self, began: float) -> float:
        """Return the next slot of the schedule; slots that have passed are left out."""
        interval = self._interval()
        now = self._clock.monotonic()
        if interval != self._period:
            self._due = max(began + interval, now)
        else:
            self._due += interval
            if self._due < now:
                behind = now - self._due
                self._due += interval * (behind // interval + 1)
        return self._due

    def _interval(self) -> float:
        if self._refused:
            return max(self._period, _REFUSED)
        if self._missing_since is not None:
            long = self._clock.monotonic() - self._missing_since > _LONG
            return max(self._period, _LONG_DOWN if long else _DOWN)
        if self._pace > self._period:
            return min(2 * self._pace, max(_SLOWEST, self._period))
        return self._period
