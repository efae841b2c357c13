"""Filters on lists. Where Ansible leaves the order open, the first-seen order is kept."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinja2 import Undefined, pass_context, pass_environment
from jinja2.filters import do_max, do_min, do_unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jinja2 import Environment
    from jinja2.runtime import Context

__all__ = ["FILTERS"]


def _list(value: Any, what: str) -> list[Any]:
    """Return the items: those of a list, the characters of a text, the keys of a mapping."""
    if isinstance(value, Undefined) or not hasattr(value, "__iter__"):
        raise TypeError(f"{what} wants a list, not a value of type {type(value).__name__}")
    return list(value)


def _distinct(values: Iterable[Any]) -> list[Any]:
    values = list(values)
    seen: list[Any] = []
    try:
        return list(dict.fromkeys(values))
    except TypeError:  # something in here cannot be hashed
        for value in values:
            if value not in seen:
                seen.append(value)
        return seen


@pass_environment
def _unique(
    environment: Environment,
    value: Any,
    case_sensitive: bool | None = None,  # noqa: FBT001
    attribute: Any = None,
) -> list[Any]:
    try:
        return list(do_unique(environment, value, bool(case_sensitive), attribute))
    except TypeError:  # something in here cannot be hashed
        if case_sensitive is not None or attribute is not None:
            raise
        return _distinct(_list(value, "unique"))


def _union(one: Any, other: Any) -> list[Any]:
    return _distinct([*_list(one, "union"), *_list(other, "union")])


def _difference(one: Any, other: Any) -> list[Any]:
    removed = _list(other, "difference")
    return _distinct(item for item in _list(one, "difference") if item not in removed)


def _intersect(one: Any, other: Any) -> list[Any]:
    kept = _list(other, "intersect")
    return _distinct(item for item in _list(one, "intersect") if item in kept)


def _symmetric_difference(one: Any, other: Any) -> list[Any]:
    return [*_difference(one, other), *_difference(other, one)]


def _flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
    return list(_flat(_list(value, "flatten"), levels, skip_nulls=skip_nulls))


def _flat(values: Iterable[Any], levels: int | None, *, skip_nulls: bool) -> Iterator[Any]:
    for value in values:
        if skip_nulls and value in (None, "None", "null"):
            continue
        if isinstance(value, list | tuple) and (levels is None or levels > 0):
            deeper = None if levels is None else levels - 1
            yield from _flat(value, deeper, skip_nulls=skip_nulls)
        else:
            yield value


def _zip(*lists: Any) -> list[tuple[Any, ...]]:
    return list(zip(*lists, strict=False))


def _zip_longest(*lists: Any, fillvalue: Any = None) -> list[tuple[Any, ...]]:
    return list(itertools.zip_longest(*lists, fillvalue=fillvalue))


def _product(*lists: Any, repeat: int = 1) -> list[tuple[Any, ...]]:
    return list(itertools.product(*lists, repeat=repeat))


def _combinations(value: Any, size: int) -> list[tuple[Any, ...]]:
    return list(itertools.combinations(value, size))


def _permutations(value: Any, size: int | None = None) -> list[tuple[Any, ...]]:
    return list(itertools.permutations(value, size))


@pass_environment
def _extract(environment: Environment, key: Any, container: Any, morekeys: Any = None) -> Any:
    """Return an item of a container, and then an item of that, and so on."""
    found = environment.getitem(container, key)
    steps = morekeys if isinstance(morekeys, list) else [morekeys]
    for step in [] if morekeys is None else steps:
        found = environment.getitem(found, step)
    return found


def _subelements(value: Any, path: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:  # noqa: FBT001, FBT002
    if not isinstance(value, Mapping | list | tuple):
        kind = type(value).__name__
        raise TypeError(f"subelements wants a list or a mapping, not a value of type {kind}")
    elements = list(value.values()) if isinstance(value, Mapping) else list(value)
    steps = path.split(".") if isinstance(path, str) else list(path)
    pairs = []
    for element in elements:
        if not isinstance(element, Mapping):
            kind = type(element).__name__
            raise TypeError(f"subelements wants mappings, not a value of type {kind}")
        found: Any = element
        for step in steps:
            if skip_missing and step not in found:
                found = []
                break
            found = found[step]
        pairs += [(element, item) for item in found]
    return pairs


@pass_context
def _random(_context: Context, end: Any, start: int = 0, step: int = 1, seed: Any = None) -> Any:
    chooser = random.Random(seed)  # noqa: S311 - a choice in a playbook is no secret
    if isinstance(end, int):
        return chooser.randrange(start, end, step)
    return chooser.choice(end if hasattr(end, "__getitem__") else _list(end, "random"))


@pass_context
def _shuffle(_context: Context, value: Any, seed: Any = None) -> Any:
    if not hasattr(value, "__iter__"):
        return value
    shuffled = _list(value, "shuffle")
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    return shuffled


FILTERS: dict[str, Callable[..., Any]] = {
    "combinations": _combinations,
    "difference": _difference,
    "extract": _extract,
    "flatten": _flatten,
    "intersect": _intersect,
    "max": do_max,
    "min": do_min,
    "permutations": _permutations,
    "product": _product,
    "random": _random,
    "shuffle": _shuffle,
    "subelements": _subelements,
    "symmetric_difference": _symmetric_difference,
    "union": _union,
    "unique": _unique,
    "zip": _zip,
    "zip_longest": _zip_longest,
}
