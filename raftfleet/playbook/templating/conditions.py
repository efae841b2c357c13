"""Conditions: expressions whose outcome must be true or false, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.inventory import mark_of
from raftfleet.inventory.source import MarkedStr
from raftfleet.playbook.templating.failure import TemplatingError
from raftfleet.playbook.templating.scope import evaluate, is_text_template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.playbook.templating.scope import Scope

__all__ = ["expression", "first_false", "holds"]


def holds(condition: Any, scope: Scope) -> bool:
    """Whether a condition holds; of a list every part must.

    Raises `TemplatingError` when it cannot be evaluated, gives no boolean, or is text that nobody
    wrote into a file: a host's output never becomes an expression.
    """
    if isinstance(condition, list | tuple):
        return first_false(condition, scope) is None
    return _holds(condition, scope)


def first_false(conditions: Iterable[Any], scope: Scope) -> Any:
    """Return the first condition that does not hold, or None; later ones are not evaluated."""
    for condition in conditions:
        if not holds(condition, scope):
            return condition
    return None


def expression(text: str, scope: Scope) -> Any:
    """Evaluate an expression written without braces, as `debug` and `until` take it."""
    if not isinstance(text, MarkedStr):
        raise TemplatingError(f"{text!r} was not written in a file, so it is not evaluated", None)
    return evaluate(MarkedStr("{{ " + text + " }}", text.mark), scope, condition=True)


def _holds(condition: Any, scope: Scope) -> bool:
    outcome = condition
    if isinstance(condition, str):
        whole = _whole_template(condition)
        outcome = evaluate(condition, scope) if whole else expression(condition, scope)
    if not isinstance(outcome, bool):
        raise TemplatingError(
            f"the condition {condition!s} gives {_kind(outcome)}, not true or false",
            mark_of(condition),
            hint=_hint(outcome),
        )
    return outcome


def _whole_template(condition: str) -> bool:
    """Whether the condition is written as one template: `"{{ x }}"`."""
    text = condition.strip()
    starts = text.startswith(("{{", "{%")) and text.endswith(("}}", "%}"))
    return starts and is_text_template(condition)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return f"a value of type {type(value).__name__}"


def _hint(value: Any) -> str:
    if isinstance(value, str):
        return "say what is meant: x | bool for a text like 'yes', x | length > 0 for any text"
    if isinstance(value, list | dict):
        return "say what is meant: x | length > 0"
    if isinstance(value, int | float):
        return "say what is meant: x > 0"
    return "compare it with something, or test it: x is not none"
