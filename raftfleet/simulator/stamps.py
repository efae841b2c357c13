"""Stamps for a witness: when this node came to lead, and when it had applied what, to the microsecond.

Written only where ``RAFTFLEET_SIMULATOR_STAMPS`` names a file: lines ``<ns since 1970> <what>
<group> <number>``.
"""

from __future__ import annotations

import os
import time
from functools import cache

__all__ = ["Stamps"]

VARIABLE = "RAFTFLEET_SIMULATOR_STAMPS"


class Stamps:
    """The stamps of one group: each time one of its steps ends, before anybody can be told of it."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._led: int | None = None
        self._applied = -1

    def step_over(self, led: int | None, applied: int) -> None:
        """Stamp the term that is led now, None for none, and the last index applied, if they are news."""
        if led is not None and led != self._led:
            self._write("leads", led)
        if applied != self._applied:
            self._write("applied", applied)
        self._led, self._applied = led, applied

    def stopped(self) -> None:
        """Stamp the end of the group."""
        self._write("stopped", self._applied)

    def _write(self, what: str, number: int) -> None:
        descriptor = _file()
        if descriptor is not None:
            os.write(descriptor, f"{time.time_ns()} {what} {self._group} {number}\n".encode())


@cache
def _file() -> int | None:
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
