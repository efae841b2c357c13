"""What was written in a drill, by key: what to look for in the stores, and what to remove."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.journal.events import WriteEnded

__all__ = ["WrittenKeys"]

_CREATE = "create"


class WrittenKeys:
    """Keys that may be there: all but those of which every write was refused. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, str] = {}
        self._acknowledged: set[str] = set()
        self._removed: set[str] = set()
        self._vias: dict[str, int] = {}

    def note(self, kind: str, ended: WriteEnded) -> None:
        """Take note of a write that came to an end."""
        with self._lock:
            if ended.outcome == "ok":
                self._acknowledged.add(ended.key)
                self._vias[ended.via] = self._vias.get(ended.via, 0) + 1
            if ended.outcome != "refused":
                self._kinds[ended.key] = kind

    def forget(self, keys: Iterable[str]) -> None:
        """Take note that keys were removed."""
        with self._lock:
            self._removed.update(keys)

    @property
    def ever(self) -> int:
        """How many keys were perhaps written, removed or not."""
        with self._lock:
            return len(self._kinds)

    @property
    def left(self) -> dict[str, str]:
        """Every key that may be there, with its kind."""
        with self._lock:
            return {k: kind for k, kind in self._kinds.items() if k not in self._removed}

    @property
    def registers(self) -> list[str]:
        """The registers that may be there."""
        return sorted(key for key, kind in self.left.items() if kind != _CREATE)

    @property
    def created(self) -> frozenset[str]:
        """The keys whose creation was acknowledged."""
        left = self.left
        with self._lock:
            return frozenset(k for k in self._acknowledged if left.get(k) == _CREATE)

    @property
    def uncertain(self) -> list[str]:
        """The keys that were perhaps created."""
        acknowledged = self.created
        return sorted(
            k for k, kind in self.left.items() if kind == _CREATE and k not in acknowledged
        )

    def acknowledged(self, via: str) -> int:
        """Return how many writes through a node were acknowledged."""
        with self._lock:
            return self._vias.get(via, 0)
