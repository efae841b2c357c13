"""YAML as Ansible's users write it, read so that every value knows its place.

YAML 1.1 with a few traps taken out: a key that stands twice is an error, dates and `1:30` stay
text, and a number with a leading zero keeps its spelling (`Octal`) so that whoever wants a file
mode can say "quote it".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.inventory.complaints import explain, tag_error, template_error
from raftfleet.inventory.marked import (
    MarkedDict,
    MarkedList,
    MarkedStr,
    Octal,
    mark_of,
    plain,
)
from raftfleet.inventory.positions import mark_at
from raftfleet.inventory.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

__all__ = ["MarkedDict", "MarkedList", "MarkedStr", "Octal", "load_yaml", "mark_of", "plain"]

_DEEPEST: Final = 100
_MOST: Final = 1_000_000
_PREFIX: Final = "tag:yaml.org,2002:"
_UNSAFE: Final = "!unsafe"
_PAIR: Final = re.compile(
    r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})"
)
_EXPONENT: Final = re.compile(r"-?\d+(\.\d+)?[eE][-+]?\d+")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(path: Path | None = None, *, text: str | None = None, file: str | None = None) -> Any:
    """Read one YAML document into plain values that carry marks; an empty one gives None.

    Give a ``path``, or the ``text`` itself; ``file`` is the name that errors show. Mappings,
    sequences and texts come back as `MarkedDict`, `MarkedList` and `MarkedStr`; a text tagged
    ``!unsafe`` as an ordinary ``str``, which is never templated. Raises
    `SourceError` for what cannot be read as YAML, `UsageError` for a file that cannot be read.
    """
    name = file or (str(path) if path is not None else "<text>")
    if text is None:
        if path is None:
            raise TypeError("load_yaml needs a path or a text")
        text = read_text(path, name)
    if text.startswith("$ANSIBLE_VAULT"):
        raise SourceError(
            "vault-encrypted files are not supported",
            Mark(name, 1, 1, text),
            hint="decrypt it, and keep it out of version control",
            unsupported=True,
        )
    return _Reader(name, text, json=_is_json(text)).document()


def _is_json(text: str) -> bool:
    """Whether the text is JSON, in which a few things mean something else than in YAML."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _character(pair: re.Match[str]) -> str:
    """Return the character for which JSON writes two escapes; YAML knows no such pairs."""
    return pair[1] + json.loads(f'"{pair[2]}"')  # type: ignore[no-any-return]


