"""Two statements about one moment, made one."""

from __future__ import annotations

from raftfleet.journal.values import Interval

__all__ = ["meet"]


def meet(trusted: Interval, other: Interval) -> Interval:
    """Return what both allow; the first alone when they contradict each other."""
    if not trusted.overlaps(other):
        return trusted
    return Interval(max(trusted.lo, other.lo), min(trusted.hi, other.hi))
