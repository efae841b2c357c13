"""Where a marked block of lines stands in a text, and what becomes of it: pure, for `blockinfile`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from raftfleet.modules.files.lines import lines_of

if TYPE_CHECKING:
    import re

__all__ = ["BlockEdit"]

_BLANK: Final = "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEdit:
    """The block, the lines that mark it, and where a block that is nowhere yet goes.

    That is after, or ``before``, the last line that matches ``anchor``; without one at the end, or
    ``at_start``. ``blank_before`` and ``blank_after`` ask for an empty line around it.
    """

    begin: str
    end: str
    block: str
    anchor: re.Pattern[str] | None = None
    before: bool = False
    at_start: bool = False
    blank_before: bool = False
    blank_after: bool = False

    def absent(self, text: str) -> str:
        """Return the text without the block and its marks."""
        lines, _ = self._without(lines_of(text))
        return "".join(lines)

    def present(self, text: str) -> str:
        """Return the text with the block in it, where it was or where it goes."""
        lines, place = self._without(lines_of(text))
        if place is None:
            place = self._place(lines)
        if place > 0 and not lines[place - 1].endswith("\n"):
            lines[place - 1] += "\n"
        if self.blank_before and place > 0 and lines[place - 1] != _BLANK:
            lines.insert(place, _BLANK)
            place += 1
        marked = self._marked()
        lines[place:place] = marked
        following = place + len(marked)
        if self.blank_after and following < len(lines) and lines[following] != _BLANK:
            lines.insert(following, _BLANK)
        return "".join(lines)

    def _marked(self) -> list[str]:
        if not self.block:
            return []
        ended = self.block if self.block.endswith("\n") else f"{self.block}\n"
        return [f"{self.begin}\n", *lines_of(ended), f"{self.end}\n"]

    def _without(self, lines: list[str]) -> tuple[list[str], int | None]:
        """Return the lines without the block, and where it began; None if there is none."""
        first, last = _last_of(lines, f"{self.begin}\n"), _last_of(lines, f"{self.end}\n")
        if first is None or last is None:
            return lines, None
        place, stop = min(first, last), max(first, last)
        return [*lines[:place], *lines[stop + 1 :]], place

    def _place(self, lines: list[str]) -> int:
        if self.anchor is None:
            return 0 if self.at_start else len(lines)
        matching = [at for at, line in enumerate(lines) if self.anchor.search(line)]
        if not matching:
            return len(lines)
        return matching[-1] if self.before else matching[-1] + 1


def _last_of(lines: list[str], wanted: str) -> int | None:
    return max((at for at, line in enumerate(lines) if line == wanted), default=None)
