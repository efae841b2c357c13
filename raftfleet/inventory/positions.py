"""Where in a file a character of a text stands, whichever way YAML let the author write the text."""

from __future__ import annotations

import bisect
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from raftfleet.errors import Mark

if TYPE_CHECKING:
    from raftfleet.inventory.marked import MarkedStr

__all__ = ["mark_at", "place_of"]

_BREAK: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+)+")
_HEADER: Final = re.compile(r"[|>][-+1-9]*[ \t]*(?:#.*)?(?:\r\n|[\r\n])")
_FIRST_LINE: Final = re.compile(r"(?:[ \t]*(?:\r\n|[\r\n]))*( *)")
_BREAKS: Final = re.compile(r"[ \t]*(?:\r\n|[\r\n])")
_ESCAPE: Final = re.compile(r"\\(?:x..|u....|U.{8}|[^\r\n])")
_CONTINUED: Final = re.compile(r"\\(?:\r\n|[\r\n])[ \t]*")


def place_of(text: MarkedStr, offset: int) -> Mark | None:
    """Return the place of the character at ``offset``; the start of the text when that is not known."""
    mark = text.mark
    if mark is None or mark.source is None:
        return mark
    starts = _line_starts(mark.source)
    if mark.source == text:  # the text is the whole file
        index: int | None = offset
    elif mark.line > len(starts):
        return mark
    else:
        index = _Walk.to(mark.source, starts[mark.line - 1] + mark.column - 1, text).find(offset)
    return mark if index is None else mark_at(mark.file, mark.source, index)


def mark_at(file: str, source: str, index: int) -> Mark:
    """Return the place of the character at ``index`` of a file's text."""
    starts = _line_starts(source)
    line = bisect.bisect_right(starts, index)
    return Mark(file, line, index - starts[line - 1] + 1, source)


@functools.lru_cache(maxsize=8)
def _line_starts(source: str) -> list[int]:
    return [0, *(found.end() for found in _BREAK.finditer(source))]


@dataclass(slots=True)
class _Walk:
    """Goes through a text and its spelling side by side."""

    source: str
    index: int
    text: str
    quote: str = ""
    indent: int | None = None

    @classmethod
    def to(cls, source: str, index: int, text: str) -> _Walk:
        """Stand at the first character of the text, behind anchors, quotes and block headers."""
        if found := _PROPERTIES.match(source, index):
            index = found.end()
        if header := _HEADER.match(source, index):
            first = _FIRST_LINE.match(source, header.end())
            own = _FIRST_LINE.match(text)
            indent = len(first[1]) - len(own[1]) if first and own else 0
            walk = cls(source, header.end(), text, indent=indent)
            walk.indented()
            return walk
        quote = source[index : index + 1]
        if quote in {"'", '"'}:
            return cls(source, index + 1, text, quote)
        return cls(source, index, text)

    def find(self, offset: int) -> int | None:
        """Return the index in the source of the text's character at ``offset``, or None."""
        at = 0
        while at < offset:
            step = self._step(at)
            if step is None:
                return None
            at += step
        while self.quote == '"' and (found := _CONTINUED.match(self.source, self.index)):
            self.index = found.end()
        return self.index

    def _step(self, at: int) -> int | None:
        """Go past one character, or past line ends; return how far the text went."""
        if self.quote == '"' and (found := _CONTINUED.match(self.source, self.index)):
            self.index = found.end()
            return 0
        if self.quote == '"' and (found := _ESCAPE.match(self.source, self.index)):
            self.index = found.end()
            return 1
        if self.quote == "'" and self.source.startswith("''", self.index):
            self.index += 2
            return 1
        if found := self._line_end():
            self.index = found.end()
            return self._next_lines(at)
        if self.source[self.index : self.index + 1] != self.text[at : at + 1]:
            return None
        self.index += 1
        return 1

    def _line_end(self) -> re.Match[str] | None:
        """Match the end of a line; blanks before it belong to a block's text only."""
        return (_BREAK if self.indent is not None else _BREAKS).match(self.source, self.index)

    def _next_lines(self, at: int) -> int:
        """Go to where the text goes on; several line ends may stand for one blank or for fewer."""
        ends = 1
        self.indented()
        while found := self._line_end():
            self.index = found.end()
            ends += 1
            self.indented()
        if self.text.startswith(" ", at):
            return 1
        breaks = len(self.text) - at - len(self.text[at:].lstrip("\n"))
        return min(ends, breaks)

    def indented(self) -> None:
        """Go past a line's indentation."""
        limit = len(self.source) if self.indent is None else self.index + self.indent
        while self.index < limit and self.source[self.index : self.index + 1] in {" ", "\t"}:
            self.index += 1
