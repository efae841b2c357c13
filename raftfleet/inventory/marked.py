"""Plain values that remember where in a file they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from raftfleet.errors import Mark

__all__ = ["MarkedDict", "MarkedList", "MarkedStr", "Octal", "mark_of", "plain"]


class MarkedStr(str):
    """A text that was written in a file.

    Whatever is computed from it is an ordinary ``str``: a ``MarkedStr`` is literally the author's
    own text, which is why it may be templated and a host's output may not.
    """

    __slots__ = ("mark",)
    mark: Mark | None

    def __new__(cls, text: str = "", mark: Mark | None = None) -> MarkedStr:  # noqa: PYI034
        """Return the text with its place."""
        made = super().__new__(cls, text)
        made.mark = mark
        return made


class Octal(int):
    """A whole number written with a leading zero (`mode: 0644`), which people mean as text.

    ``text`` is what was written, ``mark`` where.
    """

    text: str
    mark: Mark | None

    def __new__(cls, text: str = "0", mark: Mark | None = None) -> Octal:  # noqa: PYI034
        """Return the number that YAML 1.1 reads, with the author's spelling."""
        digits = text.replace("_", "").lstrip("+-") or "0"
        made = super().__new__(cls, int(digits, 8) * (-1 if text.startswith("-") else 1))
        made.text = text
        made.mark = mark
        return made


class MarkedList(list[Any]):
    """A sequence that was written in a file."""

    __slots__ = ("_items", "mark")
    mark: Mark | None
    _items: tuple[Mark, ...]

    def __init__(
        self, items: Iterable[Any] = (), mark: Mark | None = None, marks: Iterable[Mark] = ()
    ) -> None:
        super().__init__(items)
        self.mark = mark
        self._items = tuple(marks)

    def item_mark(self, index: int) -> Mark | None:
        """Return where an item was written; the place of the whole when that is not known."""
        known = -len(self._items) <= index < len(self._items)
        return self._items[index] if known else self.mark


class MarkedDict(dict[Any, Any]):
    """A mapping that was written in a file."""

    __slots__ = ("_keys", "_values", "mark")
    mark: Mark | None
    _keys: dict[Any, Mark]
    _values: dict[Any, Mark]

    def __init__(
        self,
        items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
        mark: Mark | None = None,
        keys: Mapping[Any, Mark] | None = None,
        values: Mapping[Any, Mark] | None = None,
    ) -> None:
        super().__init__(items)
        self.mark = mark
        self._keys = dict(keys or {})
        self._values = dict(values or {})

    def key_mark(self, key: Hashable) -> Mark | None:
        """Return where a key was written; the place of the whole when that is not known."""
        return self._keys.get(key, self.mark)

    def value_mark(self, key: Hashable) -> Mark | None:
        """Return where a key's value was written; its key's place when the value is empty."""
        return self._values.get(key, self.key_mark(key))


def mark_of(value: object) -> Mark | None:
    """Return where a value was written, or None for a value that carries no place.

    Booleans, null and ordinary numbers never do: ask the mapping or sequence that holds them.
    """
    if isinstance(value, (MarkedStr, MarkedList, MarkedDict, Octal)):
        return value.mark
    return None


def plain(value: Any) -> Any:
    """Return a copy without places, made of exactly dict, list, str and scalars."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Octal):
        return int(value)
    return value
