"""Hosts' clocks: read now and then, so that what was stamped there can be placed here.

A reading asks for the host's boot clock twice, ``began`` and ``ended``, within one request. What
the host did between the two is no part of the uncertainty: the stamp ``theirs`` was taken at ours
in [sent + (theirs - began), received - (ended - theirs)] (Cristian 1989, both ends kept).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.clock import HostClock
from raftfleet.journal.events import HostClockRead
from raftfleet.journal.values import Interval

from .intervals import meet
from .remote import number

if TYPE_CHECKING:
    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder

    from .identity import ExitRecord
    from .remote import Place, Reply

__all__ = ["WAYS", "HostClocks", "bounds"]

WAYS = ("python", "perl", "shell")
"""How a host reads clocks and awaits exits, the most exact way first."""

_SHELL_TICK = 0.01  # /proc/uptime has two decimals, cut off
_DRIFT = 100e-6
_FRESH = 5.0
_ENOUGH = 0.02
_TIMEOUT = 10.0


def bounds(reply: Reply, *, tick: float = 0.0) -> HostClock:
    """Return what a reply's stamps ``began`` and ``ended`` tell of its host's clock.

    ``tick`` is how coarse the host's stamps are.
    """
    began, ended = float(reply.last("began")), float(reply.last("ended"))
    return HostClock(
        sent=reply.sent - tick,
        received=max(reply.received - (ended - began), reply.sent),
        theirs=began,
    )


class HostClocks:
    """What is known of every host's clocks; any thread may ask."""

    def __init__(self, recorder: Recorder, clock: Clock, ways: tuple[str, ...] = WAYS) -> None:
        self._recorder = recorder
        self._clock = clock
        self._ways = " ".join(ways)
        self._lock = threading.Lock()
        self._readings: dict[str, list[tuple[HostClock, float]]] = {}

    def read(self, place: Place, *, attempts: int = 3) -> HostClock:
        """Read a host's clocks anew, up to ``attempts`` times until one reading is narrow."""
        found: list[tuple[HostClock, float]] = []
        for _ in range(attempts):
            reply = place.ask("clock.sh", timeout=_TIMEOUT, ways=self._ways)
            tick = _SHELL_TICK if reply.last("method") == "shell" else 0.0
            mapping = bounds(reply, tick=tick)
            found.append((mapping, number(reply.last("wall"))))
            if mapping.received - mapping.sent <= _ENOUGH:
                break
        best, wall = min(found, key=lambda one: one[0].received - one[0].sent)
        self._keep(place.host, best, wall)
        return best

    def _keep(self, host: str, mapping: HostClock, wall: float) -> None:
        with self._lock:
            self._readings.setdefault(host, []).append((mapping, wall))
        self._recorder.record(
            HostClockRead(
                host=host,
                sent=mapping.sent,
                received=mapping.received,
                monotonic=mapping.theirs,
                host_wall=wall,
                t=mapping.received,
            )
        )

    def fresh(self, place: Place) -> HostClock:
        """Return a mapping of a host's boot clock that is at most a few seconds old."""
        with self._lock:
            known = self._readings.get(place.host, [])
        if known and self._clock.monotonic() - known[-1][0].received < _FRESH:
            return known[-1][0]
        return self.read(place)

    def ours(self, place: Place, theirs: Interval) -> Interval:
        """Place a stamp of a host's boot clock on ours, by the reading nearest to it."""
        self.fresh(place)
        with self._lock:
            known = [mapping for mapping, _ in self._readings[place.host]]
        nearest = min(known, key=lambda one: abs(one.theirs - theirs.middle))
        return _mapped(nearest, theirs)

    def of_exit(self, place: Place, ended: ExitRecord) -> Interval:
        """Place a waiter's record of an exit on our clock.

        The waiter's wall clock, looked at a moment later, is finer than its boot clock of 10 ms.
        """
        at = self.ours(place, ended.at)
        written = self.of_wall(place.host, ended.wall) if ended.wall else None
        return meet(at, Interval(at.lo, written.hi)) if written and written.hi >= at.lo else at

    def of_wall(self, host: str, stamp: float) -> Interval | None:
        """Place a stamp of a host's wall clock on ours; None when its clocks were never read.

        Each reading says what the wall clock was worth around its own time, so one counts when
        the stamp falls between the readings before and after it. A clock that was set in between
        leaves several that count, or none: then the truth lies somewhere in all of them.
        """
        with self._lock:
            known = [one for one in self._readings.get(host, ()) if one[1] > 0]
        if not known:
            return None
        placed = [
            _mapped(mapping, Interval(mapping.theirs + stamp - wall, mapping.theirs + stamp - wall))
            for mapping, wall in known
        ]
        times = [float("-inf"), *(mapping.sent for mapping, _ in known), float("inf")]
        counting = [
            one
            for index, one in enumerate(placed)
            if one.hi >= times[index] and one.lo <= times[index + 2]
        ] or placed
        return Interval(min(one.lo for one in counting), max(one.hi for one in counting))


def _mapped(mapping: HostClock, theirs: Interval) -> Interval:
    """Map both ends; the further from the reading, the more two clocks may have drifted apart."""
    lo, hi = mapping.ours(theirs.lo)[0], mapping.ours(theirs.hi)[1]
    drift = abs(theirs.middle - mapping.theirs) * _DRIFT
    return Interval(lo - drift, hi + drift)
