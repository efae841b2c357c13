"""The configuration files of one node: server.toml, logger.toml and version.ini.

The text is canonical: the same settings give the same bytes, so that an unchanged file is not
sent and a difference is one that matters.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .keys import Value
    from .settings import Settings

__all__ = ["LOGGER", "SERVER", "VERSION", "files_of", "toml"]

SERVER = PurePosixPath("config/server.toml")
LOGGER = PurePosixPath("config/logger.toml")
VERSION = PurePosixPath("config/version.ini")

_HEADER = "# Written by raftfleet for {name}; the next deployment overwrites it.\n\n"
_KEPT_DAYS = 50

Scalar: TypeAlias = str | int | float | bool
Table: TypeAlias = "Mapping[str, Scalar | list[str] | list[dict[str, str]] | Table]"


def files_of(settings: Settings, version: str) -> dict[PurePosixPath, str]:
    """Return every configuration file: path below the node's home -> text.

    Without a version.ini each start of the broker logs an error.
    """
    header = _HEADER.format(name=settings.node.name)
    return {
        SERVER: header + toml(_nested(settings.values)),
        LOGGER: header + toml(_logger(settings)),
        VERSION: f"{version or 'unknown'}\n",
    }


def _logger(settings: Settings) -> Table:
    """One rolling file with everything, and no console.

    As shipped, the console gets openraft at debug: ten to twenty times the volume, and each line
    a second time. Without it the node's standard output holds what stands in no file: panics and
    the errors of a start that never came to logging.
    """
    targets = {"": "info", "async_nats": "warn", "openraft": "info"}
    return {
        "server": {
            "kind": "rolling_file",
            "targets": [{"path": path, "level": level} for path, level in targets.items()],
            "rotation": "daily",
            "directory": str(settings.values["log.log_path"]),
            "prefix": "server",
            "suffix": "log",
            "max_log_files": _KEPT_DAYS,
        }
    }


def _nested(values: Mapping[str, Value]) -> Table:
    """Turn dotted keys into tables."""
    root: dict[str, object] = {}
    for name, value in values.items():
        *sections, last = name.split(".")
        table = root
        for section in sections:
            inner = table.setdefault(section, {})
            assert isinstance(inner, dict)  # noqa: S101 - no key is also a section
            table = inner
        table[last] = value
    return root  # type: ignore[return-value]  # built of nothing else


def toml(table: Table) -> str:
    """Write a table as TOML 1.0: plain keys first, then its tables, both in their own order."""
    return "\n".join(_lines(table, ())).rstrip("\n") + "\n"


def _lines(table: Table, path: tuple[str, ...]) -> Iterable[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if path and (plain or not table):
        yield f"[{'.'.join(map(_key, path))}]"
    for key, value in plain.items():
        yield f"{_key(key)} = {_value(value)}"
    if plain:
        yield ""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _lines(value, (*path, key))


def _key(key: str) -> str:
    bare = (key.isascii() and key.replace("-", "_").isidentifier()) or key.isdecimal()
    return key if bare else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    return _text(str(value))


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's too, except that TOML refuses a bare DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
