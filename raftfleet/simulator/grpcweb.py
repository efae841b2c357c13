"""The gRPC-web face of the meta service, on the gRPC port, over HTTP/1.1.

A body is a sequence of frames: a flag byte (0 message, 0x80 trailers), a big-endian u32 length,
the payload. Messages are protobuf with one or two fields, read and written here by hand.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING

from .errors import RefusedError
from .store import encode_node, encode_tenant
from .web import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from .meta import MetaService
    from .web import Request

__all__ = ["GrpcWeb"]

PREFIX = "/meta.service.common.MetaServiceService/"
FRAME = struct.Struct(">BI")
TRAILERS = b"grpc-status:0\r\n"
CONTENT_TYPE = "application/grpc-web+proto"
HEADERS = {
    "vary": "origin, access-control-request-method, access-control-request-headers",
    "access-control-allow-credentials": "true",
}
ESCAPED = b' "#<>`?{}%'
"""Which printable characters tonic percent-encodes in a grpc-message."""
INTERNAL, UNIMPLEMENTED = 13, 12

Messages = list[bytes]


class GrpcWeb:
    """Answers gRPC-web requests."""

    def __init__(self, service: MetaService) -> None:
        self._service = service
        self._methods: dict[str, Callable[[bytes], Messages | Awaitable[Messages]]] = {
            "ClusterStatus": self._cluster_status,
            "ListTenant": self._list_tenant,
            "NodeList": self._node_list,
            "Get": self._get,
            "Exists": self._exists,
            "Set": self._set,
            "Delete": self._delete,
        }

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request."""
        kind = request.headers.get("content-type", "")
        if request.method != "POST" or not kind.startswith("application/grpc-web"):
            return Response(400, HEADERS)
        in_text = kind.startswith("application/grpc-web-text")
        try:
            message = _message(request.body, in_text=in_text)
        except (ValueError, struct.error):
            return _failed(INTERNAL, "Missing request message.")
        method = self._methods.get(request.path[len(PREFIX) :])
        if method is None or not request.path.startswith(PREFIX):
            return _failed(UNIMPLEMENTED, "")
        result = method(message)
        # the answer's form goes by what is accepted, not by the form of the request
        wants = request.headers.get("accept", "").startswith("application/grpc-web-text")
        if isinstance(result, list):
            return _succeeded(result, in_text=wants)
        return self._finish(result, in_text=wants)

    async def _finish(self, result: Awaitable[Messages], *, in_text: bool) -> Response:
        try:
            return _succeeded(await result, in_text=in_text)
        except RefusedError as error:
            return _failed(INTERNAL, error.message)

    # -- methods ---------------------------------------------------------------------------

    def _cluster_status(self, _: bytes) -> Messages:
        content = json.dumps(self._service.status(), separators=(",", ":"))
        return [_field(1, content.encode())]

    def _list_tenant(self, _: bytes) -> Messages:
        tenants = sorted(self._service.store.tenants.items())
        return [_field(1, encode_tenant(tenant)) for _, tenant in tenants]

    def _node_list(self, _: bytes) -> Messages:
        nodes = self._service.store.nodes.values()
        return [b"".join(_field(1, encode_node(node)) for node in nodes)]

    def _get(self, message: bytes) -> Messages:
        key = _text(message, 1)
        return [_field(1, self._service.store.keys.get(key, "").encode())]

    def _exists(self, message: bytes) -> Messages:
        return [b"\x08\x01" if _text(message, 1) in self._service.store.keys else b""]

    async def _set(self, message: bytes) -> Messages:
        key, value = _text(message, 1), _text(message, 2)
        if not key or not value:
            raise RefusedError("key or value cannot be empty")
        await self._service.set({"key": key, "value": value})
        return [b""]

    async def _delete(self, message: bytes) -> Messages:
        await self._service.delete({"key": _text(message, 1)})
        return [b""]


# -- frames --------------------------------------------------------------------------------


def _message(body: bytes, *, in_text: bool) -> bytes:
    """Return the one message of a request body; raises ValueError when there is none."""
    if in_text:
        body = base64.b64decode(body, validate=True)
    flag, length = FRAME.unpack_from(body)
    payload = body[FRAME.size : FRAME.size + length]
    if flag or len(payload) < length:
        raise ValueError("no message")
    return payload


def _frame(flag: int, payload: bytes) -> bytes:
    return FRAME.pack(flag, len(payload)) + payload


def _succeeded(messages: Messages, *, in_text: bool) -> Response:
    chunks = [*(_frame(0, message) for message in messages), _frame(0x80, TRAILERS)]
    kind = CONTENT_TYPE
    if in_text:
        kind = "application/grpc-web-text+proto"
        chunks = [base64.b64encode(chunk) for chunk in chunks]
    return Response(200, {"content-type": kind, **HEADERS}, chunks=chunks)


def _failed(status: int, message: str) -> Response:
    headers = {"content-type": CONTENT_TYPE, "grpc-status": str(status)}
    if message:
        headers["grpc-message"] = _escaped(message)
    return Response(200, {**headers, **HEADERS})


def _escaped(message: str) -> str:
    return "".join(
        f"%{byte:02X}" if byte < 0x20 or byte > 0x7E or byte in ESCAPED else chr(byte)
        for byte in message.encode()
    )


# -- protobuf ------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited field; protobuf leaves out an empty one."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload if payload else b""


def _text(message: bytes, number: int) -> str:
    """Return a text field, "" when it is missing."""
    return next((v.decode() for n, v in _fields(message) if n == number), "")


def _fields(message: bytes) -> Iterable[tuple[int, bytes]]:
    """Yield the length-delimited fields; a message cut short ends the list."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        size, at = _read_varint(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + size]
            at += size


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, at