def read_text(path: Path, name: str) -> str:
    """Return a file's text; `UsageError` or `SourceError` when it cannot be had."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        readable = error.object.decode("utf-8-sig", errors="replace")
        mark = mark_at(name, readable, len(error.object[: error.start].decode("utf-8-sig")))
        raise SourceError("this is not UTF-8 text", mark, hint="save the file as UTF-8") from error


class _Anchored(NamedTuple):
    """A value that aliases stand for, its height, and how many values are in it."""

    value: Any
    height: int
    size: int


class _Reader:
    """Builds values from the parser's events, so that depth is bounded by us and not by C."""

    def __init__(self, file: str, text: str, *, json: bool) -> None:
        self._file = file
        self._text = _PAIR.sub(_character, text) if json else text
        self._json = json
        self._anchors: dict[str, _Anchored] = {}
        self._open: set[str] = set()
        self._depth = 0
        self._deepest = 0
        self._count = 0
        self._parser: Any = None

    def document(self) -> Any:
        try:
            self._parser = _Loader(self._text)
            self._next()
            if isinstance(self._next(), yaml.StreamEndEvent):
                return None
            value = self._value(self._next())
            self._next()
            self._end()
        except yaml.YAMLError as error:
            raise explain(error, self._file, self._text) from None
        else:
            return value

    def _next(self) -> Any:
        return self._parser.get_event()

    def _end(self) -> None:
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise yaml.composer.ComposerError(
                None, None, "but found another document", event.start_mark
            )

    def _mark(self, mark: yaml.Mark) -> Mark:
        return Mark(self._file, mark.line + 1, mark.column + 1, self._text)

    def _value(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        mark = self._mark(event.start_mark)
        anchor = event.anchor
        around, before = self._deepest, self._count
        self._deepest = self._depth
        self._count += 1
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, mark)
        else:
            self._enter(anchor, mark)
            sequence = isinstance(event, yaml.SequenceStartEvent)
            self._refuse_tag(event.tag, "seq" if sequence else "map", mark)
            value = self._sequence(mark) if sequence else self._mapping(mark)
            self._leave(anchor)
        if event.tag == _UNSAFE:
            value = _never_templated(value)
        if anchor:
            height, size = self._deepest - self._depth, self._count - before
            self._anchors[anchor] = _Anchored(value, height, size)
        self._deepest = max(self._deepest, around)
        return value

    def _enter(self, anchor: str | None, mark: Mark) -> None:
        self._depth += 1
        self._reach(self._depth, mark)
        if anchor:
            self._open.add(anchor)

    def _reach(self, depth: int, mark: Mark) -> None:
        self._deepest = max(self._deepest, depth)
        if depth > _DEEPEST:
            raise SourceError(f"nested deeper than {_DEEPEST} levels", mark)

    def _leave(self, anchor: str | None) -> None:
        self._depth -= 1
        self._open.discard(anchor or "")

    def _alias(self, event: Any) -> Any:
        if event.anchor in self._open:
            raise SourceError(
                "an alias inside the value it stands for", self._mark(event.start_mark)
            )
        if event.anchor not in self._anchors:
            raise yaml.composer.ComposerError(None, None, "found undefined alias", event.start_mark)
        found = self._anchors[event.anchor]
        mark = self._mark(event.start_mark)
        self._reach(self._depth + found.height, mark)
        self._count += found.size
        if self._count > _MOST:
            raise SourceError(f"aliases make more than {_MOST} values of this file", mark)
        return found.value

    @staticmethod
    def _refuse_tag(tag: str | None, expected: str, mark: Mark) -> None:
        if tag not in {None, "!", _UNSAFE, _PREFIX + expected}:
            raise tag_error(str(tag), mark)

    def _sequence(self, mark: Mark) -> MarkedList:
        items, marks = [], []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            marks.append(self._mark(event.start_mark))
            items.append(self._value(event))
        return MarkedList(items, mark, marks)

    def _mapping(self, mark: Mark) -> MarkedDict:
        found: dict[Any, Any] = {}
        keys: dict[Any, Mark] = {}
        values: dict[Any, Mark] = {}
        merged: list[MarkedDict] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            at = self._mark(event.start_mark)
            if _is_merge(event):
                merged += self._merge(at)
                continue
            key = self._key(event, at)
            if key in keys:
                raise SourceError(
                    f"the key {key!s} stands twice in one mapping; first at {_short(keys[key])}",
                    at,
                    hint="remove one of the two: only one can be meant",
                )
            event = self._next()
            keys[key] = at
            if not _is_empty(event):
                values[key] = self._mark(event.start_mark)
            found[key] = self._value(event)
        return _merged(MarkedDict(found, mark, keys, values), merged)

    def _key(self, event: Any, mark: Mark) -> Hashable:
        if self._text.startswith("{{", event.start_mark.index - 1):
            raise template_error(Mark(mark.file, mark.line, mark.column - 1, mark.source))
        key = self._value(event)
        if isinstance(key, (MarkedDict, MarkedList)):
            raise SourceError("a key must be a text or a number", mark)
        return key  # type: ignore[no-any-return]

    def _merge(self, mark: Mark) -> list[MarkedDict]:
        value = self._value(self._next())
        parts = value if isinstance(value, MarkedList) else [value]
        if not all(isinstance(part, MarkedDict) for part in parts):
            raise SourceError("'<<' merges a mapping or a list of mappings", mark)
        return list(parts)

    def _scalar(self, event: Any, mark: Mark) -> Any:
        value: str = event.value
        tag = event.tag
        if tag in {None, "!", _UNSAFE}:
            implicit = (not event.style, bool(event.style)) if tag == _UNSAFE else event.implicit
            tag = self._parser.resolve(yaml.ScalarNode, value, implicit)
        if self._json and event.implicit[0] and _EXPONENT.fullmatch(value):
            return float(value)
        read = SCALARS.get(tag.removeprefix(_PREFIX)) if tag.startswith(_PREFIX) else None
        if read is None:
            raise tag_error(tag, mark)
        try:
            return read(value, mark)
        except (ValueError, KeyError) as error:
            kind = tag.removeprefix(_PREFIX)
            shown = repr(value[:60])
            raise SourceError(f"{shown} is not a value of type {kind}", mark) from error


def _short(mark: Mark) -> str:
    return f"{mark.line}:{mark.column}"


def _is_merge(event: Any) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent)
        and event.value == "<<"
        and event.tag is None
        and bool(event.implicit[0])
    )


def _is_empty(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.value and bool(event.implicit[0])


def _merged(own: MarkedDict, others: list[MarkedDict]) -> MarkedDict:
    """Add what the mapping does not say itself; an earlier merged mapping wins over a later one."""
    if not others:
        return own
    items: dict[Any, Any] = {}
    keys: dict[Any, Mark] = {}
    values: dict[Any, Mark] = {}
    for part in [*reversed(others), own]:
        items.update(part)
        for key in part:
            if (at := part.key_mark(key)) is not None:
                keys[key] = at
            if (at := part.value_mark(key)) is not None:
                values[key] = at
    return MarkedDict(items, own.mark, keys, values)


def _never_templated(value: Any) -> Any:
    """Turn the author's texts into ordinary ones, which nobody takes for templates."""
    if isinstance(value, MarkedStr):
        return str(value)
    if isinstance(value, MarkedList):
        value[:] = [_never_templated(item) for item in value]
    elif isinstance(value, MarkedDict):
        value.update({key: _never_templated(item) for key, item in value.items()})
    return value
