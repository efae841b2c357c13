"""The tests that playbooks use beyond Jinja's own (`x is failed`, `v is version('1.2', '>=')`)."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftfleet.playbook.templating.filters.numbers import to_bool
from raftfleet.playbook.templating.filters.text import flags

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TESTS"]


def _result(value: Any, test: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"the test {test!r} wants a registered result, not {type(value).__name__}")
    return value


def _failed(value: Any) -> bool:
    return bool(_result(value, "failed").get("failed", False))


def _succeeded(value: Any) -> bool:
    return not _failed(value)


def _changed(value: Any) -> bool:
    result = _result(value, "changed")
    if "changed" not in result and isinstance(result.get("results"), list):
        return any(item.get("changed", False) for item in result["results"])
    return bool(result.get("changed", False))


def _skipped(value: Any) -> bool:
    return bool(_result(value, "skipped").get("skipped", False))


def _unreachable(value: Any) -> bool:
    return bool(_result(value, "unreachable").get("unreachable", False))


def _reachable(value: Any) -> bool:
    return not _unreachable(value)


def _regex(
    value: Any,
    pattern: str = "",
    ignorecase: bool = False,  # noqa: FBT001, FBT002
    multiline: bool = False,  # noqa: FBT001, FBT002
    match_type: str = "search",
) -> bool:
    expression = re.compile(pattern, flags(ignorecase=ignorecase, multiline=multiline))
    find = {
        "search": expression.search,
        "match": expression.match,
        "fullmatch": expression.fullmatch,
    }
    return find[match_type](str(value)) is not None


def _match(value: Any, pattern: str = "", **options: bool) -> bool:
    return _regex(value, pattern, match_type="match", **options)


def _search(value: Any, pattern: str = "", **options: bool) -> bool:
    return _regex(value, pattern, match_type="search", **options)


def _truthy(value: Any, convert_bool: bool = False) -> bool:  # noqa: FBT001, FBT002
    if (
        convert_bool
        and isinstance(value, str)
        and value.lower() in {"yes", "no", "true", "false", "on", "off"}
    ):
        return bool(to_bool(value))
    return bool(value)


def _falsy(value: Any, convert_bool: bool = False) -> bool:  # noqa: FBT001, FBT002
    return not _truthy(value, convert_bool=convert_bool)


def _contains(value: Any, item: Any) -> bool:
    return item in value


def _subset(value: Any, whole: Any) -> bool:
    return all(item in whole for item in value)


def _superset(value: Any, part: Any) -> bool:
    return _subset(part, value)


_COMPONENT = re.compile(r"(\d+|[a-zA-Z]+)")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "=": operator.eq, "eq": operator.eq,
    "!=": operator.ne, "<>": operator.ne, "ne": operator.ne,
    "<": operator.lt, "lt": operator.lt, "<=": operator.le, "le": operator.le,
    ">": operator.gt, "gt": operator.gt, ">=": operator.ge, "ge": operator.ge,
}  # fmt: skip


@functools.total_ordering
class _Version:
    """Numbers and words in turn; a number is newer than a word at the same place."""

    def __init__(self, text: str) -> None:
        self.parts = [
            (1, int(part), "") if part.isdecimal() else (0, 0, part)
            for part in _COMPONENT.findall(text)
        ]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and self.parts == other.parts

    def __lt__(self, other: _Version) -> bool:
        return self.parts < other.parts

    def __hash__(self) -> int:
        return hash(tuple(self.parts))


class _Release(_Version):
    """A version by semver or PEP 440: what follows a release's number as a word comes before it."""

    def __init__(self, text: str) -> None:
        super().__init__(text.partition("+")[0])
        numbers = [part for part in self.parts if part[0]]
        if len(numbers) == len(self.parts):
            self.parts.append((1, -1, ""))


def _version(
    value: Any,
    other: Any,
    comparison: str = "==",
    strict: bool | None = None,  # noqa: FBT001
    version_type: str | None = None,
) -> bool:
    if not str(value):
        raise ValueError("the version to compare is empty")
    if comparison not in _OPERATORS:
        raise ValueError(f"{comparison!r} compares no versions; known: {', '.join(_OPERATORS)}")
    kind = _Version if version_type in {None, "loose"} and not strict else _Release
    return _OPERATORS[comparison](kind(str(value)), kind(str(other)))


TESTS: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("failed", "failure"), _failed),
    **dict.fromkeys(("succeeded", "success", "successful"), _succeeded),
    **dict.fromkeys(("changed", "change"), _changed),
    **dict.fromkeys(("skipped", "skip"), _skipped),
    **dict.fromkeys(("version", "version_compare"), _version),
    **dict.fromkeys(("subset", "issubset"), _subset),
    **dict.fromkeys(("superset", "issuperset"), _superset),
    **dict.fromkeys(("file", "is_file"), lambda path: Path(path).is_file()),
    **dict.fromkeys(("directory", "is_dir"), lambda path: Path(path).is_dir()),
    **dict.fromkeys(("link", "is_link"), lambda path: Path(path).is_symlink()),
    **dict.fromkeys(("exists",), lambda path: Path(path).exists()),
    **dict.fromkeys(("abs", "is_abs"), lambda path: Path(path).is_absolute()),
    "all": all,
    "any": any,
    "contains": _contains,
    "falsy": _falsy,
    "match": _match,
    "reachable": _reachable,
    "regex": _regex,
    "search": _search,
    "truthy": _truthy,
    "unreachable": _unreachable,
}
