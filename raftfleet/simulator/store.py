"""What the logs of the groups add up to: tenants, keys, registered nodes, inner topics.

Every node applies the same commands in the same order, so all stores agree where their logs do.
A command is ``{"do": name, ...}``; applying one returns what its writer is told.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .values import Json

__all__ = ["INNER_TOPICS", "TENANT_LIMITS", "Store", "encode_node", "encode_tenant"]

INNER_TOPICS = (
    "$retain-message",
    "$last-will-message",
    "$delay-task-index",
    "$delay-queue-message",
    "$delay-queue-index",
    "$agent-report-info",
    "$sys/qos2-inner-topic",
    "$SYS/events",
)

TENANT_LIMITS = {
    "max_connections_per_node": 10000000,
    "max_create_connection_rate_per_second": 10000,
    "max_topics": 5000000,
    "max_sessions": 50000000,
    "max_publish_rate": 10000,
}
LIMIT_CODES = "<QIQQI"
"""How bincode writes the five limits, in the order above."""


class Store:
    """One node's own store; ``on_tenant`` is told of every tenant that changes, None for gone."""

    def __init__(self) -> None:
        self.tenants: dict[str, Json] = {}
        self.keys: dict[str, str] = {}
        self.nodes: dict[int, Json] = {}
        self.topics: set[str] = set()
        self.shards: set[str] = set()
        self.users: set[str] = set()
        self.on_tenant: Callable[[str, Json], None] | None = None

    def dump(self, group: str) -> Json:
        """Return what the log of one group has built here."""
        if group.startswith("metadata"):
            return {
                "tenants": list(self.tenants.values()),
                "keys": self.keys,
                "nodes": list(self.nodes.values()),
                "topics": sorted(self.topics),
                "users": sorted(self.users),
            }
        return {"shards": sorted(self.shards)} if group.startswith("data") else {}

    def restore(self, contents: Json) -> int:
        """Replace what one group has built by a `dump`; return how many records that were."""
        if "tenants" in contents:
            self.tenants = {tenant["tenant_name"]: tenant for tenant in contents["tenants"]}
            self.nodes = {node["node_id"]: node for node in contents["nodes"]}
            self.keys = dict(contents["keys"])
            self.topics, self.users = set(contents["topics"]), set(contents["users"])
            for name, tenant in self.tenants.items():
                self._tell(name, tenant)
        if "shards" in contents:
            self.shards = set(contents["shards"])
        return sum(map(len, contents.values()))

    def _tell(self, name: str, tenant: Json) -> None:
        if self.on_tenant:
            self.on_tenant(name, tenant)

    def apply(self, command: Json) -> Json:
        """Apply a command; an unknown one changes nothing."""
        handler = getattr(self, f"_{command['do']}", None)
        return handler(command) if handler else None

    def _set(self, command: Json) -> None:
        self.keys[command["key"]] = command["value"]

    def _delete(self, command: Json) -> None:
        self.keys.pop(command["key"], None)

    def _create_tenant(self, command: Json) -> bool:
        tenant = command["tenant"]
        name = tenant["tenant_name"]
        if name in self.tenants:
            return False
        self.tenants[name] = tenant
        self._tell(name, tenant)
        return True

    def _update_tenant(self, command: Json) -> None:
        tenant = command["tenant"]
        if tenant["tenant_name"] in self.tenants:
            self.tenants[tenant["tenant_name"]] = tenant
            self._tell(tenant["tenant_name"], tenant)

    def _delete_tenant(self, command: Json) -> None:
        self.tenants.pop(command["tenant_name"], None)
        self._tell(command["tenant_name"], None)

    def _register_node(self, command: Json) -> None:
        self.nodes[command["node"]["node_id"]] = command["node"]

    def _remove_node(self, command: Json) -> None:
        self.nodes.pop(command["node_id"], None)

    def _create_topic(self, command: Json) -> None:
        self.topics.add(command["topic"])

    def _create_shard(self, command: Json) -> None:
        self.shards.add(command["topic"])

    def _create_user(self, command: Json) -> None:
        self.users.add(command["user"])


def encode_tenant(tenant: Json) -> bytes:
    """Return a tenant in bincode, as `ListTenant` streams it."""
    limits = [tenant["config"][name] for name in TENANT_LIMITS]
    return b"".join(
        [
            _text(tenant["tenant_name"]),
            _text(tenant["desc"]),
            struct.pack(LIMIT_CODES, *limits),
            struct.pack("<Q", tenant["create_time"]),
        ]
    )


def encode_node(node: Json) -> bytes:
    """Return a registered node in bincode, as `NodeList` lists it."""
    addresses = [a for protocol in node["extend"].values() for a in protocol.values()]
    return b"".join(
        [
            _texts(node["roles"]),
            *map(_text, addresses),
            struct.pack("<Q", node["node_id"]),
            *(_text(node[k]) for k in ("node_ip", "grpc_addr", "http_addr", "engine_addr")),
            struct.pack("<QQ", node["start_time"], node["register_time"]),
            _texts(node["storage_fold"]),
        ]
    )


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _texts(values: list[str]) -> bytes:
    return struct.pack("<Q", len(values)) + b"".join(map(_text, values))
