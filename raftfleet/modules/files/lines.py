"""Which lines of a text a task means, and what becomes of the text: pure, for `lineinfile`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raftfleet.errors import TaskError

__all__ = ["LineEdit", "lines_of"]


def lines_of(text: str) -> list[str]:
    """Return a text's lines with what ends them; only a newline ends one."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _bare(line: str) -> str:
    return line.rstrip("\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEdit:
    """What to look for and what to put there.

    ``anchor`` is where a line that is nowhere yet goes: after, or ``before``, the last match of it
    (the ``first`` if asked); without one at the end, or ``at_start``.
    """

    line: str
    regexp: re.Pattern[str] | None = None
    search_string: str | None = None
    anchor: re.Pattern[str] | None = None
    before: bool = False
    at_start: bool = False
    first: bool = False
    backrefs: bool = False

    def _matches(self, line: str) -> bool:
        if self.regexp is not None:
            return self.regexp.search(line) is not None
        if self.search_string is not None:
            return self.search_string in line
        return _bare(line) == self.line

    def absent(self, text: str) -> tuple[str, int]:
        """Return the text without the lines that match, and how many those were."""
        lines = lines_of(text)
        kept = [line for line in lines if not self._matches(line)]
        return "".join(kept), len(lines) - len(kept)

    def present(self, text: str) -> tuple[str, str]:
        """Return the text with the line in it, and what was done."""
        lines = lines_of(text)
        at, place = self._meant(lines), None
        if at is None:
            at, place = self._place(lines)
        if at is not None:
            new = self._new(lines[at])
            if lines[at] == new:
                return text, ""
            lines[at] = new
            return "".join(lines), "line replaced"
        if self.backrefs or (place is not None and self._stands(lines, place)):
            return text, ""
        if place is None:
            place = 0 if self.at_start else len(lines)
        if place == len(lines) and lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += "\n"
        lines.insert(place, f"{self.line}\n")
        return "".join(lines), "line added"

    def _meant(self, lines: list[str]) -> int | None:
        """Return which line is to be replaced: the last that matches, or the first if asked."""
        if self.regexp is None and self.search_string is None:
            return None
        found = [at for at, line in enumerate(lines) if self._matches(line)]
        return None if not found else found[0] if self.first else found[-1]

    def _place(self, lines: list[str]) -> tuple[int | None, int | None]:
        """Return where the line stands already, and where it would go by its anchor."""
        there = place = None
        for at, line in enumerate(lines):
            if _bare(line) == self.line:
                there = at
            elif self.anchor is not None and self.anchor.search(line):
                place = at if self.before else at + 1
                if self.first:
                    break
        return there, place

    def _stands(self, lines: list[str], place: int) -> bool:
        """Return whether the line is at its place already, which a first match may have hidden."""
        return not self.before and place < len(lines) and _bare(lines[place]) == self.line

    def _new(self, line: str) -> str:
        found = self.regexp.search(line) if self.backrefs and self.regexp is not None else None
        if found is None:
            return self._ended(self.line)
        try:
            return self._ended(found.expand(self.line))
        except (re.error, IndexError) as error:
            raise TaskError(f"line {self.line!r} cannot be filled in: {error}") from error

    @staticmethod
    def _ended(line: str) -> str:
        return line if line.endswith("\n") else f"{line}\n"
