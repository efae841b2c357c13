"""What a plain word in YAML 1.1 stands for, with the traps taken out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from raftfleet.inventory.marked import MarkedStr, Octal

if TYPE_CHECKING:
    from raftfleet.errors import Mark

__all__ = ["SCALARS"]

_LONGEST: Final = 1000  # Python writes no number of more than some thousand digits
_TRUE: Final = frozenset({"yes", "true", "on"})
_FALSE: Final = frozenset({"no", "false", "off"})
_INFINITY: Final = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}


def _integer(value: str, mark: Mark) -> int | str:
    if len(value) > _LONGEST:
        raise ValueError(value)
    digits = value.replace("_", "").lower()
    bare = digits.lstrip("+-")
    if ":" in digits:
        return MarkedStr(value, mark)
    if bare.startswith(("0x", "0b")):
        return int(digits, 0)
    if bare.startswith("0") and len(bare) > 1:
        return Octal(value, mark)
    return int(digits)


def _float(value: str, mark: Mark) -> float | str:
    if ":" in value:
        return MarkedStr(value, mark)
    digits = value.replace("_", "").lower()
    return _INFINITY[digits] if digits in _INFINITY else float(digits)


def _boolean(value: str, _mark: Mark) -> bool:
    if value.lower() not in _TRUE | _FALSE:
        raise ValueError(value)
    return value.lower() in _TRUE


SCALARS: Final[dict[str, Any]] = {
    "str": MarkedStr,
    "int": _integer,
    "float": _float,
    "bool": _boolean,
    "null": lambda _value, _mark: None,
    "timestamp": MarkedStr,
    "value": MarkedStr,
    "merge": MarkedStr,
}
"""Readers by the name of YAML's tag; each raises ValueError or KeyError for what it cannot read."""
