"""When a node is up, and why it is not.

Alive in the same incarnation, listening on all its ports, and named a voter of every group by each
live node's own view. What its log says of being ready is not asked: nodes said so and died.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.errors import NodeError
from raftfleet.journal.events import NodeReady
from raftfleet.journal.fold import same_process
from raftfleet.journal.values import majority

from .identity import latest_life
from .ports import holders, look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.journal import Picture, Recorder
    from raftfleet.journal.values import Incarnation, Port
    from raftfleet.systems.protocol import System

    from .identity import ExitRecord, Life
    from .life import NodeLife

__all__ = ["Readiness", "lacks_quorum"]

_MOST_PORTS = 4


@dataclass(slots=True)
class Readiness:
    """A node that was started and is not known to be up yet.

    ``lacks`` says in words what is still missing; empty once it is up.
    """

    life: NodeLife
    system: System
    recorder: Recorder
    lacks: str = "nothing is known of it"
    _closed: float | None = None

    def look(self) -> bool:
        """Look once; record and return True when the node is up.

        Raises `NodeError`, with exit status, last lines and who holds its ports, when its process
        is gone.
        """
        incarnation = self.recorder.picture.node(self.life.name).incarnation
        ports = self.system.ports(self.life.place.node)
        holding = look(self.life.place, ports)
        found = holding.life
        if found is None or not found.alive or not same_process(found.incarnation, incarnation):
            raise self._died(incarnation)
        closed = [*holding.missing, *holding.foreign]
        if closed:
            self.lacks = f"not listening on {_shown(closed)}"
            self._closed = holding.asked
            return False
        self.lacks, seen_by = _unseen(self.recorder.picture, self.life.name, self.system.groups)
        if self.lacks:
            return False
        self._write(found.incarnation, ports, seen_by)
        return True

    def _write(
        self, incarnation: Incarnation, ports: Sequence[Port], seen_by: tuple[str, ...]
    ) -> None:
        self.recorder.record(
            NodeReady(
                node=self.life.name,
                incarnation=incarnation,
                listening=tuple(port.name for port in ports),
                seen_by=seen_by,
                since=self._closed,
            )
        )

    def _died(self, incarnation: Incarnation | None) -> NodeError:
        """Record the end; say how it ended, what it said, and who is in its way."""
        life = latest_life(self.life.place, patience=0.5)
        self.life.settle()
        if life is not None and not same_process(life.incarnation, incarnation):
            return NodeError(f"{self.life.name} was replaced by another process while it started")
        return NodeError(f"{self.life.name} {_end(life)}\n{self.account()}")

    def account(self) -> str:
        """Return what a node that is not up last printed, and who else holds its ports."""
        holding = look(self.life.place, self.system.ports(self.life.place.node))
        lines = ["its last lines:", self.life.last_words(holding.life)]
        lines += holders(self.life.place, holding.foreign)
        return "\n".join(lines)


def _end(life: Life | None) -> str:
    ended = life.ended if life else None
    if life is None or ended is None:
        return "is gone, and nobody kept how it ended"
    after = ended.at.hi - life.began.lo
    return f"ended {after:.1f} s after its start with {_how(ended)}"


def _how(ended: ExitRecord) -> str:
    return f"exit status {ended.status}" if ended.status >= 0 else f"signal {-ended.status}"


def _shown(ports: Sequence[Port]) -> str:
    some = [f"{port.protocol} {port.number} ({port.name})" for port in ports[:_MOST_PORTS]]
    more = len(ports) - len(some)
    return ", ".join(some) + (f" and {more} more" if more else "")


def _unseen(picture: Picture, node: str, groups: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return what keeps the live nodes from naming it a voter, and who names it."""
    live = picture.live()
    if node not in live:
        return "it does not answer", ()
    for other in live:
        for group in groups:
            status = picture.status(other, group)
            if status is None or not status.voters:
                return f"{other} shows no voters of {group}", ()
            if not all(node in voters for voters in status.voters):
                return f"{other} does not name it a voter of {group}", ()
    return "", live


def lacks_quorum(picture: Picture, node: str) -> bool:
    """Whether a node cannot come up by itself: it knows voters, and too few of them live.

    After a shutdown of all, the first node waits for the second, so the second has to be started
    before the first is up.
    """
    if node not in picture.live():
        return False
    live = set(picture.live())
    for group in picture.groups:
        status = picture.status(node, group)
        for voters in (status.voters if status else None) or ():
            if len(live.intersection(voters)) < majority(len(voters)):
                return True
    return False
