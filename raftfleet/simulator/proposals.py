"""What a leader was asked to write and has not applied yet: each has somebody who waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .errors import NotLeaderError, RefusedError

if TYPE_CHECKING:
    from .core import Core
    from .narrator import Narrator
    from .values import Json, LogId

__all__ = ["Proposals"]


class Proposals:
    """The proposed entries of one group by index, with the futures of their results."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._waiting: dict[int, tuple[LogId, asyncio.Future[Json]]] = {}

    def add(self, position: LogId) -> asyncio.Future[Json]:
        """Return what will hold the result of the entry at this position."""
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[position.index] = (position, future)
        return future

    def applied(self, position: LogId, result: Json) -> None:
        """Hand over the result of an entry, if it was proposed here."""
        known = self._waiting.get(position.index)
        if known is None or known[0] != position:
            return
        del self._waiting[position.index]
        if known[1].done():
            self._narrator.unheard()
        else:
            known[1].set_result(result)

    def refuse_replaced(self, core: Core, applied: int) -> None:
        """Send the writers of entries that another leader's replaced to that leader."""
        replaced = [
            index
            for index, (position, _) in self._waiting.items()
            if index <= applied or not core.log.holds(position)
        ]
        for index in replaced:
            future = self._waiting.pop(index)[1]
            if future.done():
                self._narrator.unheard()
            else:
                address = core.membership.addresses.get(core.leader or 0)
                error = NotLeaderError(core.leader, address)
                future.set_exception(RefusedError(str(error)))
