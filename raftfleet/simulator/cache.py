"""What a broker knows: its copy of tenants, nodes and topics, filled at the start and pushed to later.

The copy is not the store. The node that carried a change out pushes it to the nodes in its own
copy, three times three tries, then drops it: a node that was away lacks it. A write whose caller
gave up before it was committed is pushed to nobody.

With the defect ``cache-gap`` that is all there is, and what a node lacks it lacks until its next
restart. Without it a node's copy of the tenants also follows the node's own store: it can lag as
far as the store does, and no further.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .caller import GrpcError
from .errors import RefusedError

if TYPE_CHECKING:
    from .caller import Caller
    from .logbook import Logbook
    from .values import Json

__all__ = ["Cache", "Pusher"]

WORKERS = 10
BATCH = 100
ROUNDS = 3
PAUSE = 0.05
SETTINGS = 4
"""How many cluster-wide settings are loaded, which nothing here needs, one call each."""
NOT_STARTED = "NodeCallManager global sender is not initialized; call start() before send()"


class Cache:
    """One broker's copy."""

    def __init__(self) -> None:
        self.tenants: dict[str, Json] = {}
        self.nodes: dict[int, Json] = {}
        self.topics: set[str] = set()
        self._pushed = asyncio.Event()

    async def load(self, caller: Caller) -> Json:
        """Fill the copy from the first node that answers; raises `GrpcError`."""
        nodes = await caller.call("NodeList")
        for _ in range(SETTINGS):
            await caller.call("GetResourceConfig")
        tenants = await caller.call("ListTenant")
        known = await caller.call("Summary")
        self.nodes.update({node["node_id"]: node for node in nodes})
        self.tenants.update({tenant["tenant_name"]: tenant for tenant in tenants})
        self.topics.update(known["topics"])
        return known

    async def learn(self, topic: str) -> None:
        """Wait until a topic is known here."""
        while topic not in self.topics:
            self._pushed.clear()
            await self._pushed.wait()

    def follow(self, name: str, tenant: Json) -> None:
        """Take over what the node's own store has learned of a tenant."""
        self.update([["tenant", name, tenant]])

    def update(self, changes: list[Json]) -> None:
        """Take in a push of changes: ``[what, key, value]`` each, where no value means gone."""
        for what, key, value in changes:
            if what == "topic":
                self.topics.add(key)
                self._pushed.set()
                continue
            table: dict[Json, Json] = self.tenants if what == "tenant" else self.nodes
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value


class Pusher:
    """Pushes changes in order, as many at a time as wait, to one node beside the other.

    Until `start` it takes nothing, which a leader that has just come back runs into. With
    ``refuses`` whoever writes then is told so; without, the change waits.
    """

    def __init__(
        self, cache: Cache, caller: Caller, book: Logbook, *, refuses: bool = False
    ) -> None:
        self.cache = cache
        self._caller = caller
        self._book = book
        self._refuses = refuses
        self._started = False
        self._early: list[Json] = []
        self._queues: dict[int, asyncio.Queue[Json]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to push."""
        self._started = True
        for change in self._early:
            self._dispatch(change)
        self._early.clear()

    def stop(self) -> None:
        """Push nothing more."""
        for task in self._tasks:
            task.cancel()

    def push(self, what: str, key: str | int, value: Json) -> None:
        """Send a change to every node this broker knows of, itself too; raises `RefusedError`."""
        change = [what, key, value]
        if self._started:
            self._dispatch(change)
        elif self._refuses:
            raise RefusedError(NOT_STARTED)
        else:
            self._early.append(change)

    def _dispatch(self, change: Json) -> None:
        for node, record in list(self.cache.nodes.items()):
            if node not in self._queues:
                self._open(node, record["grpc_addr"])
            self._queues[node].put_nowait(change)

    def _open(self, node: int, address: str) -> None:
        self._book.info("node_call::dispatcher", f"Auto-created channel for node {node}")
        queue = self._queues[node] = asyncio.Queue()
        self._tasks.append(asyncio.ensure_future(self._work(address, queue)))
        for number in range(WORKERS):
            text = f"Node consumer worker {number} started for node {node}"
            self._book.info("node_call::consumer", text)
        text = f"Node consumer router started for node {node}, workers={WORKERS}"
        self._book.info("node_call::consumer", text)

    async def _work(self, address: str, queue: asyncio.Queue[Json]) -> None:
        while True:
            batch = [await queue.get()]
            while len(batch) < BATCH and not queue.empty():
                batch.append(queue.get_nowait())
            error = await self._deliver(address, batch)
            if error:
                self._book.error(
                    "node_call::handler",
                    f"Failed to update cache on broker {address} after {ROUNDS} attempts: {error}",
                )

    async def _deliver(self, address: str, batch: list[Json]) -> GrpcError | None:
        error = None
        for number in range(ROUNDS):
            await asyncio.sleep(number * PAUSE)
            try:
                await self._caller.call("UpdateCache", batch, service="BrokerService", only=address)
            except GrpcError as failure:
                error = failure
            else:
                return None
        return error
