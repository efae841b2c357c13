"""Watching a cluster while somebody wants it watched: its views, processor time and node lists."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .busy import BusyWatch
from .peers import PeersWatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import System

    from .access import NodeAccess
    from .observe import Observer
    from .remote import Place

__all__ = ["Watching"]


class Watching:
    """Has the observer at work from the first block that wants it to the end of the last one."""

    def __init__(
        self,
        system: System,
        observer: Observer,
        places: Mapping[str, Place],
        accesses: Mapping[str, NodeAccess],
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self.observer = observer
        self._accesses = accesses
        self._busy = BusyWatch(places, recorder, clock)
        self._peers = PeersWatch(system, accesses, recorder, clock)
        self._lists = "peers" in system.reads
        self._lock = threading.Lock()
        self._watchers = 0

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Watch every node while the block lasts; inside another such block, just go on.

        Raises what went wrong in a watching thread when the block itself raises nothing.
        """
        with self._lock:
            self._watchers += 1
            if self._watchers == 1:
                self.observer.start()
        try:
            yield
            self.observer.check()
        finally:
            with self._lock:
                self._watchers -= 1
                if not self._watchers:
                    self.observer.stop()
                    self.close()

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample processor time and node lists while the block lasts."""
        self._busy.start()
        if self._lists:
            self._peers.start()
        try:
            yield
        finally:
            self._busy.stop()
            self._peers.stop()

    def close(self) -> None:
        """Let go of the connections to the nodes' APIs."""
        for access in self._accesses.values():
            access.close()
