"""Which brokers are alive: each sends heartbeats to every meta node, the metadata leader judges.

Raft's membership knows nothing of it. A node that stops stays registered until the leader has not
heard of it for ``heartbeat_timeout_ms``; a new leader judges by what it has heard itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .caller import GrpcError
from .deadline import DeadlineError, within
from .links import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .caller import Caller
    from .logbook import Logbook
    from .presets import Preset
    from .store import Store
    from .values import Json

__all__ = ["Presence", "send_heartbeats"]

BUDGET = 3.0
"""Seconds one meta node may take to answer a heartbeat with all its tries."""


class Presence:
    """When this node last heard of each broker."""

    def __init__(self, store: Store, timeout: float, period: float) -> None:
        self._store = store
        self._timeout = timeout
        self._period = period
        self._heard: dict[int, float] = {}

    def heard(self, body: Json) -> None:
        """Take in a heartbeat; an unregistered broker is refused."""
        node = body["node_id"]
        if node not in self._store.nodes:
            raise RefusedError(f"Node {node} does not exist")
        self.noticed(node)

    def noticed(self, node: int) -> None:
        """Note that a broker is alive now."""
        self._heard[node] = asyncio.get_running_loop().time()

    async def judge(
        self, leads: Callable[[], bool], remove: Callable[[Json], Awaitable[None]]
    ) -> None:
        """For ever: while this node leads, take silent brokers off the register."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._period)
            for node in list(self._store.nodes):
                silence = clock() - self._heard.setdefault(node, clock())
                if leads() and silence > self._timeout:
                    await _quietly(remove({"node_id": node}))
                    self._heard.pop(node, None)


async def _quietly(removal: Awaitable[None]) -> None:
    """Remove; a leader deposed meanwhile leaves it to its successor."""
    try:
        await removal
    except RefusedError:
        return


async def send_heartbeats(
    caller: Caller,
    addresses: list[str],
    node: int,
    *,
    preset: Preset,
    book: Logbook,
    register: Callable[[], Awaitable[None]],
) -> None:
    """For ever: send a heartbeat to one meta node after the other, then pause.

    A broker that every meta node has forgotten registers again. The first round waits a moment, so
    that a meta node that applies the registration late does not refuse it.
    """
    await asyncio.sleep(preset.retry_pause)
    while True:
        known, forgotten = False, False
        for address in addresses:
            beat = caller.call("Heartbeat", {"node_id": node}, only=address)
            try:
                await within(BUDGET, beat)
                known = True
            except GrpcError as error:
                forgotten = forgotten or "does not exist" in str(error)
            except DeadlineError:
                book.error(
                    "broker_core::heartbeat",
                    f"Heartbeat timeout ({BUDGET:g}s) for node {node} ({address}), "
                    "Meta Service may be unresponsive",
                )
        if forgotten and not known:
            try:
                await register()
            except GrpcError as error:
                book.error("broker_core::heartbeat", f"Failed to register node {node}: {error}")
        await asyncio.sleep(preset.broker_heartbeat)
