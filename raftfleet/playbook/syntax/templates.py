"""Templates and conditions of a playbook that cannot work, found while it is read.

Only what is going to be evaluated where it stands is held against the filters and tests that
exist; a variable that nobody reads may hold any template that is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.inventory.source import MarkedDict, MarkedList, MarkedStr
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["check_condition", "check_keywords", "check_raw", "check_value"]

_CONDITIONS: Final = frozenset({"when", "until", "changed_when", "failed_when"})
_VARIABLES: Final = "vars"


def check_keywords(data: MarkedDict, *, but: Collection[str] = ()) -> None:
    """Refuse templates in the values of a play, block or task that can never be evaluated."""
    for key, value in data.items():
        if key not in but and key not in _CONDITIONS:
            check_value(value, names=key != _VARIABLES)


def check_value(value: Any, *, names: bool = True) -> None:
    """Refuse a broken template anywhere in a value; with ``names`` also unknown filters and tests."""
    if isinstance(value, MarkedDict):
        for key, item in value.items():
            check_value(key, names=names)
            check_value(item, names=names)
    elif isinstance(value, MarkedList):
        for item in value:
            check_value(item, names=names)
    elif is_text_template(value):
        from raftfleet.playbook.templating.checking import check_template  # noqa: PLC0415 - Jinja on first use

        check_template(value, names=names)


def check_raw(value: Any) -> None:
    """Refuse what can never be evaluated in an argument that is not templated.

    That is a condition, several of them, or a mapping of a task's keywords.
    """
    if isinstance(value, MarkedDict):
        check_keywords(value)
    for item in value if isinstance(value, MarkedList) else [value]:
        check_condition(item)


def check_condition(value: Any) -> None:
    """Refuse a condition that can never be evaluated."""
    if isinstance(value, MarkedStr):
        from raftfleet.playbook.templating.checking import check_expression, check_template  # noqa: PLC0415 - Jinja on first use

        text = value.strip()
        if text.startswith(("{{", "{%")) and text.endswith(("}}", "%}")):
            check_template(value)
        else:
            check_expression(value)
