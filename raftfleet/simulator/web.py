"""A small HTTP/1.1 server: keep-alive, one request at a time per connection, answers in a write.

The gRPC port shares it: a connection that begins with the preface of `links` is handed over.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Handler = Callable[["Request"], "Response | Awaitable[Response]"]

__all__ = ["Connection", "Request", "Response"]

REASONS = {
    101: "Switching Protocols",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
LONGEST_HEAD = 65536
LONGEST_BODY = 8 << 20


class Request(NamedTuple):
    """A request; header names are in lower case, ``peer`` is the other side's IP address."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str


class Response(NamedTuple):
    """A response; ``headers`` come before its length and date, in this order.

    ``chunks`` instead of a body are sent with chunked transfer encoding, one chunk each.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    chunks: list[bytes] | None = None

    def encode(self, *, close: bool) -> bytes:
        """Return the bytes that go over the wire."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.chunks is None:
            lines.append(f"content-length: {len(self.body)}")
            payload = self.body
        else:
            lines.append("transfer-encoding: chunked")
            framed = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in self.chunks if chunk]
            payload = b"".join([*framed, b"0\r\n\r\n"])
        lines.append(f"date: {http_date()}")
        if close:
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + payload


def http_date() -> str:
    """Return now as HTTP writes dates."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


class BadRequestError(Exception):
    """The bytes are no HTTP/1.1 request."""


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(
        self,
        handler: Handler,
        *,
        preface: bytes = b"",
        hand_over: Callable[[], asyncio.Protocol] | None = None,
    ) -> None:
        self._handler = handler
        self._preface = preface
        self._hand_over = hand_over
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._fresh = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport and where it leads."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        address = transport.get_extra_info("peername")
        self._peer = str(address[0]) if address else ""

    def data_received(self, data: bytes) -> None:
        """Answer every complete request, one after the other."""
        self._buffer += data
        if self._fresh and self._hand_over and self._buffer.startswith(self._preface):
            self._change_protocol(self._hand_over())
            return
        if self._fresh and self._hand_over and self._preface.startswith(bytes(self._buffer)):
            return
        self._fresh = False
        self._serve()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the request that is being worked on; what it wrote so far stays written."""
        del exc
        if self._task:
            self._task.cancel()

    def _change_protocol(self, protocol: asyncio.Protocol) -> None:
        rest = bytes(self._buffer[len(self._preface) :])
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if rest:
            protocol.data_received(rest)

    def _serve(self) -> None:
        while self._task is None and not self._transport.is_closing():
            try:
                request = self._next_request()
            except BadRequestError:
                self._transport.write(Response(400, {}).encode(close=True))
                self._transport.close()
                return
            if request is None:
                return
            answer = self._handler(request)
            if isinstance(answer, Response):
                self._answer(request, answer)
            else:
                self._task = asyncio.ensure_future(self._finish(request, answer))

    async def _finish(self, request: Request, answer: Awaitable[Response]) -> None:
        response = await answer
        self._task = None
        self._answer(request, response)
        self._serve()

    def _answer(self, request: Request, response: Response) -> None:
        if self._transport.is_closing():
            return
        close = request.headers.get("connection", "").lower() == "close"
        self._transport.write(response.encode(close=close))
        if close:
            self._transport.close()

    def _next_request(self) -> Request | None:
        """Take one request from the buffer, None while it is not complete."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise BadRequestError
            return None
        method, target, headers = _head(bytes(self._buffer[:end]))
        start = end + 4
        if headers.get("transfer-encoding", "").lower() == "chunked":
            unframed = _unchunk(self._buffer, start)
            if unframed is None:
                return None
            body, end = unframed
        else:
            length = headers.get("content-length", "0")
            if not length.isdigit() or int(length) > LONGEST_BODY:
                raise BadRequestError
            end = start + int(length)
            if len(self._buffer) < end:
                return None
            body = bytes(self._buffer[start:end])
        del self._buffer[:end]
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body, self._peer)


def _head(data: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = data.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError
        headers[name.strip().lower()] = value.strip()
    return parts[0], parts[1], headers


def _unchunk(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    """Return a chunked body and where it ends, None while it is not complete."""
    body = bytearray()
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        try:
            size = int(bytes(buffer[at:end]).partition(b";")[0], 16)
        except ValueError:
            raise BadRequestError from None
        at = end + 2 + size + 2
        if len(buffer) < at or len(body) > LONGEST_BODY:
            return None
        body += buffer[end + 2 : at - 2]
        if size == 0:
            return bytes(body), at
