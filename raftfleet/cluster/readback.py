"""Reading back: what every node's own store holds of what we wrote, and what its API lists."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.values import Lack
from raftfleet.systems.protocol import AccessError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.journal import Recorder
    from raftfleet.systems.protocol import Access, System

    from .written import WrittenKeys

__all__ = ["ReadBack"]

_TIMEOUT = 20.0
"""Seconds for one node's answer; a list of thousands takes a while on a busy machine."""


class ReadBack:
    """Reads every node at once, round by round; ``prefix`` begins all keys of ours."""

    def __init__(
        self,
        system: System,
        accesses: Mapping[str, Access],
        recorder: Recorder,
        clock: Clock,
        prefix: str,
    ) -> None:
        self._system = system
        self._accesses = accesses
        self._recorder = recorder
        self._clock = clock
        self._prefix = prefix
        self._round = 0

    def read(self, nodes: Sequence[str], keys: WrittenKeys) -> dict[str, int]:
        """Read these nodes' stores; return how many acknowledged creations each lacks."""
        self._round += 1
        number = self._round
        with ThreadPoolExecutor(max(1, len(nodes)), "read") as pool:
            counts = pool.map(lambda name: self._node(name, number, keys), nodes)
        return dict(zip(nodes, counts, strict=True))

    def _node(self, name: str, number: int, keys: WrittenKeys) -> int:
        sent = self._clock.monotonic()
        access, registers, uncertain = self._accesses[name], keys.registers, keys.uncertain
        wanted = keys.created
        try:
            values = dict(self._system.read(access, registers, timeout=_TIMEOUT))
            names = self._names(access)
        except AccessError as error:
            self._missed(name, "store", str(error), number)
            return len(wanted)
        held = set(names)
        items = {key: key for key in names}
        items |= {key: value for key, value in values.items() if value is not None}
        lacks = sorted(wanted - held)
        self._recorder.record(
            ev.StoreRead(
                node=name,
                round=number,
                sent=sent,
                values=values | {key: key if key in held else None for key in uncertain},
                count=len(items),
                digest=_digest(items),
                asked=len(wanted),
                lacks=Lack.of(lacks),
            )
        )
        if "listing" in self._system.reads:
            self._list(name, number, held)
        return len(lacks)

    def _names(self, access: Access) -> Sequence[str]:
        if "create" not in self._system.writes:
            return ()
        return self._system.store(access, self._prefix, timeout=_TIMEOUT)

    def _list(self, name: str, number: int, held: Collection[str]) -> None:
        sent = self._clock.monotonic()
        try:
            listed = set(self._system.listing(self._accesses[name], self._prefix, timeout=_TIMEOUT))
        except AccessError as error:
            self._missed(name, "listing", str(error), number)
            return
        self._recorder.record(
            ev.ListingRead(
                node=name,
                round=number,
                sent=sent,
                count=len(listed),
                lacks=Lack.of(sorted(set(held) - listed)),
                extra=Lack.of(sorted(listed - set(held))),
            )
        )

    def _missed(self, name: str, what: str, reason: str, number: int) -> None:
        self._recorder.record(ev.ReadMissed(node=name, what=what, reason=reason, round=number))


def _digest(items: Mapping[str, str]) -> str:
    """Return a hash over keys and values in order."""
    text = "".join(f"{key}\0{value}\n" for key, value in sorted(items.items()))
    return hashlib.sha256(text.encode()).hexdigest()
