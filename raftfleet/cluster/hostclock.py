"""Hosts' clocks: read now and then, so that what was stamped there can be placed here.

A request that brings back the host's boot clock twice, ``began`` and ``ended``, bounds how far
that clock is from ours: the host began after we sent and ended before we received (Cristian 1989,
both ends kept, without what the host did in between). Several requests bound it better than the
best of them, for one may have been quick to go and another quick to return.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from raftfleet.clock import HostClock
from raftfleet.journal.events import HostClockRead
from raftfleet.journal.values import Interval

from .intervals import meet
from .remote import number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder

    from .identity import ExitRecord
    from .remote import Place, Reply

__all__ = ["WAYS", "HostClocks", "bounds", "combined"]

WAYS = ("python", "perl", "shell")
"""How a host awaits exits, the most exact way first."""

_READING = ("perl", "python", "shell")
"""How a host's clocks are read, the one that is quickest to start first."""

_SHELL_TICK = 0.01  # /proc/uptime has two decimals, cut off
_DRIFT = 500e-6  # the most by which a kernel slews its clock (NTP)
_FRESH = 5.0
_ATTEMPTS = 3
_ENOUGH = 0.004
_KEPT = 200
_TIMEOUT = 10.0


def bounds(reply: Reply) -> list[HostClock]:
    """Return what a reply's stamps tell of its host's clock: ``began`` and ``ended``, and ``up``.

    ``up`` is a stamp of 10 ms from before an interpreter was started. It binds from below, and
    the better the more often it is asked for, since ticks fall anywhere.
    """
    if "began" not in reply or "ended" not in reply:
        return []
    began, ended = float(reply.last("began")), float(reply.last("ended"))
    tick = _SHELL_TICK if reply.last("method") == "shell" else 0.0
    found = [_bound(reply, began, ended, tick)]
    if "up" in reply:
        found.append(_bound(reply, float(reply.last("up")), ended, _SHELL_TICK))
    return found


def _bound(reply: Reply, first: float, last: float, tick: float) -> HostClock:
    """The host showed ``first`` after we sent, and ``last`` before we received."""
    return HostClock(
        sent=reply.sent - tick,
        received=max(reply.received - (last - first), reply.sent),
        theirs=first,
    )


def combined(samples: Iterable[HostClock], theirs: float) -> HostClock | None:
    """Return where a stamp lies by all samples at once, or None when they contradict each other.

    The further a sample is from the stamp, the more the two clocks may have drifted apart.
    """
    lows, highs = [], []
    for sample in samples:
        drift = abs(theirs - sample.theirs) * _DRIFT
        lo, hi = sample.ours(theirs)
        lows.append(lo - drift)
        highs.append(hi + drift)
    if not lows or max(lows) > min(highs):
        return None
    return HostClock(sent=max(lows), received=min(highs), theirs=theirs)


class HostClocks:
    """What is known of every host's clocks; any thread may ask."""

    def __init__(self, recorder: Recorder, clock: Clock, ways: tuple[str, ...] = _READING) -> None:
        self._recorder = recorder
        self._clock = clock
        self._ways = " ".join(ways)
        self._lock = threading.Lock()
        self._samples: dict[str, deque[HostClock]] = {}
        self._readings: dict[str, list[tuple[HostClock, float]]] = {}

    def read(self, place: Place) -> HostClock:
        """Read a host's clocks anew and record it: a few times, until the bounds are narrow."""
        for _ in range(_ATTEMPTS):
            reply = place.ask("clock.sh", timeout=_TIMEOUT, ways=self._ways)
            self.learn(place, reply)
            latest = self._at(place.host, float(reply.last("began")))
            if latest.received - latest.sent <= _ENOUGH:
                break
        wall = number(reply.last("wall"))
        with self._lock:
            self._readings.setdefault(place.host, []).append((latest, wall))
        self._recorder.record(
            HostClockRead(
                host=place.host,
                sent=latest.sent,
                received=latest.received,
                monotonic=latest.theirs,
                host_wall=wall,
                t=reply.received,
            )
        )
        return latest

    def learn(self, place: Place, reply: Reply) -> None:
        """Take the stamps of any reply for what they tell of the host's clock."""
        with self._lock:
            self._samples.setdefault(place.host, deque(maxlen=_KEPT)).extend(bounds(reply))

    def _at(self, host: str, theirs: float) -> HostClock:
        """Return where a stamp lies; by the nearest sample alone when they do not fit together."""
        with self._lock:
            samples = list(self._samples[host])
        nearest = min(samples, key=lambda one: abs(one.theirs - theirs))
        found = combined(samples, theirs) or combined([nearest], theirs)
        assert found is not None  # noqa: S101 - one sample does not contradict itself
        return found

    def fresh(self, place: Place) -> None:
        """Make sure that a host's clocks were read a few seconds ago at the latest."""
        with self._lock:
            known = self._readings.get(place.host)
        if not known or self._clock.monotonic() - known[-1][0].received >= _FRESH:
            self.read(place)

    def ours(self, place: Place, theirs: Interval) -> Interval:
        """Place a stamp of a host's boot clock on ours."""
        self.fresh(place)
        return Interval(
            self._at(place.host, theirs.lo).sent, self._at(place.host, theirs.hi).received
        )

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
        placed = [_mapped(mapping, mapping.theirs + stamp - wall) for mapping, wall in known]
        times = [float("-inf"), *(mapping.sent for mapping, _ in known), float("inf")]
        counting = [
            one
            for index, one in enumerate(placed)
            if one.hi >= times[index] and one.lo <= times[index + 2]
        ] or placed
        return Interval(min(one.lo for one in counting), max(one.hi for one in counting))


def _mapped(mapping: HostClock, theirs: float) -> Interval:
    found = combined([mapping], theirs)
    assert found is not None  # noqa: S101 - one sample does not contradict itself
    return Interval(found.sent, found.received)
