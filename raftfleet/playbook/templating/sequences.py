"""The lookup `sequence`: numbers in a row, as text."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from raftfleet.playbook.templating.failure import TemplatingError

if TYPE_CHECKING:
    from raftfleet.playbook.templating.scope import Scope

__all__ = ["sequence"]

_NUMBER: Final = r"(?:0x)?[0-9a-fA-F]+"
_SHORT: Final = re.compile(
    rf"(?:(?P<start>{_NUMBER})-)?(?P<end>{_NUMBER})(?:/(?P<stride>{_NUMBER}))?(?::(?P<format>.+))?",
)
_KEYS: Final = ("start", "end", "count", "stride", "format")


def sequence(scope: Scope, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Return the numbers of each term: `5`, `2-10/2:host%02d`, `start=0 count=3`."""
    del scope
    found: list[Any] = []
    for term in terms or [""]:
        found += _numbers(options | _said(str(term)))
    return found


def _said(term: str) -> dict[str, Any]:
    short = _SHORT.fullmatch(term)
    if short is not None:
        return {key: value for key, value in short.groupdict().items() if value is not None}
    return dict(part.partition("=")[::2] for part in shlex.split(term))


def _numbers(said: dict[str, Any]) -> list[str]:
    strange = sorted(said.keys() - set(_KEYS))
    if strange:
        raise TemplatingError(f"sequence knows no {strange[0]!r}; known: {', '.join(_KEYS)}", None)
    if ("count" in said) == ("end" in said):
        raise TemplatingError("sequence wants either count or end", None)
    start, stride = _whole(said.get("start", 1)), _whole(said.get("stride", 1))
    count = _whole(said["count"]) if "count" in said else None
    end = _whole(said["end"]) if count is None else start + count * stride - 1
    if not stride or count == 0:
        return []
    if (end - start) * stride < 0:
        raise TemplatingError(f"sequence: no step of {stride} leads from {start} to {end}", None)
    shape = str(said.get("format", "%d"))
    try:
        return [shape % number for number in range(start, end + (1 if stride > 0 else -1), stride)]
    except (ValueError, TypeError) as error:
        raise TemplatingError(f"sequence: the format {shape!r} fits no number", None) from error


def _whole(value: Any) -> int:
    try:
        return int(str(value), 0)
    except ValueError:
        raise TemplatingError(f"sequence wants whole numbers, not {value!r}", None) from None
