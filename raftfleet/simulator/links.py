"""Calls between nodes: a few TCP connections to each address, many calls on each at a time.

After the preface, both sides send frames: a little-endian u32 length and JSON. A call is
``[number, method, body]``, its answer ``[number, error or null, result]``. ``[number]`` alone takes
a call back, ``[]`` asks whether the other side lives and is answered in kind.

What a partition does to such connections is what it does to the broker's HTTP/2 channels:

* A call that runs into its deadline is taken back and leaves the connection as it is. Both can reach
  the other side at the same moment, when TCP gets through again: the call is then never carried out.
* TCP goes on by itself. On the host whose own packet filter drops the packets nothing counts as
  sent, and the next call after the heal gets through; on a host elsewhere TCP waits twice as long
  each time.
* Where nothing has come for 30 s a connection is asked, and given up when nothing comes for 60 s
  more. So a leader hears of a follower that was cut off by its own host 90 s after the cut.
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

    from .presets import Preset
    from .values import Json

    Handler = Callable[[str, Json], "Json | Awaitable[Json]"]

__all__ = [
    "PREFACE",
    "BrokenError",
    "CallError",
    "LateError",
    "Link",
    "Links",
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
KEEP_ALIVE = (
    "code: 'The service is currently unavailable', message: \"http2 error\", source: "
    "tonic::transport::Error(Transport, hyper::Error(Http2, KeepAliveTimedOut))"
)
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
    """Frames on a connection, in both directions; those that come together are handed on together."""

    def __init__(
        self, on_frames: Callable[[list[Json]], None], on_lost: Callable[[], None]
    ) -> None:
        self._on_frames = on_frames
        self._on_lost = on_lost
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]
        self.heard = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        """Hand on each complete frame."""
        self.heard = asyncio.get_running_loop().time()
        buffer = self._buffer
        buffer += data
        frames, start = [], 0
        while len(buffer) - start >= LENGTH.size:
            end = start + LENGTH.size + LENGTH.unpack_from(buffer, start)[0]
            if len(buffer) < end:
                break
            frames.append(json.loads(buffer[start + LENGTH.size : end]))
            start = end
        del buffer[:start]
        if frames:
            self._on_frames(frames)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        del exc
        self.transport = None
        self._on_lost()

    def give_up(self) -> None:
        """Close at once, without telling the owner, who knows."""
        if self.transport:
            self.transport.abort()
        self.transport = None
        self._on_lost = lambda: None

    def send(self, frame: Json) -> None:
        """Send a frame; into the void when the connection is gone."""
        payload = json.dumps(frame, separators=(",", ":")).encode()
        if self.transport:
            self.transport.write(LENGTH.pack(len(payload)) + payload)


def serve_calls(handler: Handler) -> Wire:
    """Return a wire that answers calls with the handler's results."""
    return _Calls(handler).wire


class _Calls:
    """The calls that arrive on one connection.

    One that is taken back is not begun, or ended where it waits; what it wrote stays written.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: dict[int, asyncio.Future[None]] = {}
        self.wire = Wire(self._arrived, self._lost)

    def _arrived(self, frames: list[Json]) -> None:
        taken_back = {frame[0] for frame in frames if len(frame) == 1}
        for frame in frames:
            if not frame:
                self.wire.send([])
            elif len(frame) == 1:
                self._end(frame[0])
            elif frame[0] not in taken_back:
                self._begin(*frame)

    def _begin(self, number: int, method: str, body: Json) -> None:
        try:
            result = self._handler(method, body)
        except RefusedError as error:
            self.wire.send([number, error.message, None])
            return
        if asyncio.iscoroutine(result):
            self._tasks[number] = task = asyncio.ensure_future(self._finish(number, result))
            task.add_done_callback(lambda _: self._tasks.pop(number, None))
        else:
            self.wire.send([number, None, result])

    async def _finish(self, number: int, result: Awaitable[Json]) -> None:
        try:
            self.wire.send([number, None, await result])
        except RefusedError as error:
            self.wire.send([number, error.message, None])

    def _end(self, number: int) -> None:
        task = self._tasks.pop(number, None)
        if task:
            task.cancel()

    def _lost(self) -> None:
        """Let nothing be carried out that nobody waits for any more."""
        for number in list(self._tasks):
            self._end(number)


class Link:
    """Calls one address; connects when there is something to call and no connection."""

    def __init__(self, address: str, preset: Preset) -> None:
        self.address = address
        self._preset = preset
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._wire: Wire | None = None
        self._connecting: asyncio.Future[Wire] | None = None
        self._asked_at: float | None = None

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
        except asyncio.CancelledError:
            wire.send([number])
            raise
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
        wire = Wire(self._answered, lambda: self._lost(BrokenError(BROKEN)))
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(lambda: wire, host, int(port))
        try:
            transport, _ = await within(self._preset.connect_timeout, connecting)
        except DeadlineError:
            raise connect_failure(self.address, TimeoutError()) from None
        except OSError as error:
            raise connect_failure(self.address, error) from error
        transport.write(PREFACE)
        self._wire = wire
        self._asked_at = None
        loop.call_later(self._preset.keep_alive, self._look_after, wire)
        return wire

    def _look_after(self, wire: Wire) -> None:
        """Ask a silent connection whether it lives, give it up, or look again later."""
        if wire.transport is None:
            return
        loop, preset = asyncio.get_running_loop(), self._preset
        now = loop.time()
        if self._asked_at is None or wire.heard >= self._asked_at:
            self._asked_at = None
            later = wire.heard + preset.keep_alive
            if now >= later:
                wire.send([])
                self._asked_at, later = now, now + preset.keep_alive_timeout
        else:
            later = self._asked_at + preset.keep_alive_timeout
            if now >= later:
                wire.give_up()
                self._lost(UnreachableError(KEEP_ALIVE))
                return
        loop.call_at(max(later, now + 0.001), self._look_after, wire)

    def _answered(self, frames: list[Json]) -> None:
        for frame in frames:
            if not frame:
                continue
            number, error, result = frame
            future = self._waiting.get(number)
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(RefusedError(error))

    def _lost(self, error: CallError) -> None:
        self._wire = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)


class Links:
    """The connections to one address: calls take turns on them, whoever calls and for what."""

    def __init__(self, address: str, preset: Preset, number: int) -> None:
        self._links = [Link(address, preset) for _ in range(max(1, number))]
        self._turn = itertools.cycle(self._links)

    async def call(self, method: str, body: Json, timeout: float) -> Json:  # noqa: ASYNC109
        """Return the result; raises a `CallError`."""
        return await next(self._turn).call(method, body, timeout)
