"""A condition is true, false, or an error."""

from __future__ import annotations

from typing import Any

import pytest

from raftfleet.inventory import load_yaml
from raftfleet.playbook.templating import (
    Scope,
    TemplatingError,
    expression,
    first_false,
    holds,
)

VALUES = {"n": 3, "text": "yes please", "items_": [1], "nothing": None, "yes_": True, "table": {}}


def of(yaml: str) -> Any:
    return load_yaml(text=yaml, file="c.yml")


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("n > 2", True),
        ("n > 2 and not n == 3", False),
        ("true", True),
        ("false", False),
        ("yes_", True),
        ('"{{ yes_ }}"', True),
        ('"{{ n == 4 }}"', False),
        ("[n > 2, yes_]", True),
        ("[n > 5, nope]", False),
        ("nope is defined", False),
        ("text | bool", False),
        ("items_ | length > 0", True),
        ("n in [1, 3]", True),
        ("|\n  n > 2\n  and n < 5\n", True),
    ],
)
def test_a_condition_holds_or_does_not(condition: str, outcome: bool) -> None:
    assert holds(of(condition), Scope([VALUES])) is outcome


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("text", "gives a text, not true or false"),
        ("n", "gives a value of type int"),
        ("items_", "gives a list"),
        ("table", "gives a mapping"),
        ("nothing", "gives nothing, not true"),
        ("items_ | length", "gives a value of type int"),
        ("nope", "the variable 'nope' is undefined"),
        ('"n == {{ n }}"', "not a template"),
        ('"{{ n }} == 3"', "not a template"),
        ('"{{ n }} == {{ n }}"', "gives a text"),
        ("n >", "not a template"),
        ("3", "gives a value of type int"),
    ],
)
def test_whatever_is_not_true_or_false_is_an_error_with_a_place(
    condition: str, message: str
) -> None:
    with pytest.raises(TemplatingError, match=message) as caught:
        holds(of(condition), Scope([VALUES]))
    assert condition == "3" or str(caught.value.mark) == "c.yml:1:1"


def test_text_that_nobody_wrote_is_no_expression() -> None:
    for condition in ("1 == 1", "{{ 1 == 1 }}"):
        with pytest.raises(TemplatingError, match="was not written in a file"):
            holds(condition, Scope([]))
    with pytest.raises(TemplatingError, match="was not written in a file"):
        expression("n", Scope([VALUES]))


def test_the_first_that_does_not_hold_is_named_and_later_ones_are_not_evaluated() -> None:
    conditions = of("[yes_, n > 5, nope]")
    assert first_false(conditions, Scope([VALUES])) == "n > 5"
    assert first_false(of("[yes_]"), Scope([VALUES])) is None
