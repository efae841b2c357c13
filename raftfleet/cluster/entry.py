"""One write that enters the cluster at one node and follows refusals to the leader."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from raftfleet.journal.values import Leg
from raftfleet.systems.protocol import Ack, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from raftfleet.clock import Clock
    from raftfleet.systems.protocol import Access, System, WriteOutcome

__all__ = ["Entries", "Written", "patience_for"]

_MOST_LEGS = 3
_REMOVERS = 6


def patience_for(kind: str) -> float:
    """Return the seconds that a write of this kind has, with all its legs."""
    return 16.0 if kind == "create" else 5.0


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a write: ``outcome`` is ok, refused or unknown, and every request it took."""

    outcome: str
    reason: str
    sent: float
    ended: float
    legs: tuple[Leg, ...] = field(default=())


class Entries:
    """Every node as an entry for writes; ``timeout`` (seconds) is for a write with all its legs."""

    def __init__(self, system: System, accesses: Mapping[str, Access], clock: Clock) -> None:
        self._system = system
        self._accesses = accesses
        self._clock = clock
        self._nodes = {access.node.identity.id: name for name, access in accesses.items()}
        for name, access in accesses.items():
            for port in system.ports(access.node):
                self._nodes[f"{access.node.identity.address}:{port.number}"] = name

    def write(self, via: str, kind: str, key: str, value: str, *, timeout: float) -> Written:
        """Write by asking one node first."""
        write = self._system.write
        return self._follow(
            via, lambda at, left: write(at, kind, key, value, timeout=left), timeout
        )

    def remove(self, via: str, kind: str, key: str, *, timeout: float) -> Written:
        """Remove by asking one node first."""
        remove = self._system.remove
        return self._follow(via, lambda at, left: remove(at, kind, key, timeout=left), timeout)

    def remove_all(
        self, keys: Mapping[str, str], vias: Sequence[str], *, turn: int = 0
    ) -> list[str]:
        """Remove keys, given with their kinds, several at once; return those that are gone.

        They are shared out among the nodes in ``vias`` by their names, so that as many turns as
        there are nodes give every key to each of them, whatever went meanwhile.
        """

        def one(named: tuple[str, str]) -> str | None:
            key, kind = named
            via = vias[(crc32(key.encode()) + turn) % len(vias)]
            done = self.remove(via, kind, key, timeout=patience_for(kind))
            return key if done.outcome == "ok" else None

        with ThreadPoolExecutor(_REMOVERS, "remove") as pool:
            return [key for key in pool.map(one, keys.items()) if key is not None]

    def _follow(
        self, via: str, ask: Callable[[Access, float], WriteOutcome], timeout: float
    ) -> Written:
        """Ask, and ask whom a refusal names, as long as nothing can have been written."""
        legs: list[Leg] = []
        first = self._clock.monotonic()
        until, node = first + timeout, via
        while True:
            sent = self._clock.monotonic()
            said = ask(self._accesses[node], max(0.001, until - sent))
            legs.append(_leg(node, sent, self._clock.monotonic(), said))
            following = self._nodes.get(said.leader) if isinstance(said, Refused) else None
            asked = {leg.via for leg in legs}
            if (
                following is None
                or following in asked
                or len(legs) == _MOST_LEGS
                or self._clock.monotonic() >= until
            ):
                break
            node = following
        last = legs[-1]
        return Written(
            outcome=last.outcome,
            reason=last.reason,
            sent=first,
            ended=last.answered,
            legs=tuple(legs) if len(legs) > 1 else (),
        )


_LONGEST_REASON = 200


def _leg(via: str, sent: float, answered: float, said: WriteOutcome) -> Leg:
    if isinstance(said, Ack):
        return Leg(via, sent, answered, "ok")
    outcome = "refused" if isinstance(said, Refused) else "unknown"
    return Leg(via, sent, answered, outcome, said.reason[:_LONGEST_REASON])
