"""Several tables of modules as one, without looking at what is in them."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["together"]

Value = TypeVar("Value")


def together(*tables: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return one table of several, the first that has a name counting.

    A table may make its values when they are asked for: none is asked for here.
    """
    changeable: Any = tables  # as ChainMap is typed; nobody changes it through the result
    return ChainMap(*changeable)
