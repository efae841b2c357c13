"""Filters on truth, numbers, sizes and time."""

from __future__ import annotations

import datetime as dt
import math
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS", "to_bool"]

_TRUE = frozenset({"yes", "on", "1", "true", "y", "t"})
_FALSE = frozenset({"no", "off", "0", "false", "n", "f", ""})
_UNITS = "BKMGTPEZY"
_WORDS = {
    "K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "E": "exa", "Z": "zetta",
    "Y": "yotta",
}  # fmt: skip
_SIZE = re.compile(r"^\s*(\d*\.?\d*)\s*([A-Za-z]*)\s*$")


def to_bool(value: Any) -> Any:
    """Return the boolean that a word or number stands for.

    What stands for neither counts as false, as it does for Ansible's filter.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return value == 1


def _log(value: Any, base: float = math.e) -> float:
    return math.log10(value) if base == 10 else math.log(value, base)


def _power(value: Any, exponent: float) -> float:
    return math.pow(value, exponent)


def _root(value: Any, base: float = 2) -> float:
    return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))


def _human_readable(size: Any, isbits: bool = False, unit: str | None = None) -> str:  # noqa: FBT001, FBT002
    if not isinstance(size, int | float):
        raise TypeError(f"human_readable wants a number, not a value of type {type(size).__name__}")
    base = "bits" if isbits else "Bytes"
    for power in range(len(_UNITS) - 1, 0, -1):
        chosen = unit.upper() == _UNITS[power] if unit else float(size) >= 1 << (10 * power)
        if chosen:
            suffix = base[0].lower() if isbits else base[0]
            return f"{float(size) / (1 << (10 * power)):.2f} {_UNITS[power]}{suffix}"
    return f"{float(size):.2f} {base}"


def _human_to_bytes(size: Any, default_unit: str | None = None, isbits: bool = False) -> int:  # noqa: FBT001, FBT002
    found = _SIZE.match(str(size))
    if found is None or not found[1]:
        raise ValueError(f"{size!r} is not a size")
    unit = found[2] or default_unit or "B"
    prefix = unit[0].upper()
    if prefix not in _UNITS:
        raise ValueError(f"{size!r} has an unknown unit")
    letter, word = ("b", "bit") if isbits else ("B", "byte")
    names = {letter, word} if prefix == "B" else {prefix + letter}
    if len(unit) > 1 and unit not in names and unit.lower() != _WORDS.get(prefix, "") + word:
        raise ValueError(f"{size!r}: expected {' or '.join(sorted({prefix, *names}))}")
    return round(float(found[1]) * (1 << (10 * _UNITS.index(prefix))))


def _strftime(pattern: str, second: Any = None, utc: bool = False) -> str:  # noqa: FBT001, FBT002
    at = time.time() if second is None else float(second)
    return time.strftime(pattern, time.gmtime(at) if utc else time.localtime(at))


def _to_datetime(text: str, pattern: str = "%Y-%m-%d %H:%M:%S") -> dt.datetime:
    return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - the pattern says what it means


FILTERS: dict[str, Callable[..., Any]] = {
    "bool": to_bool,
    "human_readable": _human_readable,
    "human_to_bytes": _human_to_bytes,
    "log": _log,
    "pow": _power,
    "root": _root,
    "strftime": _strftime,
    "to_datetime": _to_datetime,
}
