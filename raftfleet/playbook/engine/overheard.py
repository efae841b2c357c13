"""A transport whose every word is told before it is said: for `-vvv`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from raftfleet.transport.around import AroundTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.transport.around import Use
    from raftfleet.transport.protocol import Transport

__all__ = ["Overheard"]

_TOLD: Final = frozenset({"run", "open", "put", "get"})


class Overheard(AroundTransport):
    """Does what the transport within does; ``tell(what, line, become)`` hears of it first."""

    def __init__(self, within: Transport, tell: Callable[[str, str, str | None], None]) -> None:
        super().__init__(within)
        self._tell = tell

    def _using(self, use: Use) -> AbstractContextManager[None]:
        if use.what in _TOLD:
            self._tell(use.what, use.about, use.become)
        return nullcontext()
