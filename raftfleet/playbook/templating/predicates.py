"""The tests that playbooks use beyond Jinja's own (`x is failed`, `v is version('1.2', '>=')`)."""

from __future__ import annotations

import math
import operator
import os.path
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from raftfleet.playbook.templating.filters.numbers import to_bool
from raftfleet.playbook.templating.filters.text import flags

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


def _timed_out(value: Any) -> bool:
    """Whether a task was ended by its `timeout`."""
    found = _result(value, "timedout").get("timedout", False)
    return bool(found.get("period", False) if isinstance(found, Mapping) else found)


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


def _flagged(key: str) -> Callable[[Any], bool]:
    """Return the test whether a result carries a flag; what did not run by itself did."""
    return lambda value: bool(_result(value, key).get(key, True))


def _same_file(one: Any, other: Any) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _uri(value: Any, schemes: Any = None, *, located: bool = False) -> bool:
    """Whether a text is an address; ``located``: one that names a machine."""
    try:
        parts = urlsplit(str(value))
    except ValueError:
        return False
    known = not schemes or parts.scheme in schemes
    return known and (not located or bool(parts.netloc) or parts.scheme == "file")


def _not_a_number(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _contains(value: Any, item: Any) -> bool:
    return item in value


def _subset(value: Any, whole: Any) -> bool:
    return set(value) <= set(whole)


def _superset(value: Any, part: Any) -> bool:
    return _subset(part, value)


_COMPONENT = re.compile(r"(\d+|[a-zA-Z]+)")
_LOOSE_COMPONENT = re.compile(r"(\d+|[a-z]+|\.)")
_STRICT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?")
_NUMBER = r"(0|[1-9]\d*)"
_SEMANTIC = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "=": operator.eq, "eq": operator.eq,
    "!=": operator.ne, "<>": operator.ne, "ne": operator.ne,
    "<": operator.lt, "lt": operator.lt, "<=": operator.le, "le": operator.le,
    ">": operator.gt, "gt": operator.gt, ">=": operator.ge, "ge": operator.ge,
}  # fmt: skip


_Parts: TypeAlias = list[Any]


def _loose(text: str) -> _Parts:
    """Numbers and all else in turn; a number and a word at the same place cannot be compared."""
    parts = (part for part in _LOOSE_COMPONENT.split(text) if part and part != ".")
    return [int(part) if part.isdecimal() else part for part in parts]


def _strict(text: str) -> _Parts:
    found = _STRICT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no strict version, such as 1.2, 1.2.3 or 1.2b1")
    numbers = [int(found[group] or 0) for group in (1, 2, 3)]
    return [*numbers, (found[4] or "z", int(found[5] or 0))]


def _semantic(text: str) -> _Parts:
    found = _SEMANTIC.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no semantic version, such as 1.2.3 or 1.2.3-rc.1")
    before = [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in (found[4] or "").split(".")
        if part
    ]
    return [*(int(found[group]) for group in (1, 2, 3)), (not before, before)]


def _pep440(text: str) -> _Parts:
    """By PEP 440: what follows a release's number as a word comes before it."""
    parts = [
        (1, int(part), "") if part.isdecimal() else (0, 0, part)
        for part in _COMPONENT.findall(text.partition("+")[0])
    ]
    return parts if any(not part[0] for part in parts) else [*parts, (1, -1, "")]


_KINDS: dict[str, Callable[[str], _Parts]] = {
    "loose": _loose, "strict": _strict, "semver": _semantic, "semantic": _semantic,
    "pep440": _pep440,
}  # fmt: skip


def _version(
    value: Any,
    other: Any,
    comparison: str = "==",
    strict: bool | None = None,  # noqa: FBT001
    version_type: str | None = None,
) -> bool:
    if not value or not other:
        raise ValueError("the version to compare is empty")
    if comparison not in _OPERATORS:
        raise ValueError(f"{comparison!r} compares no versions; known: {', '.join(_OPERATORS)}")
    if strict is not None and version_type is not None:
        raise ValueError("version takes strict or version_type, not both")
    kind = "strict" if strict else version_type or "loose"
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is no kind of version; known: {', '.join(_KINDS)}")
    return _OPERATORS[comparison](_KINDS[kind](str(value)), _KINDS[kind](str(other)))


TESTS: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("failed", "failure"), _failed),
    **dict.fromkeys(("succeeded", "success", "successful"), _succeeded),
    **dict.fromkeys(("changed", "change"), _changed),
    **dict.fromkeys(("skipped", "skip"), _skipped),
    **dict.fromkeys(("version", "version_compare"), _version),
    **dict.fromkeys(("subset", "issubset"), _subset),
    **dict.fromkeys(("superset", "issuperset"), _superset),
    **dict.fromkeys(("file", "is_file"), os.path.isfile),
    **dict.fromkeys(("directory", "is_dir"), os.path.isdir),
    **dict.fromkeys(("link", "is_link"), os.path.islink),
    **dict.fromkeys(("exists",), os.path.exists),
    "link_exists": os.path.lexists,
    **dict.fromkeys(("nan", "isnan"), _not_a_number),
    **dict.fromkeys(("mount", "is_mount"), os.path.ismount),
    **dict.fromkeys(("same_file", "is_same_file"), _same_file),
    **dict.fromkeys(("abs", "is_abs"), os.path.isabs),
    "all": all,
    "any": any,
    "contains": _contains,
    "falsy": _falsy,
    "finished": _flagged("finished"),
    "match": _match,
    "reachable": _reachable,
    "regex": _regex,
    "search": _search,
    "started": _flagged("started"),
    "timedout": _timed_out,
    "truthy": _truthy,
    "unreachable": _unreachable,
    "uri": _uri,
    "url": lambda value, schemes=None: _uri(value, schemes, located=True),
    "vault_encrypted": lambda _value: False,  # nothing encrypted is ever read
    "urn": lambda value: str(value).lower().startswith("urn:") and _uri(value),
}
