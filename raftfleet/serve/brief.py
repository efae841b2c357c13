"""Answers that are made once for all who ask at the same time, and are good for a moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from raftfleet.clock import Clock

__all__ = ["Brief"]

T = TypeVar("T")


class Brief(Generic[T]):
    """Keeps what was made under a key for ``seconds``; one thread at a time makes it, others wait.

    Keys must come from a small set: they are never forgotten.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._made: dict[Hashable, tuple[float, T]] = {}

    def get(self, key: Hashable, make: Callable[[], T], *, patience: float) -> T:
        """Return what is kept, or make it; `TimeoutError` when another takes too long over it."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        if not making.acquire(timeout=patience):
            raise TimeoutError
        try:
            kept = self._made.get(key)
            if kept is not None and self._clock.monotonic() - kept[0] <= self._seconds:
                return kept[1]
            value = make()
            self._made[key] = (self._clock.monotonic(), value)
            return value
        finally:
            making.release()
