"""Filters on mappings, and those that turn mappings into lists and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinja2 import Undefined

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS"]

_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def _combine(*mappings: Any, recursive: bool = False, list_merge: str = "replace") -> Any:
    """Merge mappings; the last one wins. One alone is returned as it is, whatever it is."""
    if list_merge not in _MERGES:
        raise ValueError(f"list_merge is one of {', '.join(_MERGES)}, not {list_merge!r}")
    combined: Any = {}
    given = _flat(mappings)
    if len(given) == 1:
        return given[0]
    for mapping in given:
        if mapping is None:
            continue
        if not isinstance(mapping, Mapping):
            raise TypeError(f"combine wants mappings, not a value of type {type(mapping).__name__}")
        combined = _merged(combined, mapping, recursive=recursive, lists=list_merge)
    return combined


def _flat(values: Any) -> list[Any]:
    found = []
    for value in values:
        found += _flat(value) if isinstance(value, list | tuple) else [value]
    return found


def _merged(
    weak: Mapping[Any, Any], strong: Mapping[Any, Any], *, recursive: bool, lists: str
) -> dict[Any, Any]:
    merged = dict(weak)
    for key, value in strong.items():
        old = merged.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(old, value, recursive=recursive, lists=lists)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = _joined(old, value, lists)
        else:
            merged[key] = value
    return merged


def _joined(old: list[Any], new: list[Any], how: str) -> list[Any]:
    return {
        "replace": lambda: new,
        "keep": lambda: old,
        "append": lambda: old + new,
        "prepend": lambda: new + old,
        "append_rp": lambda: [item for item in old if item not in new] + new,
        "prepend_rp": lambda: new + [item for item in old if item not in new],
    }[how]()


def _dict2items(
    mapping: Any, key_name: str = "key", value_name: str = "value"
) -> list[dict[str, Any]]:
    if not isinstance(mapping, Mapping):
        raise TypeError(f"dict2items wants a mapping, not a value of type {type(mapping).__name__}")
    return [{key_name: key, value_name: value} for key, value in mapping.items()]


def _items2dict(items: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not isinstance(items, list | tuple):
        raise TypeError(f"items2dict wants a list, not a value of type {type(items).__name__}")
    return {item[key_name]: item[value_name] for item in items}


def _rekey_on_member(items: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """Make a mapping of mappings, each under what it has at ``key``; of a mapping its values."""
    if duplicates not in ("error", "overwrite"):
        raise ValueError(f"duplicates is one of error, overwrite, not {duplicates!r}")
    if not isinstance(items, Mapping | list | tuple):
        raise TypeError(
            f"rekey_on_member wants a list or a mapping, not a value of type {type(items).__name__}"
        )
    rekeyed: dict[Any, Any] = {}
    for item in items.values() if isinstance(items, Mapping) else items:
        if not isinstance(item, Mapping) or key not in item:
            raise ValueError(f"rekey_on_member: an item has no {key!r}: {item!r}")
        if duplicates == "error" and item[key] in rekeyed:
            raise ValueError(f"rekey_on_member: {item[key]!r} is the {key!r} of two items")
        rekeyed[item[key]] = item
    return rekeyed


def _mandatory(value: Any, msg: str | None = None) -> Any:
    if not isinstance(value, Undefined):
        return value
    name = value._undefined_name  # noqa: SLF001 - Jinja has no other way to ask for it
    raise ValueError(msg or f"Mandatory variable {name!r} not defined")


def _ternary(value: Any, if_true: Any, if_false: Any, if_none: Any = None) -> Any:
    if isinstance(value, Undefined):
        return value
    if value is None and if_none is not None:
        return if_none
    return if_true if bool(value) else if_false


FILTERS: dict[str, Callable[..., Any]] = {
    "combine": _combine,
    "dict2items": _dict2items,
    "items2dict": _items2dict,
    "mandatory": _mandatory,
    "rekey_on_member": _rekey_on_member,
    "ternary": _ternary,
}
