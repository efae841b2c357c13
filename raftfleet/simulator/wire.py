"""The frames of calls between nodes, and the side that answers them.

After the preface, both sides send frames: a little-endian u32 length and JSON. A call is
``[number, method, body]``, its answer ``[number, error or null, result]``. ``[number]`` alone takes
a call back, ``[]`` asks whether the other side lives and is answered in kind.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING

from .errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .values import Json

    Handler = Callable[[str, Json], "Json | Awaitable[Json]"]

__all__ = ["PREFACE", "Wire", "serve_calls"]

PREFACE = b"raftfleet-peer/1\n"
LENGTH = struct.Struct("<I")


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
