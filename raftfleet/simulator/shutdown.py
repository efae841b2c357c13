"""How a broker ends: signals, the stop in order, and the watchdog for when it does not come.

SIGINT and SIGTERM only set a flag. The watchdog starts to count at once; the stop itself begins
when start-up is complete. A node that still waits for its cluster therefore ends by the watchdog.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from .presets import draw

if TYPE_CHECKING:
    from .node import Node

__all__ = ["Shutdown", "leave"]

DAEMON = "broker_server::daemon"

STOPPING = (
    ("mqtt_broker::broker", "Broker has stopped."),
    ("mqtt_broker::subscribe::parse", "Subscribe parse thread stopping"),
    ("mqtt_broker::broker", "Process stop signal was sent successfully."),
    ("nats_broker::broker", "NATS broker has stopped."),
    ("nats_broker::broker", "NATS broker service stopped successfully."),
    ("kafka_broker::broker", "Kafka broker has stopped."),
    ("kafka_broker::broker", "Kafka broker service stopped successfully."),
    ("amqp_broker::broker", "AMQP broker has stopped."),
    ("amqp_broker::broker", "AMQP broker service stopped successfully."),
)
STOPPED = (
    ("node_call::dispatcher", "Received stop signal, dispatcher stopping"),
    ("node_call::dispatcher", "Node call manager dispatcher exited"),
    ("mqtt_broker::broker", "Service has been stopped successfully. Exiting the process."),
    ("meta_service", "Meta service shutdown..."),
)

SILENT_WATCHDOG = 1 / 8
"""How often the watchdog ends the process before its line reaches the log."""
SILENT_RAFT = 1 / 10
"""How often the process is gone before the last line of a stop."""


def leave(status: int) -> NoReturn:
    """End the process now, as Rust's `std::process::exit` does."""
    os._exit(status)


class Shutdown:
    """Waits for signals from `install` on."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._preset = node.preset
        self._random = node.random("shutdown")
        self._asked = False
        self.started = asyncio.Event()

    def install(self) -> None:
        """Handle SIGINT and SIGTERM from now on, also where they were ignored so far."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask)

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            late = self._random.uniform(0.04, 0.1)
            loop = asyncio.get_running_loop()
            loop.call_later(self._preset.watchdog + late, self._force)
            self._node.spawn(self._announce())
            self._node.spawn(self._stop())

    async def _announce(self) -> None:
        await self._next_poll()
        limit = f"{self._preset.watchdog:g}s"
        text = f"Shutdown requested, graceful shutdown has up to {limit} before force-exit"
        self._node.book.info(DAEMON, text)

    async def _next_poll(self) -> None:
        """Wait until the flag is looked at."""
        await asyncio.sleep(self._random.uniform(0, self._preset.poll))

    async def _stop(self) -> None:
        book = self._node.book
        await self.started.wait()
        await self._next_poll()
        book.info(DAEMON, "Termination signal received, the service starts to stop")
        for target, text in STOPPING:
            book.info(target, text)
        await asyncio.sleep(draw(self._random, self._preset.drain))
        for target, text in STOPPED:
            book.info(target, text)
        self._node.stop_groups()
        if self._random.random() >= SILENT_RAFT:
            book.info("meta_service", "Raft node shutdown successfully.")
        leave(0)

    def _force(self) -> None:
        if self._random.random() >= SILENT_WATCHDOG:
            limit = f"{self._preset.watchdog:g}s"
            text = f"Graceful shutdown did not finish in {limit}, forcing exit"
            self._node.book.error(DAEMON, text)
        leave(0)
