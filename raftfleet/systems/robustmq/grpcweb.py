"""gRPC over HTTP/1.1 (gRPC-web): frames, trailers, errors, and the little protobuf we need.

A body is a row of frames ``[flag u8][length u32 big-endian][payload]``; a flag with its highest
bit set marks the trailers, written as an HTTP header block. An error that comes before any message
may travel in the HTTP headers instead, with an empty body
(PROTOCOL-WEB.md of the gRPC project; seen on the real broker).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from urllib.parse import unquote

from raftfleet.systems.protocol import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.systems.protocol import Answer

__all__ = [
    "HEADERS",
    "SERVICE",
    "GrpcError",
    "NotGrpcError",
    "bytes_field",
    "encoded",
    "frame",
    "messages",
    "string_field",
]

HEADERS = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
SERVICE = "/meta.service.common.MetaServiceService/"
_TRAILER = 0x80
_HEAD = struct.Struct(">BI")


class GrpcError(AccessError):
    """The call came through and was refused: ``status`` is gRPC's code, ``message`` its reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"gRPC status {status}: {message or 'no message'}")
        self.status = status
        self.message = message


class NotGrpcError(AccessError):
    """What answered does not speak gRPC-web on this path."""


def frame(message: bytes = b"") -> bytes:
    """Return one message as a request body."""
    return _HEAD.pack(0, len(message)) + message


def messages(answer: Answer) -> list[bytes]:
    """Return the messages of an answer.

    Raises `NotGrpcError` when it is no gRPC-web, `GrpcError` for a status other than 0, and plain
    `AccessError` when it was cut short.
    """
    _raise_for(answer.headers.get("grpc-status"), answer.headers.get("grpc-message", ""))
    kind = answer.headers.get("content-type", "")
    if answer.status != 200 or not kind.startswith("application/grpc-web"):
        raise NotGrpcError(
            f"HTTP status {answer.status}, content type {kind or 'missing'!r}, "
            f"body {_shown(answer.body)}, which is no gRPC-web answer"
        )
    found, trailers = [], None
    for flag, payload in _frames(answer.body):
        if flag & _TRAILER:
            trailers = _header_block(payload)
        else:
            found.append(payload)
    if trailers is None and "grpc-status" not in answer.headers:
        raise AccessError(f"the gRPC-web answer ends without trailers: {_shown(answer.body)}")
    if trailers is not None:
        _raise_for(trailers.get("grpc-status"), trailers.get("grpc-message", ""))
    return found


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        if at + _HEAD.size > len(body):
            raise AccessError(f"the gRPC-web answer ends inside a frame head: {_shown(body[at:])}")
        flag, size = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        if at + size > len(body):
            raise AccessError(
                f"the gRPC-web answer was cut short: {len(body) - at} of {size} bytes of a frame"
            )
        yield flag, body[at : at + size]
        at += size


def _header_block(payload: bytes) -> dict[str, str]:
    lines = payload.decode("utf-8", "replace").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _raise_for(status: str | None, message: str) -> None:
    if status is None:
        return
    if not status.isdecimal():
        raise AccessError(f"the gRPC status is no number: {status[:40]!r}")
    if int(status):
        raise GrpcError(int(status), unquote(message))


def encoded(*texts: str) -> bytes:
    """Return a protobuf message whose fields 1, 2, ... are these texts, each below 16 KiB."""
    message = b""
    for number, text in enumerate(texts, 1):
        raw = text.encode()
        low, high = len(raw) & 0x7F, len(raw) >> 7
        size = bytes([low | 0x80, high]) if high else bytes([low])
        message += bytes([number << 3 | 2]) + size + raw
    return message


def bytes_field(message: bytes, number: int) -> bytes:
    """Return a field of a protobuf message that has a length; b"" when it is absent.

    Raises `AccessError` for bytes that are no protobuf.
    """
    found = b""
    for field, value in _fields(message):
        if field == number and isinstance(value, bytes):
            found = value
    return found


def string_field(message: bytes, number: int) -> str:
    """Return a string field of a protobuf message; "" when it is absent, as proto3 has it.

    Raises `AccessError` for bytes that are no protobuf.
    """
    found = bytes_field(message, number)
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise AccessError(f"field {number} is no UTF-8 text: {_shown(found)}") from None


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield field numbers and values: varints as int, everything else as bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise AccessError(f"wire type {wire} is no protobuf: {_shown(message)}")
        if at + size > len(message):
            raise AccessError(f"a protobuf message was cut short: {_shown(message)}")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise AccessError(f"a protobuf number does not end: {_shown(message)}")


def _shown(data: bytes, most: int = 60) -> str:
    return f"{data[:most]!r}{'...' if len(data) > most else ''}"
