"""Which brokers are alive: each sends heartbeats to every meta node, the metadata leader judges.

Raft's membership knows nothing of it. A node that stops stays registered until the leader has not
heard of it for ``heartbeat_timeout_ms``; a new leader judges by what it has heard itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from .caller import GrpcError
from .deadline import DeadlineError, within
from .errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .caller import Caller
    from .logbook import Logbook
    from .presets import Preset
    from .store import Store
    from .values import Json

__all__ = ["Presence", "send_heartbeats"]

TARGET = "broker_core::heartbeat"


class Presence:
    """When this node last heard of each broker."""

    def __init__(self, store: Store, timeout: float, period: float, book: Logbook) -> None:
        self._store = store
        self._book = book
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

    def _tell_removal(self, node: int, ip: str | None, silence: float) -> None:
        now = int(time.time())
        self._book.info(
            "meta_service::core::heartbeat",
            "Heartbeat of the Node times out and is deleted from the cluster. "
            f"Node ID: {node}, node IP: {ip},now time:{now},report time:{int(now - silence)}, "
            f"diff:{int(silence)}, time_ms:{int(self._timeout * 1000)}",
        )

    async def judge(
        self, leads: Callable[[], bool], remove: Callable[[Json], Awaitable[None]]
    ) -> None:
        """For ever: while this node leads, take silent brokers off the register."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._period)
            if not leads():
                continue
            registered = list(self._store.nodes)
            random.shuffle(registered)  # as they come out of a hash map
            for node in registered:
                silence = clock() - self._heard.setdefault(node, clock())
                if silence > self._timeout:
                    ip = self._store.nodes[node].get("node_ip")
                    if await _removed(remove({"node_id": node})):
                        self._tell_removal(node, ip, silence)
                    self._heard.pop(node, None)


async def _removed(removal: Awaitable[None]) -> bool:
    """Remove; a leader deposed meanwhile leaves it to its successor."""
    try:
        await removal
    except RefusedError:
        return False
    return True


async def send_heartbeats(
    caller: Caller,
    addresses: list[str],
    node: Json,
    *,
    preset: Preset,
    book: Logbook,
    register: Callable[[], Awaitable[None]],
) -> None:
    """For ever: send a heartbeat to one meta node after the other, at a steady pace.

    A round has as much time as lies between two. A meta node that swallows everything uses it up,
    and those behind it in the list hear nothing: so the brokers drop out of each other's lists. A
    broker that every meta node has forgotten registers again. The first round waits a moment, so
    that a meta node that applies the registration late does not refuse it.
    """
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(preset.retry_pause)
    due = clock()
    while True:
        due += preset.broker_heartbeat
        try:
            error = await within(preset.broker_heartbeat, _beat(caller, addresses, node["node_id"]))
        except DeadlineError:
            said = f"{node['node_id']} ({node['grpc_addr']}), Meta Service may be unresponsive"
            text = f"Heartbeat timeout ({preset.broker_heartbeat:g}s) for node {said}"
            book.error(TARGET, text)
        else:
            if error:
                await _answer_failure(error, node, book, register)
        await asyncio.sleep(max(0.0, due - clock()))
        due = max(due, clock())


async def _beat(caller: Caller, addresses: list[str], node: int) -> GrpcError | None:
    """Send one heartbeat to each meta node; return the last error when none took it."""
    acknowledged, last = False, None
    for address in addresses:
        try:
            await caller.call("Heartbeat", {"node_id": node}, only=address)
            acknowledged = True
        except GrpcError as error:
            last = error
    return None if acknowledged else last


async def _answer_failure(
    error: GrpcError, node: Json, book: Logbook, register: Callable[[], Awaitable[None]]
) -> None:
    """Register again where that is what is wrong, and say what is wrong otherwise."""
    number = node["node_id"]
    if "does not exist" not in str(error):
        book.error(TARGET, f"Heartbeat failed for node {number} ({node['grpc_addr']}): {error}")
        return
    try:
        await register()
    except GrpcError as failure:
        text = f"Failed to re-register node {number} after heartbeat failure: {failure}"
        book.error(TARGET, text)
    else:
        book.info(TARGET, f"Node {number} successfully re-registered")
