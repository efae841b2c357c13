"""What a broker knows: its copy of tenants and nodes, filled at the start and pushed to later.

The copy is not the store. Whoever leads the metadata group pushes each change to the nodes in its
own copy, three times three tries, then drops it: a node that was away lacks it until its restart.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .caller import GrpcError

if TYPE_CHECKING:
    from .caller import Caller
    from .logbook import Logbook
    from .values import Json

__all__ = ["Cache", "Pusher"]

WORKERS = 10
ROUNDS = 3
PAUSE = 0.05


class Cache:
    """One broker's copy."""

    def __init__(self) -> None:
        self.tenants: dict[str, Json] = {}
        self.nodes: dict[int, Json] = {}

    async def load(self, caller: Caller) -> Json:
        """Fill the copy from the first node that answers; raises `GrpcError`."""
        nodes = await caller.call("NodeList")
        tenants = await caller.call("ListTenant")
        self.nodes.update({node["node_id"]: node for node in nodes})
        self.tenants.update({tenant["tenant_name"]: tenant for tenant in tenants})
        return await caller.call("Summary")

    def update(self, body: Json) -> None:
        """Take in a push: ``[what, key, value]``, where no value means gone."""
        what, key, value = body
        table = self.tenants if what == "tenant" else self.nodes
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


class Pusher:
    """Pushes changes, in order for each key, to ten workers per node."""

    def __init__(self, cache: Cache, caller: Caller, book: Logbook) -> None:
        self.cache = cache
        self._caller = caller
        self._book = book
        self._queues: dict[int, list[asyncio.Queue[tuple[str, Json]]]] = {}
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}

    def push(self, what: str, key: str | int, value: Json) -> None:
        """Send a change to every node this broker knows of, itself first."""
        body = [what, key, value]
        if what == "node":
            self.cache.update(body)
        worker = hash(key) % WORKERS
        for node, record in list(self.cache.nodes.items()):
            self._channel(node)[worker].put_nowait((record["grpc_addr"], body))
        if what == "node" and value is None:
            self._close(int(key))

    def _channel(self, node: int) -> list[asyncio.Queue[tuple[str, Json]]]:
        if node not in self._queues:
            self._book.info("node_call::dispatcher", f"Auto-created channel for node {node}")
            self._queues[node] = [asyncio.Queue() for _ in range(WORKERS)]
            self._tasks[node] = [asyncio.ensure_future(self._work(q)) for q in self._queues[node]]
            for number in range(WORKERS):
                text = f"Node consumer worker {number} started for node {node}"
                self._book.info("node_call::consumer", text)
            text = f"Node consumer router started for node {node}, workers={WORKERS}"
            self._book.info("node_call::consumer", text)
        return self._queues[node]

    def _close(self, node: int) -> None:
        self._queues.pop(node, None)
        for task in self._tasks.pop(node, []):
            task.cancel()

    async def _work(self, queue: asyncio.Queue[tuple[str, Json]]) -> None:
        while True:
            address, body = await queue.get()
            error = await self._deliver(address, body)
            if error:
                self._book.error(
                    "node_call::handler",
                    f"Failed to update cache on broker {address} after {ROUNDS} attempts: {error}",
                )

    async def _deliver(self, address: str, body: Json) -> GrpcError | None:
        error = None
        for number in range(ROUNDS):
            await asyncio.sleep(number * PAUSE)
            try:
                await self._caller.call("UpdateCache", body, service="BrokerService", only=address)
            except GrpcError as failure:
                error = failure
            else:
                return None
        return error
