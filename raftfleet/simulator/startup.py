"""How a broker comes up: from its gRPC port to its last protocol port.

The order of the steps, what runs beside what, and the lines in the log are the broker's; so are its
ways to die half-way with status 1, also after it has said that its cluster is ready.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from .admin import Admin
from .caller import GrpcError
from .errors import StartError
from .grpcweb import GrpcWeb
from .joining import enter_cluster
from .listeners import ENGINE, PROTOCOLS, PortError, open_datagram, open_port
from .liveness import send_heartbeats
from .meta import METADATA
from .presets import draw
from .store import INNER_TOPICS
from .topics import MQTT, create_topics, until_done
from .web import Connection
from .wire import PREFACE, serve_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from .listeners import Listener
    from .node import Node
    from .values import Json

__all__ = ["start"]

HEARTBEAT = "broker_core::heartbeat"
READY_KEY = "cluster_ready_check"
BOOTSTRAP = 0.05
"""Seconds after which a node that is its own cluster has become that."""
FIRST_LOOK = 0.55
"""How often the first look at an own port finds it open (61 of 111 recorded starts)."""


async def start(node: Node) -> None:
    """Bring a node up, to the end or to a `StartError`.

    Entering the cluster and bringing up the broker run side by side, so that a node can find the
    cluster ready while its own join is being refused.
    """
    await _open_servers(node)
    if node.settings.address is None:
        reason = f"broker_id {node.settings.node} not found in meta_addrs"
        raise StartError("broker_server::meta", f"Meta service failed to start: {reason}")
    steps = {asyncio.ensure_future(_enter(node)), asyncio.ensure_future(_bring_up(node))}
    done, _ = await asyncio.wait(steps, return_when=asyncio.FIRST_EXCEPTION)
    for step in done:
        step.result()


# -- the two servers -----------------------------------------------------------------------


async def _open_servers(node: Node) -> None:
    grpc, http = node.settings.port("grpc_port"), node.settings.port("http_port")
    web = GrpcWeb(node.meta)
    admin = Admin(
        node.settings, cache=node.cache, caller=node.caller, meters=node.meters, book=node.book
    )

    def grpc_connection() -> Connection:
        calls = node.meta.dispatch
        return Connection(web.answer, preface=PREFACE, hand_over=lambda: serve_calls(calls))

    node.book.info("broker_server::grpc", f"Broker Grpc Server start success. addr:0.0.0.0:{grpc}")
    await _bind("broker_server::grpc", "Grpc server", grpc, grpc_connection)
    await _bind("broker_server::admin", "Admin HTTP server", http, lambda: Connection(admin.answer))
    text = f"listening port: {http}, access logging and CORS enabled"
    node.book.info("admin_server::server", f"Admin HTTP Server started successfully, {text}")
    await _look_at_port(node, "GRPC server", grpc)
    node.spawn(node.refresh_meters())


async def _bind(
    target: str, name: str, port: int, make: Callable[[], asyncio.BaseProtocol]
) -> None:
    try:
        await open_port(port, make)
    except PortError as error:
        raise StartError(target, f"{name} failed to start on port {port}: {error}") from error


async def _look_at_port(node: Node, server: str, port: int) -> None:
    """Look whether an own port is open: once, or, when the look came first, a second time.

    Of nodes that start at one moment, one whose first look finds its port can be through before
    any other's is open: then it bootstraps, and the others join it.
    """
    if node.random(server).random() >= FIRST_LOOK:
        await asyncio.sleep(node.preset.look)
    text = f"{server} startup check completed on port {port}"
    node.book.info("common_healthy::port", text)


async def _enter(node: Node) -> None:
    try:
        await enter_cluster(node.settings, node.groups, node.caller, node.book)
    except GrpcError as error:
        text = f"Meta service failed to start: {error}"
        raise StartError("broker_server::meta", text) from error
    metadata = node.groups[METADATA]
    metadata.watch_leadership()
    node.spawn(node.presence.judge(metadata.is_leader, node.meta.remove_node))


# -- the broker ----------------------------------------------------------------------------


async def _bring_up(node: Node) -> None:
    pause = node.preset.cluster_pause
    await asyncio.sleep(BOOTSTRAP)
    await _wait_for_cluster(node)
    known = await until_done(lambda: _load_cache(node), pause)
    await asyncio.sleep(draw(node.random("register"), node.preset.register))
    node.pusher.start()
    await until_done(lambda: _register(node), pause)
    node.book.info(HEARTBEAT, f"Node {node.settings.node} has been successfully registered")
    beats = send_heartbeats(
        node.caller,
        list(node.settings.meta_addrs.values()),
        _registration(node),
        preset=node.preset,
        book=node.book,
        register=lambda: _register(node),
    )
    node.spawn(beats)
    await asyncio.sleep(draw(node.random("engine"), node.preset.engine))
    await _open(node, ENGINE)
    await _look_at_port(node, "Storage Engine", node.settings.port(ENGINE.setting))
    await _create_default_tenant(node)
    await create_topics(node, INNER_TOPICS[:-1])
    await asyncio.sleep(draw(node.random("settle"), node.preset.settle))
    await _open_protocols(node)
    if not known["users"]:
        user = {"user": node.settings.tree["mqtt_runtime"]["auth"]["default_user"]}
        await until_done(lambda: node.caller.call("CreateUser", user, service=MQTT), pause)
    await create_topics(node, INNER_TOPICS[-1:])


async def _wait_for_cluster(node: Node) -> None:
    """Write a key: only a cluster with a leader and a quorum takes it."""
    body = {"key": READY_KEY, "value": str(node.settings.node)}
    while True:
        try:
            await node.caller.call("Set", body)
        except GrpcError as error:
            text = f"Waiting for Meta Service cluster to be ready ({error}), retrying in 1s..."
            node.book.info(HEARTBEAT, text)
            await asyncio.sleep(node.preset.cluster_pause)
        else:
            node.book.info(HEARTBEAT, "Meta Service cluster is ready")
            return


async def _load_cache(node: Node) -> Json:
    target = "broker_server::load_cache"
    node.book.info(target, "Starting to load metadata cache...")
    known = await node.cache.load(node.caller)
    nodes, tenants, topics = len(node.cache.nodes), len(node.cache.tenants), len(known["topics"])
    node.book.info(
        target,
        f"Common cache loaded: nodes={nodes}, topics={topics}, connectors=0, schemas=0, "
        f"schema_binds=0, tenants={tenants}, share_groups=0, share_group_members=0",
    )
    node.book.info(
        target,
        f"MQTT cache loaded: users={len(known['users'])}, acls=0, blacklist=0, "
        "topic_rewrite_rules=0, auto_subscribe_rules=0",
    )
    return known


async def _register(node: Node) -> None:
    record = _registration(node)
    await node.caller.call("RegisterNode", record)
    node.cache.update([["node", node.settings.node, record]])


def _registration(node: Node) -> Json:
    settings, ip = node.settings, node.settings.tree["broker_ip"]

    def at(setting: str) -> str:
        return f"{ip}:{settings.port(setting)}"

    mqtt = "mqtt_runtime.server"
    return {
        "roles": settings.tree["roles"],
        "extend": {
            "mqtt": {
                "grpc_addr": at("grpc_port"),
                "mqtt_addr": at(f"{mqtt}.tcp_port"),
                "mqtts_addr": at(f"{mqtt}.tls_port"),
                "websocket_addr": at(f"{mqtt}.websocket_port"),
                "websockets_addr": at(f"{mqtt}.websockets_port"),
                "quic_addr": at(f"{mqtt}.quic_port"),
            },
            "nats": {
                f"{name}_addr": at(f"nats_runtime.{name}_port")
                for name in ("tcp", "tls", "ws", "wss")
            },
            "kafka": {"tcp_addr": at("kafka_runtime.tcp_port")},
        },
        "node_id": settings.node,
        "node_ip": ip,
        "grpc_addr": at("grpc_port"),
        "http_addr": at("http_port"),
        "engine_addr": at(ENGINE.setting),
        "start_time": node.started_at,
        "register_time": node.started_at,
        "storage_fold": settings.engine_paths,
    }


async def _create_default_tenant(node: Node) -> None:
    if "default" not in node.cache.tenants:
        body = {"tenant_name": "default", "desc": "Default tenant"}
        try:
            await node.caller.call("CreateTenant", body)
        except GrpcError:
            return  # another node has created it, or will when it starts


# -- the protocol ports --------------------------------------------------------------------


async def _open_protocols(node: Node) -> None:
    network = node.settings.tree["broker_network"]
    for path in (network["tls_cert"], network["tls_key"]):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            text = f"{error.strerror} (os error {error.errno})"
            raise StartError(
                "broker_server::mqtt", f"Failed to start MQTT broker server: {text}"
            ) from error
    for listener in PROTOCOLS:
        await _open(node, listener)


async def _open(node: Node, listener: Listener) -> None:
    port = node.settings.port(listener.setting)
    try:
        if listener.datagram:
            await open_datagram(port)
        else:
            await open_port(port)
    except PortError as error:
        text = f"{listener.server} broker server failed to start on port {port}: {error}"
        raise StartError(f"broker_server::{listener.server.lower()}", text) from error
    node.book.info(listener.target, listener.line.format(port))
