"""What a task's loop goes over, and what each turn adds to the variables."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from raftfleet.playbook.templating import TemplatingError, first_false, holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from raftfleet.playbook.syntax.nodes import Loop
    from raftfleet.playbook.templating import Scope

__all__ = ["ends", "items_of", "turns"]


def items_of(loop: Loop, scope: Scope, conditions: Iterable[Any]) -> list[Any] | None:
    """Return the items; raises `TemplatingError` when the loop's value is nothing to go over.

    None says that this does not matter, because the task's conditions rule it out anyway.
    """
    try:
        return _items(loop, scope)
    except TemplatingError:
        with suppress(TemplatingError):
            if first_false(conditions, scope) is not None:
                return None
        raise


def _items(loop: Loop, scope: Scope) -> list[Any]:
    value = scope.template(loop.items)
    if loop.form == "with_items":
        return _flattened(value)
    if loop.form == "with_dict":
        if not isinstance(value, Mapping):
            raise TemplatingError(f"with_dict: wants a mapping, not {_kind(value)}", loop.mark)
        return [{"key": key, "value": item} for key, item in value.items()]
    if not isinstance(value, list):
        hint = 'a mapping: loop: "{{ x | dict2items }}"' if isinstance(value, Mapping) else None
        raise TemplatingError(f"loop: wants a list, not {_kind(value)}", loop.mark, hint=hint)
    return value


def _flattened(value: Any) -> list[Any]:
    flat: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        flat += item if isinstance(item, list) else [item]
    return flat


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"


def turns(loop: Loop, items: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield each item with the variables of its turn."""
    for index, item in enumerate(items):
        variables = {loop.variable: item, "ansible_loop_var": loop.variable}
        if loop.index:
            variables |= {loop.index: index, "ansible_index_var": loop.index}
        if loop.extended:
            variables["ansible_loop"] = _position(items, index)
            if not loop.all_items:
                del variables["ansible_loop"]["allitems"]
        yield item, variables


def ends(loop: Loop, scope: Scope) -> bool:
    """Whether the turn with these variables is the loop's last, by its `break_when`."""
    return bool(loop.break_when) and holds(loop.break_when, scope)


def _position(items: Sequence[Any], index: int) -> dict[str, Any]:
    length = len(items)
    position = {
        "allitems": list(items),
        "index": index + 1,
        "index0": index,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }
    if index > 0:
        position["previtem"] = items[index - 1]
    if index < length - 1:
        position["nextitem"] = items[index + 1]
    return position
