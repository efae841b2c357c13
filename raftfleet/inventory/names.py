"""Host names as inventories write them: ranges such as `n[01:10]`, and `name:port`."""

from __future__ import annotations

import ipaddress
import re
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["expand", "split_port"]

_RANGE: Final = re.compile(r"\[(?P<first>[^\[\]:]*):(?P<last>[^\[\]:]*)(?::(?P<step>[^\[\]:]*))?\]")
_PORT: Final = re.compile(r"(?P<name>(?:[^\s:\[\]]|\[[^\]]*\])+):(?P<port>\d{1,5})")
_ODD: Final = re.compile(r"[\s=\x00-\x1f\x7f]")
_MOST: Final = 65_536


def split_port(name: str) -> tuple[str, int | None]:
    """Split ``name:port``; an IPv6 address needs brackets around it to carry a port."""
    found = _PORT.fullmatch(name)
    if found is None:
        return name, None
    return _without_brackets(found["name"]), int(found["port"])


def _without_brackets(name: str) -> str:
    """Return an IPv6 address bare; a name that is a range keeps its brackets."""
    bare = name.removeprefix("[").removesuffix("]")
    try:
        ipaddress.IPv6Address(bare)
    except ValueError:
        return name
    return bare


def expand(name: str) -> list[str]:
    """Return the names that a name with ranges stands for; both ends are included.

    `[01:10]` keeps its zeros, `[a:e]` runs over letters, `[1:9:2]` has a step; several ranges in
    one name are multiplied, the first one slowest. Raises `ValueError` for a range that is none.
    """
    if odd := _ODD.search(name):
        raise ValueError(f"{name!r} is no host name: there is {odd[0]!r} in it")
    names = [name]
    while any(_RANGE.search(one) for one in names):
        names = [spread for one in names for spread in _expand_first(one)]
        if len(names) > _MOST:
            raise ValueError(f"{name!r} stands for more than {_MOST} hosts")
    if name.count("[") != name.count("]"):
        raise ValueError(f"a bracket in {name!r} has no counterpart")
    return names


def _expand_first(name: str) -> list[str]:
    found = _RANGE.search(name)
    if found is None:
        return [name]
    return [name[: found.start()] + item + name[found.end() :] for item in _items(found)]


def _items(found: re.Match[str]) -> Sequence[str]:
    first, last, step = found["first"] or "0", found["last"], found["step"]
    if not last:
        raise ValueError(f"the range {found[0]} names no end")
    if step is not None and not (step.isdecimal() and int(step) > 0):
        raise ValueError(f"the step of the range {found[0]} must be a number above 0")
    stride = int(step or 1)
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        items: Sequence[str] = letters[letters.index(first) : letters.index(last) + 1 : stride]
    else:
        items = _numbers(found[0], first, last, stride)
    if not items:
        raise ValueError(f"the range {found[0]} ends before it begins")
    return items


def _numbers(written: str, first: str, last: str, stride: int) -> list[str]:
    if not (first.isdecimal() and last.isdecimal()):
        raise ValueError(f"the range {written} must run over numbers or over single letters")
    padded = len(first) > 1 and first.startswith("0")
    if padded and len(first) != len(last):
        raise ValueError(f"both ends of the range {written} must have the same number of digits")
    if int(last) - int(first) > _MOST * stride:
        raise ValueError(f"the range {written} has more than {_MOST} steps")
    width = len(first) if padded else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1, stride)]
