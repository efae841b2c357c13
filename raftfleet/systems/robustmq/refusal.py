"""How a setting is refused: with its place when the inventory remembers it, and the nearest word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.errors import SourceError, UsageError, nearest
from raftfleet.inventory.marked import MarkedDict, mark_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from raftfleet.errors import Mark

__all__ = ["meant", "place_of", "refusal"]


def place_of(container: Mapping[str, object], key: str, *, of_value: bool = False) -> Mark | None:
    """Return where a key of a mapping, or its value, stands in its file.

    None for what a program made.
    """
    if isinstance(container, MarkedDict):
        return container.value_mark(key) if of_value else container.key_mark(key)
    return mark_of(container.get(key))


def refusal(message: str, mark: Mark | None, hint: str | None = None) -> UsageError:
    """Return the error to raise: with the lines around the place when it is known."""
    return SourceError(message, mark, hint=hint) if mark else UsageError(message, hint=hint)


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return the hint for a word nobody knows: the nearest known one, or something else."""
    close = nearest(word, known)
    return f"did you mean {close}?" if close else otherwise
