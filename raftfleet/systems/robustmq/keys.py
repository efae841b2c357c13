"""The keys of server.toml: their names, kinds and bounds, and what a value of each must be.

The broker ignores keys it does not know, so a typing error would silently mean a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import msgspec

from raftfleet.errors import UsageError

from .data import server_keys_data

__all__ = ["Key", "Value", "checked", "server_keys"]

Value: TypeAlias = str | int | float | bool | list[str] | dict[str, str]

# TOML's integers are signed 64-bit, whatever the broker would hold.
_MAXIMUM = {"port": 0xFFFF, "u16": 0xFFFF, "u32": 0xFFFF_FFFF, "u64": 2**63 - 1}
_TEXTS = ("text", "directory", "file")
_LISTS = ("texts", "directories")
_KINDS = (*_MAXIMUM, *_TEXTS, *_LISTS, "bool", "float")


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key of server.toml, as `config/robustmq/server-keys.yml` describes it.

    ``name`` is dotted. ``write`` is what raftfleet writes by default, None for a key left to the
    broker; ``fixed`` names what decides a key that may not be set directly; ``agree``: all nodes
    of a cluster must have the same value.
    """

    name: str
    kind: str
    default: object = None
    write: Value | None = None
    choices: tuple[str, ...] = ()
    port: str = ""
    protocol: str = "tcp"
    role: str = ""
    fixed: str = ""
    secret: bool = False
    agree: bool = False


@cache
def server_keys() -> dict[str, Key]:
    """Return every key by its dotted name, in the order they are written."""
    found = {}
    for name, attributes in server_keys_data().items():
        try:
            key = msgspec.convert({"name": name, **attributes}, Key)
        except msgspec.ValidationError as error:
            raise UsageError(f"server-keys.yml: {name}: {error}") from None
        if key.kind not in _KINDS:
            raise UsageError(f"server-keys.yml: {name}: unknown kind {key.kind!r}")
        found[name] = key
    return found


@dataclass(frozen=True, slots=True)
class _Wrong(Exception):  # noqa: N818 - never leaves this module
    wanted: str


def checked(key: Key, value: object) -> Value:
    """Return the value as TOML will hold it; raise `ValueError` that says what was wanted."""
    try:
        return _checked(key, value)
    except _Wrong as wrong:
        raise ValueError(f"wants {wrong.wanted}, not {_shown(value)}") from None


def _checked(key: Key, value: object) -> Value:
    if key.kind == "bool":
        return _bool(value)
    if key.kind == "float":
        return _float(value)
    if key.kind in _LISTS:
        return _list(key, value)
    if key.kind in _TEXTS:
        return _text(key, value)
    return _integer(key, value)


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("true or false")
    return value


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("a number")
    return float(value)


def _integer(key: Key, value: object) -> int:
    least, most = (1 if key.kind == "port" else 0), _MAXIMUM[key.kind]
    what = "a port" if key.kind == "port" else "a whole number"
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _Wrong(f"{what} from {least} to {most}")
    return int(value)


def _text(key: Key, value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong("a text")
    if key.choices and value not in key.choices:
        raise _Wrong(f"one of {', '.join(key.choices)}")
    if key.kind != "text" and not value:
        raise _Wrong("a path")
    return str(value)


def _list(key: Key, value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise _Wrong("a list of texts")
    if any(v not in key.choices for v in value if key.choices):
        raise _Wrong(f"a list of {', '.join(key.choices)}")
    if key.kind == "directories" and not (value and all(value)):
        raise _Wrong("at least one path (a node without one exits with status 1)")
    return [str(v) for v in value]


def _shown(value: object) -> str:
    names = {str: "the text", bool: "the truth value", int: "the number", float: "the number"}
    for kind in (bool, str, int, float):
        if isinstance(value, kind):
            return f"{names[kind]} {value!r}"
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), repr(value))
