"""Calls between nodes: one TCP connection per purpose, many calls on it at a time.

After the preface, both sides send frames: a little-endian u32 length and JSON. A call is
``[number, method, body]``, its answer ``[number, error or null, result]``. A call that runs into
its deadline leaves the connection as it is: after a partition the old connection recovers when TCP
does, as it is with the broker's HTTP/2 channels.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import os
import struct
from typing import TYPE_CHECKING

from .deadline import DeadlineError, within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .values import Json

    Handler = Callable[[str, Json], "Json | Awaitable[Json]"]

__all__ = [
    "PREFACE",
    "BrokenError",
    "CallError",
    "LateError",
    "Link",
    "RefusedError",
    "UnreachableError",
    "Wire",
    "serve_calls",
]

PREFACE = b"raftfleet-peer/1\n"
LENGTH = struct.Struct("<I")

KINDS = {
    errno.ECONNREFUSED: ("ConnectionRefused", "Connection refused"),
    errno.EHOSTUNREACH: ("HostUnreachable", "No route to host"),
    errno.ENETUNREACH: ("NetworkUnreachable", "Network is unreachable"),
}
BROKEN = (
    "code: 'Unknown error', message: \"transport error\", source: tonic::transport::Error("
    'Transport, hyper::Error(Io, Custom { kind: BrokenPipe, error: "stream closed because of a '
    'broken pipe" }))'
)


class CallError(Exception):
    """A call brought no result; the text is the gRPC status as the broker prints it."""


class UnreachableError(CallError):
    """The other node could not be reached."""


class BrokenError(UnreachableError):
    """The connection broke during the call: the other node may have carried it out."""


class LateError(CallError):
    """No answer came in time; the other node may have carried the call out, or still will."""


class RefusedError(CallError):
    """The other node refused; ``message`` says why."""

    def __init__(self, message: str) -> None:
        quoted = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        super().__init__(f"code: 'Internal error', message: \"{quoted}\"")
        self.message = message


def connect_failure(address: str, error: OSError) -> UnreachableError:
    """Word a failed connect as tonic does."""
    number = error.errno or 0
    kind, text = KINDS.get(number, ("Uncategorized", os.strerror(number) if number else str(error)))
    cause = f'Os {{ code: {number}, kind: {kind}, message: "{text}" }}'
    if isinstance(error, TimeoutError) or number == errno.ETIMEDOUT:
        cause = "Custom { kind: TimedOut, error: Elapsed(()) }"
    return UnreachableError(
        "code: 'The service is currently unavailable', message: \"tcp connect error\", source: "
        'tonic::transport::Error(Transport, ConnectError(ConnectError("tcp connect error", '
        f"{address}, {cause})))"
    )


class Wire(asyncio.Protocol):
    """Frames on a connection, in both directions."""

    def __init__(self, on_frame: Callable[[Json], None], on_lost: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Hand on each complete frame."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(buffer)[0]
            if len(buffer) < end:
                return
            frame = json.loads(buffer[LENGTH.size : end])
            del buffer[:end]
            self._on_frame(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        del exc
        self.transport = None
        self._on_lost()

    def send(self, frame: Json) -> None:
        """Send a frame; into the void when the connection is gone."""
        payload = json.dumps(frame, separators=(",", ":")).encode()
        if self.transport:
            self.transport.write(LENGTH.pack(len(payload)) + payload)


def serve_calls(handler: Handler) -> Wire:
    """Return a wire that answers calls with the handler's results."""

    def on_frame(frame: Json) -> None:
        number, method, body = frame
        try:
            result = handler(method, body)
        except RefusedError as error:
            wire.send([number, error.message, None])
            return
        if asyncio.iscoroutine(result):
            tasks.add(task := asyncio.ensure_future(finish(number, result)))
            task.add_done_callback(tasks.discard)
        else:
            wire.send([number, None, result])

    async def finish(number: int, result: Awaitable[Json]) -> None:
        try:
            wire.send([number, None, await result])
        except RefusedError as error:
            wire.send([number, error.message, None])

    tasks: set[asyncio.Future[None]] = set()
    wire = Wire(on_frame, lambda: None)
    return wire


class Link:
    """Calls one address; connects when there is something to call and no connection."""

    def __init__(self, address: str, connect_timeout: float) -> None:
        self.address = address
        self._connect_timeout = connect_timeout
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._wire: Wire | None = None
        self._connecting: asyncio.Future[Wire] | None = None

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
        wire = Wire(self._answered, self._lost)
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(lambda: wire, host, int(port))
        try:
            transport, _ = await within(self._connect_timeout, connecting)
        except DeadlineError:
            raise connect_failure(self.address, TimeoutError()) from None
        except OSError as error:
            raise connect_failure(self.address, error) from error
        transport.write(PREFACE)
        self._wire = wire
        return wire

    def _answered(self, frame: Json) -> None:
        number, error, result = frame
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(RefusedError(error))

    def _lost(self) -> None:
        self._wire = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BrokenError(BROKEN))
