"""Whether a word that nobody knows is a slip of the hand, or a word of somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["misspelt"]


def misspelt(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that may have been meant: one slip for every four letters away, no more.

    Of the thousands of modules and filters that others have, many merely resemble one of ours.
    """
    most = max(1, len(word) // 4)
    close = [(slips, other) for other in known if (slips := _slips(word, other, most)) <= most]
    return min(close)[1] if close else None


def _slips(one: str, other: str, most: int) -> int:
    """Count letters left out, added, mistaken or swapped, as far as the lengths do not tell enough."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    above: list[int] = []
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, letter in enumerate(one, 1):
        above, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
