"""One event, one line: how events become JSON and come back without losing anything.

JSON has no infinity, so an open end of an `Interval` is written as null. Lines of a newer
raftfleet are read too: fields we do not know are passed over (the line itself is kept by whoever
reads it, see `Record`), and an event of a kind we do not know becomes an `UnknownEvent`.
"""

from __future__ import annotations

import math
from typing import Any, Union

import msgspec

from . import events
from .events import Event, UnknownEvent

__all__ = ["Record", "decode", "encode"]

_KINDS: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind not in {Event, UnknownEvent}
}
_ANY: Any = Union[tuple(_KINDS.values())]  # noqa: UP007 - the kinds are known only here
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_ANY)
_STAMPS = ("seq", "t", "u", "wall")


class Record(msgspec.Struct, frozen=True):
    """An event and the line it was read from: ``raw`` holds what ``event`` does not know."""

    raw: bytes
    event: Event


def encode(event: Event) -> bytes:
    """Return an event as one line of JSON, without the line's end."""
    if isinstance(event, UnknownEvent):
        stamps = {name: getattr(event, name) for name in _STAMPS if getattr(event, name)}
        return _ENCODER.encode(_plain({"event": event.kind, **stamps, **event.fields}))
    try:
        return _ENCODER.encode(event)
    except (TypeError, ValueError):
        return _ENCODER.encode(_plain(msgspec.to_builtins(event, enc_hook=repr)))


def _plain(value: object) -> object:
    """Return a value that JSON can hold: what came from a host may be anything.

    Bytes that were no text (lone surrogates) are shown as escapes, odd keys as text.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {str(_plain(str(key))): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    return value


def decode(raw: bytes) -> Event:
    """Return the event of a line; raise `msgspec.MsgspecError` when it is none."""
    try:
        return _DECODER.decode(raw)
    except msgspec.ValidationError:
        return _decode_loosely(raw)


def _decode_loosely(raw: bytes) -> Event:
    """Read what the strict decoder refuses: unknown kinds, and open intervals."""
    fields = msgspec.json.decode(raw)
    kind = fields.pop("event", None) if isinstance(fields, dict) else None
    if not isinstance(kind, str):
        raise msgspec.ValidationError("it is not an event")
    if kind not in _KINDS:
        stamps = {name: fields.pop(name) for name in _STAMPS if name in fields}
        return UnknownEvent(kind=kind, fields=fields, **stamps)
    opened = {name: _opened(value) for name, value in fields.items()}
    return msgspec.convert({"event": kind, **opened}, _KINDS[kind])


def _opened(value: object) -> object:
    """Give an interval written as ``[lo, null]`` its infinite end back."""
    if isinstance(value, list) and len(value) == 2 and value[1] is None:
        return [value[0], math.inf]
    return value
