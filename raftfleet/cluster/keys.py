"""The keys that writers write: names unique to the run, and values that tell writes apart."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

__all__ = ["Creates", "Keys", "Registers"]


class Keys(Protocol):
    """Where a writer gets its next key; any thread may ask."""

    def take(self) -> tuple[str, str] | None:
        """Return a key and a value to write, or None while every key is in use."""
        ...

    def give_back(self, key: str, outcome: str) -> None:
        """Take note of what came of a write of this key."""
        ...


class Registers:
    """A few registers, each with one write under way at most and values that only rise.

    A register whose write came to no known end is not written again: that write may happen yet,
    and would then undo a later one. A new one takes its place.
    """

    COUNT = 6

    def __init__(self, prefix: str, count: int = COUNT) -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._made = 0
        self._values: dict[str, int] = {}
        self._idle: deque[str] = deque()
        for _ in range(count):
            self._idle.append(self._new())

    @classmethod
    def names(cls, prefix: str, replaced: int) -> list[str]:
        """Return every register that there can be once so many had to be replaced."""
        return [f"{prefix}{number}" for number in range(1, cls.COUNT + replaced + 1)]

    def _new(self) -> str:
        self._made += 1
        key = f"{self._prefix}{self._made}"
        self._values[key] = 0
        return key

    def take(self) -> tuple[str, str] | None:
        """Return the register that rested longest, with its next value."""
        with self._lock:
            if not self._idle:
                return None
            key = self._idle.popleft()
            self._values[key] += 1
            return key, str(self._values[key])

    def give_back(self, key: str, outcome: str) -> None:
        """Make a register free again, or put a new one in the place of one whose fate is open."""
        with self._lock:
            self._idle.append(self._new() if outcome == "unknown" else key)


class Creates:
    """Keys that are made once each; a key's value is the key itself."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._made = 0

    def take(self) -> tuple[str, str] | None:
        """Return a new key."""
        with self._lock:
            self._made += 1
            key = f"{self._prefix}{self._made:05}"
        return key, key

    def give_back(self, key: str, outcome: str) -> None:
        """Do nothing: no key is used again."""
