"""Reads TOML: with the standard library where it can, else by itself.

`tomllib` came with Python 3.11. Hosts with an older one get the reader below, which knows what the
broker's files use: tables, strings, numbers, booleans, arrays and inline tables. Texts of several
lines, dates and arrays of tables are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

try:
    import tomllib
except ImportError:  # pragma: no cover - Python before 3.11
    tomllib = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from .values import Json

__all__ = ["TomlError", "parse", "parse_plainly"]

SPACE = re.compile(r"[ \t]*")
BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE = re.compile(r"[A-Za-z0-9_-]+")
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'')
SCALAR = re.compile(r"[^\s,\]}#]+")
ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class TomlError(Exception):
    """The text is no TOML; says where."""

    def __init__(self, line: int, column: int) -> None:
        super().__init__(f"TOML parse error at line {line}, column {column}")


def parse(text: str) -> Json:
    """Return the table a text describes; raises `TomlError`."""
    if tomllib is None:  # pragma: no cover - Python before 3.11
        return parse_plainly(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        if place:
            raise TomlError(int(place[1]), int(place[2])) from error
        lines = text.split("\n")
        raise TomlError(len(lines), len(lines[-1]) + 1) from error


def parse_plainly(text: str) -> Json:
    """Return the table a text describes, without `tomllib`; raises `TomlError`."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Json:
        root: Json = {}
        table = root
        while self._skip(BLANK):
            if self._take("["):
                table = self._descend(root, self._key())
                self._expect("]")
            else:
                self._pair(table)
            self._skip(SPACE)
            if self._at < len(self._text) and self._text[self._at] not in "\r\n#":
                raise self._error()
        return root

    def _pair(self, table: Json) -> None:
        *parents, name = self._key()
        self._expect("=")
        self._skip(SPACE)
        table = self._descend(table, parents)
        if name in table:
            raise self._error()
        table[name] = self._value()

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip(SPACE)
            string, bare = self._match(STRING), self._match(BARE)
            if string:
                parts.append(_unquoted(string))
            elif bare:
                parts.append(bare[0])
            else:
                raise self._error()
            self._skip(SPACE)
            if not self._take("."):
                return parts

    def _value(self) -> Json:
        if self._take("["):
            return self._items("]", self._value)
        if self._take("{"):
            table: Json = {}
            self._items("}", lambda: self._pair(table))
            return table
        string = self._match(STRING)
        if string:
            return _unquoted(string)
        start = self._at
        scalar = self._match(SCALAR)
        value = _scalar(scalar[0]) if scalar else None
        if value is None:
            self._at = start
            raise self._error()
        return value

    def _items(self, end: str, read: Json) -> Json:
        items: list[Json] = []
        while True:
            self._skip(BLANK)
            if self._take(end):
                return items
            items.append(read())
            self._skip(BLANK)
            if not self._take(","):
                self._expect(end)
                return items

    def _descend(self, table: Json, path: list[str]) -> Json:
        for name in path:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise self._error()
        return table

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Skip, and say whether anything is left."""
        self._match(pattern)
        return self._at < len(self._text)

    def _take(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def _expect(self, character: str) -> None:
        self._skip(SPACE)
        if not self._take(character):
            raise self._error()

    def _error(self) -> TomlError:
        line = self._text.count("\n", 0, self._at) + 1
        return TomlError(line, self._at - self._text.rfind("\n", 0, self._at))


def _unquoted(string: re.Match[str]) -> str:
    if string[2] is not None:
        return string[2]
    return re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else ESCAPES.get(m[3], m[0]),
        string[1],
    )


def _scalar(text: str) -> Json:
    if text in ("true", "false"):
        return text == "true"
    for kind in (lambda t: int(t, 0), float):
        try:
            return kind(text.replace("_", ""))
        except ValueError:
            continue
    return None
