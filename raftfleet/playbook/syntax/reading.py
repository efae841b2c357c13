"""Reading a mapping of a playbook: values of the right kind, or an error at the right place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from raftfleet.errors import Mark, SourceError, nearest
from raftfleet.inventory import mark_of
from raftfleet.inventory.source import MarkedDict, MarkedList, MarkedStr
from raftfleet.playbook.syntax.templates import check_condition
from raftfleet.playbook.syntax.words import REFUSED_IN_PLAY, bare, refusal
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Reader", "no_word", "place", "unknown_word"]

_EXPRESSION = "an expression as text, without braces: x is defined"
_YES_NO = frozenset({"yes", "no", "true", "false", "on", "off", "1", "0"})


def place(value: Any, fallback: Mark | None = None) -> Mark | None:
    """Return where a value was written, or the place of what holds it."""
    return mark_of(value) or fallback


def unknown_word(word: str, known: Iterable[str], what: str, mark: Mark | None) -> SourceError:
    """Return the error for a word that fits nowhere, with the nearest one or the way out."""
    way_out = refusal(bare(word))
    if what == "a play":
        way_out = way_out or REFUSED_IN_PLAY.get(word)
    if way_out:
        return SourceError(f"{word!r} is not supported", mark, hint=way_out, unsupported=True)
    close = nearest(word, known)
    hint = f"did you mean {close}?" if close else f"known: {', '.join(sorted(known))}"
    return SourceError(f"{word!r} is not a keyword of {what}", mark, hint=hint)


def no_word(key: object, mark: Mark | None) -> SourceError:
    """Return the error for a key that YAML reads as something else than a text: `no`, `~`, `1`."""
    return SourceError(f"a keyword is a word, and YAML reads this one as {key}", mark)


class Reader:
    """One mapping from a file; ``what`` names it in errors (`a play`)."""

    def __init__(self, value: Any, what: str, mark: Mark | None = None) -> None:
        if not isinstance(value, MarkedDict):
            raise SourceError(f"{what} is a mapping, not {_kind(value)}", place(value, mark))
        self.data = value
        self.what = what
        self.mark: Mark = value.mark or mark or Mark("<text>", 1, 1)

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def at(self, key: str) -> Mark | None:
        """Return where a key's value stands."""
        return self.data.value_mark(key) or self.mark

    def key_at(self, key: str) -> Mark | None:
        """Return where a key stands."""
        return self.data.key_mark(key) or self.mark

    def wrong(
        self, key: str, wanted: str, *, hint: str | None = None, unsupported: bool = False
    ) -> SourceError:
        """Return the error for a key whose value is of the wrong kind."""
        message = f"{key}: wants {wanted}, not {_kind(self.data.get(key))}"
        return SourceError(message, self.at(key), hint=hint, unsupported=unsupported)

    def wrong_item(
        self, key: str, item: Any, mark: Mark | None, wanted: str, *, hint: str | None = None
    ) -> SourceError:
        """Return the error for one value of several under a key."""
        return SourceError(f"{key}: wants {wanted}, not {_kind(item)}", mark, hint=hint)

    def only(self, known: Iterable[str], *, also: Iterable[str] = ()) -> None:
        """Refuse every key that is neither known nor named besides."""
        known = set(known)
        for key in self.data:
            if not isinstance(key, str):
                raise no_word(key, self.key_at(key))
            if key not in known and key not in also:
                raise unknown_word(key, known, self.what, self.key_at(key))

    def text(self, key: str) -> str | None:
        """Return a text, perhaps a template; None when absent or empty."""
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MarkedStr(str(value), self.at(key))
        raise self.wrong(key, "a text")

    def word(self, key: str) -> str | None:
        """Return the name of a variable; it cannot be a template."""
        value = self.text(key)
        if is_text_template(value):
            raise SourceError(
                f"{key}: the name cannot be a template", self.at(key), unsupported=True
            )
        if value is not None and not value.isidentifier():
            raise SourceError(
                f"{key}: {value!r} is not a name for a variable",
                self.at(key),
                hint="letters, digits and _, not starting with a digit",
            )
        return value

    def flag(self, key: str, default: Any = None) -> Any:
        """Return true, false or a template that will give one."""
        value = self.data.get(key, default)
        if isinstance(value, str) and not is_text_template(value) and value.lower() not in _YES_NO:
            raise self.wrong(key, "true or false")
        if value is not None and not isinstance(value, bool | str):
            raise self.wrong(key, "true or false")
        return value

    def number(self, key: str, default: Any = None) -> Any:
        """Return a number, or a template that will give one."""
        value = self.data.get(key, default)
        if value is default or is_text_template(value):
            return value
        try:
            finite = math.isfinite(float(value))
        except (TypeError, ValueError, OverflowError):
            finite = False
        if isinstance(value, bool) or not finite:
            raise self.wrong(key, "a number")
        return value

    def mapping(self, key: str) -> MarkedDict:
        """Return a mapping; an empty one when the key is absent or says nothing."""
        value = self.data.get(key)
        if value is None:
            return MarkedDict()
        if not isinstance(value, MarkedDict):
            raise self.wrong(key, "a mapping")
        return value

    def items(self, key: str) -> list[tuple[Any, Mark | None]]:
        """Return several values, each with its place; one counts as several, an absent key as none."""
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, MarkedList):
            return [(value, self.at(key))]
        return [(item, value.item_mark(index)) for index, item in enumerate(value)]

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text counts as a list of it."""
        for item, mark in self.items(key):
            if not isinstance(item, str):
                raise self.wrong_item(key, item, mark, "a text or a list of texts")
        return tuple(item for item, _ in self.items(key))

    def conditions(self, key: str) -> tuple[Any, ...]:
        """Return conditions, of which all must hold."""
        for condition, mark in self.items(key):
            if not isinstance(condition, bool | str) or condition == "":
                raise self.wrong_item(key, condition, mark, "a condition", hint=_EXPRESSION)
            check_condition(condition)
        return tuple(condition for condition, _ in self.items(key))

    def list_of(self, key: str, read: Callable[[Any, Mark | None], Any]) -> tuple[Any, ...]:
        """Read each item of a list."""
        value = self.data.get(key)
        if value is None:
            return ()
        if not isinstance(value, MarkedList):
            raise self.wrong(key, "a list")
        return tuple(read(item, value.item_mark(index)) for index, item in enumerate(value))


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    names = {str: "the text", int: "the number", float: "the number"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return f"{name} {value}"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a mapping"
