"""Calls between nodes: a few TCP connections to each address, many calls on each at a time.

What a partition does to such connections is what it does to the broker's HTTP/2 channels:

* A call that runs into its deadline is taken back and leaves the connection as it is. Both can reach
  the other side at the same moment, when TCP gets through again: the call is then never carried out.
* TCP goes on by itself. On the host whose own packet filter drops the packets nothing counts as
  sent, and the next call after the heal gets through; on a host elsewhere TCP waits twice as long
  each time.
* Where nothing has come for 30 s a connection is asked, and given up when nothing comes for 60 s
  more. So a leader hears of a follower that was cut off by its own host 90 s after the cut.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from .deadline import DeadlineError, within
from .errors import (
    BROKEN,
    KEEP_ALIVE,
    BrokenError,
    CallError,
    LateError,
    RefusedError,
    UnreachableError,
    connect_failure,
)
from .wire import PREFACE, Wire

if TYPE_CHECKING:
    from .presets import Preset
    from .values import Json

__all__ = ["Link", "Links"]


class Link:
    """Calls one address; connects when there is something to call and no connection."""

    def __init__(self, address: str, preset: Preset) -> None:
        self.address = address
        self._preset = preset
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._wire: Wire | None = None
        self._connecting: asyncio.Future[Wire] | None = None
        self._asked_at: float | None = None

    async def call(self, method: str, body: Json, timeout: float) -> Json:  # noqa: ASYNC109
        """Return the result; raises a `CallError`."""
        try:
            return await within(timeout, self._call(method, body))
        except DeadlineError:
            raise LateError(f"no answer from {self.address} within {timeout}s") from None

    async def _call(self, method: str, body: Json) -> Json:
        wire = self._wire if self._wire and self._wire.transport else await self._connected()
        number = next(self._numbers)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            wire.send([number, method, body])
            return await future
        except asyncio.CancelledError:
            wire.send([number])
            raise
        finally:
            del self._waiting[number]

    async def _connected(self) -> Wire:
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())
            self._connecting.add_done_callback(self._connect_over)
        return await asyncio.shield(self._connecting)

    def _connect_over(self, future: asyncio.Future[Wire]) -> None:
        self._connecting = None
        if not future.cancelled():
            future.exception()  # whoever still waits has seen it

    async def _connect(self) -> Wire:
        host, _, port = self.address.rpartition(":")
        wire = Wire(self._answered, lambda: self._lost(BrokenError(BROKEN)))
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(lambda: wire, host, int(port))
        try:
            transport, _ = await within(self._preset.connect_timeout, connecting)
        except DeadlineError:
            raise connect_failure(self.address, TimeoutError()) from None
        except OSError as error:
            raise connect_failure(self.address, error) from error
        transport.write(PREFACE)
        self._wire = wire
        self._asked_at = None
        loop.call_later(self._preset.keep_alive, self._look_after, wire)
        return wire

    def _look_after(self, wire: Wire) -> None:
        """Ask a silent connection whether it lives, give it up, or look again later."""
        if wire.transport is None:
            return
        loop, preset = asyncio.get_running_loop(), self._preset
        now = loop.time()
        if self._asked_at is None or wire.heard >= self._asked_at:
            self._asked_at = None
            later = wire.heard + preset.keep_alive
            if now >= later:
                wire.send([])
                self._asked_at, later = now, now + preset.keep_alive_timeout
        else:
            later = self._asked_at + preset.keep_alive_timeout
            if now >= later:
                wire.give_up()
                self._lost(UnreachableError(KEEP_ALIVE))
                return
        loop.call_at(max(later, now + 0.001), self._look_after, wire)

    def _answered(self, frames: list[Json]) -> None:
        for frame in frames:
            if not frame:
                continue
            number, error, result = frame
            future = self._waiting.get(number)
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(RefusedError(error))

    def _lost(self, error: CallError) -> None:
        self._wire = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)


class Links:
    """The connections to one address: calls take turns on them, whoever calls and for what."""

    def __init__(self, address: str, preset: Preset, number: int) -> None:
        self._links = [Link(address, preset) for _ in range(max(1, number))]
        self._turn = itertools.cycle(self._links)

    async def call(self, method: str, body: Json, timeout: float) -> Json:  # noqa: ASYNC109
        """Return the result; raises a `CallError`."""
        return await next(self._turn).call(method, body, timeout)
