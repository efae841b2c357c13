"""The hosts that vote on the cluster lock: asked together, each with a voice of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from raftfleet.errors import LockHeldError, RaftfleetError, TaskError, UnreachableError
from raftfleet.journal.values import majority

from .holder import Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .fence import Fence
    from .remote import Place, Reply

__all__ = ["Seats", "taken"]

_TIMEOUT = 5.0


class Seats:
    """The hosts of all nodes; nodes that share a machine (and the user there) count once."""

    def __init__(self, places: Sequence[Place], fence: Fence) -> None:
        once = {(place.node.identity.machine, place.become): place for place in reversed(places)}
        self._places: dict[str, Place] = {p.host: p for p in reversed(list(once.values()))}
        self._fence = fence

    def __len__(self) -> int:
        return len(self._places)

    @property
    def majority(self) -> int:
        """How many hosts have to agree."""
        return majority(len(self))

    def look(self) -> dict[str, Sighting | RaftfleetError]:
        """Ask every host who holds the lock there, or why it cannot be asked."""
        return {
            host: reply if isinstance(reply, RaftfleetError) else Sighting.of(reply)
            for host, reply in self.ask(lambda _: {"act": "look"}).items()
        }

    def ask(
        self, words: Callable[[str], Mapping[str, str | float]]
    ) -> dict[str, Reply | RaftfleetError]:
        """Run one step on every host at once; ``words`` says what with on each."""

        def one(host: str) -> Reply | RaftfleetError:
            said = {"token": self._fence.token, **words(host)}
            try:
                return self._places[host].ask("lock.sh", timeout=_TIMEOUT, stdin=b"", **said)
            except RaftfleetError as error:
                return error

        with ThreadPoolExecutor(len(self), "lock") as pool:
            return dict(zip(self._places, pool.map(one, self._places), strict=True))

    def silent(self, seen: Mapping[str, Sighting | RaftfleetError]) -> RaftfleetError:
        """Return the error for too few hosts that answer."""
        errors = [one for one in seen.values() if isinstance(one, RaftfleetError)]
        kind = UnreachableError if isinstance(errors[0], UnreachableError) else TaskError
        return kind(
            f"no cluster lock: {len(errors)} of {len(self)} hosts cannot be asked for it: "
            f"{errors[0].message}",
            hint=errors[0].hint,
        )


def taken(others: Sequence[Sighting]) -> LockHeldError:
    """Return the error that names the holder whom most hosts name."""
    tokens = [other.token for other in others]
    one = max(others, key=lambda other: tokens.count(other.token))
    return LockHeldError(
        f"another controller has the cluster: {one.describe()}",
        hint=f"wait until it is done; if it is dead, its lock expires in {one.left:.0f} s at the "
        "latest: then raftfleet heal -i INVENTORY",
    )
