"""The kinds of arguments: turning a value into the kind a module asked for, or saying why not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from raftfleet.inventory.source import Octal, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.playbook.module import Argument

__all__ = ["KINDS", "WrongKindError", "convert", "to_flag"]

_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})
_FALSE = frozenset({"no", "false", "off", "0", "n", "f"})
_OCTAL = re.compile(r"0?[0-7]{3,4}")
_CLAUSE = r"[ugoa]*([-+=]([rwxXst]*|[ugo]))+"
_SYMBOLIC = re.compile(rf"{_CLAUSE}(,{_CLAUSE})*")


class WrongKindError(ValueError):
    """A value is not of the kind that was asked for; ``hint`` is the way out."""

    def __init__(self, wanted: str, *, hint: str | None = None) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.hint = hint


def convert(value: Any, argument: Argument) -> Any:
    """Return the value as the argument's kind; raises `WrongKindError`."""
    converted = KINDS[argument.kind](value)
    if argument.choices and converted not in argument.choices:
        raise WrongKindError(f"one of {', '.join(argument.choices)}")
    return converted


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise WrongKindError("a text")
    return value.text if isinstance(value, Octal) else str(value)


def _integer(value: Any) -> int:
    try:
        if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
            raise WrongKindError("a whole number")
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise WrongKindError("a whole number") from None


def _number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise WrongKindError("a number")
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise WrongKindError("a number") from None


def to_flag(value: Any) -> bool:
    """Return a boolean, also for the words YAML 1.1 knows; raises `WrongKindError`."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise WrongKindError("true or false")


def _sequence(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        raise WrongKindError("a list")
    if isinstance(value, str):
        return [part.strip() for part in str(value).split(",")] if value else []
    return [plain(value)]


def _mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise WrongKindError("a mapping")
    copied: dict[Any, Any] = plain(value)
    return copied


def _mode(value: Any) -> str:
    if isinstance(value, Octal):
        raise WrongKindError("a quoted mode", hint=f'quote it: "{value.text}"')
    if isinstance(value, int | float):
        hint = 'a number without quotes is not what it looks like: quote it, "0644"'
        raise WrongKindError("a quoted mode", hint=hint)
    if not isinstance(value, str):
        raise WrongKindError("a file mode")
    if value == "preserve" or _OCTAL.fullmatch(value) or _SYMBOLIC.fullmatch(value):
        return str(value)
    raise WrongKindError("a file mode", hint='for example "0644" or "u=rw,go=r"')


KINDS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": _text,
    "int": _integer,
    "float": _number,
    "bool": to_flag,
    "list": _sequence,
    "dict": _mapping,
    "mode": _mode,
    "raw": plain,
}
