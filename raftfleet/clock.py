"""Time: the clocks we read, a fake one for tests, and a host's clock mapped to ours.

Everything measured lives on the controller's monotonic clock, in seconds. Wall time is for people.
A host's monotonic clock starts anywhere, so a stamp taken there means nothing here until it is
mapped (`HostClock`), and a mapped stamp is an interval, never a number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

__all__ = ["Clock", "Deadline", "FakeClock", "HostClock", "SystemClock"]


class Clock(Protocol):
    """What raftfleet asks of time; seconds everywhere."""

    def monotonic(self) -> float:
        """Return seconds on the monotonic clock, which stops while the machine is suspended."""
        ...

    def boottime(self) -> float:
        """Return seconds on the boot clock, which goes on while the machine is suspended."""
        ...

    def wall(self) -> float:
        """Return Unix time, for people only."""
        ...

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """Wait on a condition whose lock is held; return whether it was notified in time."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return seconds on the monotonic clock."""
        return time.monotonic()

    def boottime(self) -> float:
        """Return seconds on the boot clock."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Return Unix time."""
        return time.time()

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """Wait on a condition whose lock is held; return whether it was notified in time."""
        return condition.wait(timeout)


class FakeClock:
    """A clock that moves only when told to, or when somebody waits on it.

    A wait advances time by its whole timeout at once and reports that nobody notified: code with
    deadlines runs in microseconds.
    """

    def __init__(self, start: float = 1000.0, wall: float = 1_795_000_000.0) -> None:
        self._now = start
        self._boot_offset = 0.0
        self._wall_offset = wall - start

    def monotonic(self) -> float:
        """Return the fake now."""
        return self._now

    def boottime(self) -> float:
        """Return the fake now plus all suspensions so far."""
        return self._now + self._boot_offset

    def wall(self) -> float:
        """Return the fake Unix time."""
        return self._now + self._boot_offset + self._wall_offset

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: boot time and wall time go on, monotonic time does not."""
        self._boot_offset += seconds

    def wait(self, condition: threading.Condition, timeout: float) -> bool:  # noqa: ARG002
        """Advance by the whole timeout; nobody notifies."""
        self.advance(max(timeout, 0.0))
        return False


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on a clock by which something must have happened."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """Return the deadline that lies this many seconds ahead."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the deadline is behind us."""
        return self.clock.monotonic() >= self.at


@dataclass(frozen=True, slots=True)
class HostClock:
    """A host's monotonic clock, mapped to ours by the mid-point of one request (Cristian 1989).

    The host read its clock somewhere between ``sent`` and ``received`` on ours, so any stamp of
    the host maps to ours within half of that round trip.
    """

    sent: float
    received: float
    theirs: float

    @property
    def uncertainty(self) -> float:
        """Half the round trip, in seconds: the bound of every mapped stamp."""
        return (self.received - self.sent) / 2

    def ours(self, theirs: float) -> tuple[float, float]:
        """Map a stamp of the host to an interval (lo, hi) on our monotonic clock."""
        passed = theirs - self.theirs
        return self.sent + passed, self.received + passed
