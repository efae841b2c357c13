"""The meta service of one node: what brokers and tools ask of it over the gRPC port.

Writes need the leader of their group and are refused by anybody else, naming it. Reads answer from
this node's own store, however old.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from .deadline import DeadlineError, within
from .errors import RefusedError
from .store import TENANT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cache import Pusher
    from .group import Group
    from .liveness import Presence
    from .logbook import Logbook
    from .store import Store
    from .values import Json

__all__ = ["DATA", "GROUPS", "METADATA", "OFFSET", "MetaService"]

METADATA, OFFSET, DATA = GROUPS = ("metadata_0", "offset_0", "data_0")
SERVICES = "meta_service::raft::services"
SMALLEST = 2
"""A group of so many voters is not made smaller."""


class MetaService:
    """Answers calls by method name; `dispatch` is the door."""

    def __init__(
        self,
        groups: dict[str, Group],
        store: Store,
        *,
        book: Logbook,
        pusher: Pusher,
        presence: Presence,
        write_timeout: float,
    ) -> None:
        self.groups = groups
        self.store = store
        self._book = book
        self._pusher = pusher
        self._presence = presence
        self._write_timeout = write_timeout
        self._joining = asyncio.Lock()
        self._methods: dict[str, Callable[[Json], Json]] = {
            **{method: partial(self._raft, method) for method in ("vote", "append", "snapshot")},
            "ClusterStatus": lambda _: self.status(),
            "ListTenant": lambda _: list(self.store.tenants.values()),
            "NodeList": lambda _: list(self.store.nodes.values()),
            "GetResourceConfig": lambda _: None,
            "Summary": lambda _: self._summary(),
            "Heartbeat": presence.heard,
            "UpdateCache": pusher.cache.update,
            "Set": self.set,
            "Delete": self.delete,
            "CreateTenant": self._create_tenant,
            "UpdateTenant": self._update_tenant,
            "DeleteTenant": self._delete_tenant,
            "CreateTopic": self._create_topic,
            "CreateShard": self._create_shard,
            "CreateUser": self._create_user,
            "RegisterNode": self._register_node,
            "RemoveNode": self.remove_node,
            "JoinCluster": self._join,
            "LeaveCluster": self._leave,
        }

    def dispatch(self, method: str, body: Json) -> Json:
        """Return a method's result, or an awaitable of it; raises `RefusedError`."""
        handler = self._methods.get(method)
        if handler is None:
            raise RefusedError(f"unknown method {method}")
        return handler(body)

    # -- reads -----------------------------------------------------------------------------

    def status(self) -> Json:
        """Return this node's own view of every group."""
        return {name: group.status() for name, group in self.groups.items()}

    def _summary(self) -> Json:
        return {"topics": sorted(self.store.topics), "users": sorted(self.store.users)}

    def _raft(self, method: str, body: list[Json]) -> Json:
        return self._group(body[0]).answer(method, body[1:])

    def _group(self, name: str) -> Group:
        if name not in self.groups:
            raise RefusedError(f"raft group {name} does not exist")
        return self.groups[name]

    # -- writes ----------------------------------------------------------------------------

    async def set(self, body: Json) -> None:
        """Set a key."""
        await self._write({"do": "set", **body})

    async def delete(self, body: Json) -> None:
        """Delete a key."""
        await self._write({"do": "delete", **body})

    async def _create_tenant(self, body: Json) -> None:
        name = body["tenant_name"]
        tenant = {
            "tenant_name": name,
            "desc": body.get("desc") or "",
            "config": {**TENANT_LIMITS, **(body.get("config") or {})},
            "create_time": int(time.time()),
        }
        # Whoever is asked looks into its own store first, also one that does not lead.
        if name in self.store.tenants:
            raise RefusedError(f"Tenant {name} already exists")
        await self._write({"do": "create_tenant", "tenant": tenant})
        self._pusher.push("tenant", name, tenant)

    async def _update_tenant(self, body: Json) -> None:
        self._require_leader()
        name = body["tenant_name"]
        old = self.store.tenants.get(name)
        if old is None:
            raise RefusedError(f"Tenant {name} not found")
        tenant = {**old, "desc": body.get("desc") or old["desc"]}
        tenant["config"] = {**old["config"], **(body.get("config") or {})}
        await self._write({"do": "update_tenant", "tenant": tenant})
        self._pusher.push("tenant", name, tenant)

    async def _delete_tenant(self, body: Json) -> None:
        self._require_leader()
        name = body["tenant_name"]
        if name in self.store.tenants:
            await self._write({"do": "delete_tenant", "tenant_name": name})
            self._pusher.push("tenant", name, None)

    async def _create_topic(self, body: Json) -> None:
        self._require_leader()
        if body["topic"] not in self.store.topics:
            await self._write({"do": "create_topic", **body})
            await self._write({"do": "create_segment", **body})
            self._pusher.push("topic", body["topic"], body)

    async def _create_shard(self, body: Json) -> None:
        self.groups[DATA].require_leader()
        if body["topic"] not in self.store.shards:
            await self._write({"do": "create_shard", **body}, DATA)

    async def _create_user(self, body: Json) -> None:
        self._require_leader()
        if body["user"] not in self.store.users:
            await self._write({"do": "create_user", **body})

    async def _register_node(self, body: Json) -> None:
        node = {**body, "register_time": int(time.time())}
        await self._write({"do": "register_node", "node": node})
        self._presence.noticed(node["node_id"])
        self._pusher.push("node", node["node_id"], node)

    async def remove_node(self, body: Json) -> None:
        """Take a node off the register."""
        await self._write({"do": "remove_node", **body})
        self._pusher.push("node", body["node_id"], None)

    async def _write(self, command: Json, group: str = METADATA) -> Json:
        writing = self.groups[group].write(command)
        try:
            return await within(self._write_timeout, writing)
        except DeadlineError:
            raise RefusedError(f"raft write timed out after {self._write_timeout:g}s") from None

    def _require_leader(self) -> None:
        self.groups[METADATA].require_leader()

    # -- membership ------------------------------------------------------------------------

    async def _join(self, body: Json) -> None:
        """Make a node a voter of every group; only a node that leads them all can."""
        node, address = body["node_id"], body["rpc_addr"]
        async with self._joining:
            for name, group in self.groups.items():
                step = "add_learner"
                try:
                    await group.add_learner(node, address)
                    step = "change_membership"
                    voters = group.core.membership.voters | {node}
                    await group.change_voters(tuple(voters), retain=True)
                except RefusedError as error:
                    text = f"[{name}] {step} failed for node {node}: {error.message}"
                    raise RefusedError(text) from error
        self._book.info(SERVICES, f"Node {node} ({address}) successfully joined the cluster")

    async def _leave(self, body: Json) -> None:
        """Take a node out of every group; what would endanger a group is refused before any change.

        One that leads steps down when it is out, and the others elect another.
        """
        node = body["node_id"]
        members = [g for g in self.groups.values() if node in g.core.membership.voters]
        for group in members:
            number = len(group.core.membership.voters)
            if number <= SMALLEST:
                raise RefusedError(
                    f"[{group.name}] refuse to remove node {node}: only {number} voters, removing "
                    "one would break quorum (need >= 3 voters to safely remove one)"
                )
        if not members:
            text = f"Node {node} is not a member of any shard, nothing to remove"
            self._book.info(SERVICES, text)
            return
        async with self._joining:
            for name, group in self.groups.items():
                try:
                    left = group.core.membership.voters - {node}
                    await group.change_voters(tuple(left), retain=False)
                except RefusedError as error:
                    step = f"change_membership failed while removing node {node}"
                    raise RefusedError(f"[{name}] {step}: {error.message}") from error
                self._book.info(SERVICES, f"[{name}] Node {node} removed from membership")
        self._book.info(SERVICES, f"Node {node} successfully left the cluster")
