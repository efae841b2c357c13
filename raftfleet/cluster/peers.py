"""The node lists that nodes keep beside Raft's membership, read now and then from each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.journal.events import PeersRead, ReadMissed
from raftfleet.systems.protocol import AccessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import Access, System

__all__ = ["PeersWatch"]

_PERIOD = 1.0
_TIMEOUT = 16.0
"""Seconds; a node that first asks others which do not answer takes this long."""
_JOIN = 20.0


class PeersWatch:
    """Reads every node's list between `start` and `stop`; only what changed is written."""

    def __init__(
        self,
        system: System,
        accesses: Mapping[str, Access],
        recorder: Recorder,
        clock: Clock,
        period: float = _PERIOD,
    ) -> None:
        self._system = system
        self._accesses = accesses
        self._recorder = recorder
        self._clock = clock
        self._period = period
        self._names = {one.node.identity.id: name for name, one in accesses.items()}
        self._turn = threading.Condition()
        self._stopping = False
        self._defect: Exception | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to read."""
        self._stopping = False
        for name in self._accesses:
            thread = threading.Thread(
                target=self._watch, args=(name,), name=f"peers: {name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Read no more; raise what went wrong."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        for thread in self._threads:
            thread.join(_JOIN)
        self._threads = []
        if self._defect is not None:
            raise self._defect

    def _watch(self, name: str) -> None:
        last: tuple[str, ...] | None = None
        asked = self._clock.monotonic()
        try:
            while not self._stopping:
                sent = self._clock.monotonic()
                last = self._read(name, last, asked)
                asked = sent
                with self._turn:
                    if not self._stopping:
                        self._clock.wait(self._turn, self._period)
        except Exception as error:  # noqa: BLE001 - kept, and raised by `stop`
            self._defect = error

    def _read(
        self, name: str, last: tuple[str, ...] | None, since: float
    ) -> tuple[str, ...] | None:
        """Read once and write what changed; None when there was no answer."""
        try:
            ids = self._system.peers(self._accesses[name], timeout=_TIMEOUT)
        except AccessError as error:
            if last is not None and not self._stopping:
                self._recorder.record(ReadMissed(node=name, what="peers", reason=str(error)))
            return None
        peers = tuple(sorted(self._names.get(one, f"#{one}") for one in ids))
        if peers != last:
            self._recorder.record(PeersRead(node=name, since=since, peers=peers))
        return peers
