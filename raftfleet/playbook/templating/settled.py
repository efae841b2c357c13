"""What a template came to, made ready for use outside of templates."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError

from raftfleet.inventory.source import MarkedStr
from raftfleet.playbook.templating.scope import Omit
from raftfleet.playbook.templating.undefined import Missing

__all__ = ["joined", "listed", "settle"]

_SIMPLE = frozenset(
    {str, MarkedStr, int, bool, float, type(None)}
)  # by far the most, and never open
_LISTABLE = (Iterator, tuple, range, AbstractSet, ValuesView)  # keys() and items() are sets
_CALLABLE = (types.BuiltinFunctionType, types.FunctionType, types.MethodType)


def joined(values: list[Any]) -> Any:
    """Return the value that a template's parts come to: a lone one itself, several as text."""
    given = [value for value in values if value is not None]
    if len(given) < 2:
        return given[0] if given else None
    return "".join("" if _is_left_out(value) else str(settle(value)) for value in given)


def _is_left_out(value: Any) -> bool:
    """Whether a value leaves no trace in a text: `omit`, and an inline `if` without else."""
    return type(value) is Undefined or isinstance(value, Omit)


def listed(value: Any) -> Any:
    """Turn what can be read only once, or not by its index, into a list."""
    if type(value) in _SIMPLE:
        return value
    return [listed(item) for item in value] if isinstance(value, _LISTABLE) else value


def settle(value: Any) -> Any:
    """Return a value ready for use outside of templates; raises when a part is undefined."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, Undefined):
        if not isinstance(value, Missing):
            raise TemplateRuntimeError("the inline `if` is false and has no else")
        value.complain()
    value = listed(value)
    if isinstance(value, _CALLABLE):
        raise TemplateRuntimeError("a method is no value: call it, name()")
    if isinstance(value, list):
        return value if _simple(value) else [settle(item) for item in value]
    if isinstance(value, Mapping):
        if isinstance(value, dict) and _simple(value.values()):
            return value
        return {key: settle(item) for key, item in value.items()}
    return value


def _simple(values: Iterable[Any]) -> bool:
    """Whether nothing in here can be undefined, or a list in disguise."""
    return all(type(value) in _SIMPLE for value in values)
