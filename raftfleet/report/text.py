"""Text for terminals: what came from hosts is made harmless, intervals are made readable."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.journal.values import Interval

__all__ = ["aligned", "cells", "cut", "one_line", "plain", "seconds"]

# C0 and C1 controls but tab and newline, and what reorders or hides text (bidirectional controls,
# zero-width characters, line separators).
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

_JOINED = {"Mn", "Me"}


def plain(text: str) -> str:
    r"""Return text that cannot act on a terminal: control characters are shown as ``\x1b``."""
    return _HARMFUL.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes: letters of some scripts take two."""
    if text.isascii():
        return len(text)
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    """Return the columns of a letter: none for an accent that joins the one before, two if wide."""
    if unicodedata.category(letter) in _JOINED:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return as much of a text's beginning as fits into so many columns."""
    if cells(text) <= width:
        return text
    shown = text[:width]
    while cells(shown) > width:
        shown = shown[:-1]
    return shown


def one_line(text: str) -> str:
    """Return harmless text on one line."""
    return " ".join(plain(text).split())


def seconds(interval: Interval | None) -> str:
    """Return an interval of seconds as people read it: ``4.91-4.93 s``, or ``> 60.00 s``."""
    if interval is None:
        return "-"
    digits = 3 if interval.lo < 1 else 2
    low = f"{interval.lo:.{digits}f}"
    if math.isinf(interval.hi):
        return f"> {low} s"
    high = f"{interval.hi:.{digits}f}"
    return f"{low} s" if low == high else f"{low}-{high} s"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns begin at the same place."""
    if not rows:
        return []
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
