"""The node's ports: bound as the broker binds them, on every address."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENGINE", "PROTOCOLS", "Listener", "PortError", "open_datagram", "open_port"]

EVERYWHERE = "0.0.0.0"
TCP = "network_server::tcp::server"
WEBSOCKET = "network_server::websocket::server"


class Listener(NamedTuple):
    """A port that only accepts and holds: its setting, its protocol, and its line in the log."""

    setting: str
    server: str
    target: str
    line: str
    datagram: bool = False


STARTED = "{} Server started successfully, listening port: {{}}"
SUCCESS = "{} Server start success. addr:0.0.0.0:{{}}"

ENGINE = Listener("storage_runtime.tcp_port", "Engine", TCP, STARTED.format("StorageEngine Tcp"))

PROTOCOLS = (
    Listener("mqtt_runtime.server.tcp_port", "MQTT", TCP, STARTED.format("MQTT4 Tcp")),
    Listener("mqtt_runtime.server.tls_port", "MQTT", TCP, STARTED.format("MQTT4 Tls")),
    Listener("kafka_runtime.tcp_port", "Kafka", TCP, STARTED.format("KAFKA Tcp")),
    Listener("amqp_runtime.tcp_port", "AMQP", TCP, STARTED.format("AMQP Tcp")),
    Listener(
        "mqtt_runtime.server.websocket_port", "MQTT", WEBSOCKET, SUCCESS.format("MQTT4 WebSocket")
    ),
    Listener(
        "mqtt_runtime.server.quic_port",
        "MQTT",
        "network_server::quic::server",
        "MQTT Quic Server started successfully, addr: 0.0.0.0:{}",
        datagram=True,
    ),
    Listener(
        "mqtt_runtime.server.websockets_port",
        "MQTT",
        WEBSOCKET,
        SUCCESS.format("MQTT4 WebSocket TLS"),
    ),
    Listener("nats_runtime.tcp_port", "NATS", TCP, STARTED.format("NATS Tcp")),
    Listener("nats_runtime.tls_port", "NATS", TCP, STARTED.format("NATS Tls")),
    Listener("nats_runtime.ws_port", "NATS", WEBSOCKET, SUCCESS.format("NATS WebSocket")),
    Listener("nats_runtime.wss_port", "NATS", WEBSOCKET, SUCCESS.format("NATS WebSocket TLS")),
)


class PortError(Exception):
    """A port could not be bound; the text is the operating system's, as Rust prints it."""


class Hold(asyncio.Protocol):
    """Accepts a connection and says nothing, until the other side goes."""


async def open_port(
    port: int, make: Callable[[], asyncio.BaseProtocol] = Hold
) -> asyncio.AbstractServer:
    """Listen on a TCP port; raises `PortError`."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(make, EVERYWHERE, port, backlog=1024)
    except OSError as error:
        raise _port_error(error) from error


async def open_datagram(port: int) -> asyncio.DatagramTransport:
    """Bind a UDP port; raises `PortError`."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(EVERYWHERE, port)
        )
    except OSError as error:
        raise _port_error(error) from error
    return transport


def _port_error(error: OSError) -> PortError:
    number = error.errno or 0
    return PortError(f"{os.strerror(number)} (os error {number})")
