"""One write that enters the cluster at one node and follows refusals to the leader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.journal.values import Leg
from raftfleet.systems.protocol import Ack, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.clock import Clock
    from raftfleet.systems.protocol import Access, System, WriteOutcome

__all__ = ["Entries", "Written"]

_MOST_LEGS = 3


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
