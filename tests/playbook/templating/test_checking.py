"""A template that cannot work is found without being evaluated, at the character that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from raftfleet.inventory import load_yaml
from raftfleet.playbook.templating import TemplatingError, checking
from raftfleet.playbook.templating.checking import check_expression, check_template


def refusal(source: str, *, expression: bool = False) -> tuple[str, str, str]:
    """Return place, message and hint for the value of `k`."""
    value = load_yaml(text=source, file="f.yml")["k"]
    with pytest.raises(TemplatingError) as caught:
        (check_expression if expression else check_template)(value)
    error = caught.value
    assert error.mark is not None
    return f"{error.mark.line}:{error.mark.column}", error.message, error.hint or ""


@pytest.mark.parametrize(
    ("source", "place", "message", "hint"),
    [
        ("k: \"x {{ y | defalt('') }}\"", "1:14", "there is no filter 'defalt'", "did you mean default?"),
        ("k: '{{ y | changed }}'", "1:12", "there is no filter 'changed'", "changed is a test: write is changed"),
        ("k: '{{ y is defned }}'", "1:13", "there is no test 'defned'", "did you mean defined?"),
        ("k: '{{ y z }}'", "1:10", "not a template: expected the end of the expression, got 'z'", ""),
        ("k: '{{ y'", "1:8", "not a template: unexpected end of template", ""),
        ("k: '{{ y }'", "1:10", "not a template: unexpected '}'", ""),
        ("k: '{% if y %}a'", "1:15", "not a template: Unexpected end of template", ""),
        ("k: '{% fi y %}a'", "1:8", "not a template: Encountered unknown tag 'fi'", ""),
        ("k: '{# y'", "1:7", "not a template: Missing end of comment tag", ""),
        ("k: |\n  a\n    b {{ c\n    d }}\n", "4:5", "not a template: expected the end", ""),
        ("k: >\n  a\n\n  b {{ c d }}\n", "4:10", "not a template: expected the end", ""),
        ("k: \"it's \\\" {{ c\\\n  d e }}\"", "2:5", "not a template: expected the end", ""),
        ("k: '{{ a | ansible.utils.ipaddr }}'", "1:12", "there is no filter 'ansible.utils.ipaddr'", "inventory"),
        ("k: '{{ a | some.where.parsed }}'", "1:12", "there is no filter 'some.where.parsed'", "filters of collections are not supported"),
        ("k: '{{ a | password_hash }}'", "1:12", "there is no filter 'password_hash'", "beforehand"),
        ("k: '{{ a | xyzzy }}'", "1:12", "there is no filter 'xyzzy'", "module of your own"),
    ],
)  # fmt: skip
def test_a_wrong_template(source: str, place: str, message: str, hint: str) -> None:
    seen_place, seen_message, seen_hint = refusal(source)
    assert message in seen_message
    assert seen_place == place
    assert hint in seen_hint


@pytest.mark.parametrize(
    ("source", "place", "message", "hint"),
    [
        ("k: a is defned", "1:9", "there is no test 'defned'", "did you mean defined?"),
        ("k: a and", "1:9", "not a condition: the expression ends too soon", ""),
        ("k: a = 1", "1:6", "not a condition: expected the end of the expression, got '='", "=="),
        ("k: a && b", "1:6", "not a condition: unexpected char '&'", "write and"),
        ("k: 'a == \"{'", "1:10", "not a condition: unexpected char", ""),
        ("k: '{{ a }} == 1'", "1:5", "a template inside a condition", "without braces"),
        ("k: a == '{{ b }}' c", "1:19", "not a condition: expected the end", ""),
        ("k: a is defned or b == '{{ c }}'", "1:9", "there is no test 'defned'", "defined"),
        ("k: 'b == {{ a }}'", "1:10", "a template inside a condition", "without braces"),
        ("k: >-\n  a and\n  b c\n", "3:5", "not a condition: expected the end", ""),
    ],
)
def test_a_wrong_expression(source: str, place: str, message: str, hint: str) -> None:
    seen_place, seen_message, seen_hint = refusal(source, expression=True)
    assert message in seen_message
    assert seen_place == place
    assert hint in seen_hint


@pytest.mark.parametrize(
    "source",
    [
        r"k: '{{ a | regex_replace(\"\d+\\\\(x)\", \"\1\") }}'".replace('\\"', '"'),
        r"k: '{{ ''\x'' }}'",
        "k: '{{ a | ansible.builtin.default(1) }} {% for b in c %}{{ b }}{% endfor %}'",
        'k: \'{{ lookup("env", "HOME") }} {# said by the way #}\'',
        "k: '{% raw %}{{ not ours }}{% endraw %}'",
    ],
)
def test_what_runs_is_accepted(source: str) -> None:
    check_template(load_yaml(text=source, file="f.yml")["k"])


def test_names_may_be_left_to_the_moment_of_use() -> None:
    check_template(load_yaml(text="k: '{{ a | nobody }}'", file="f.yml")["k"], names=False)


def test_braces_inside_a_text_of_an_expression_are_its_own() -> None:
    check_expression(load_yaml(text="k: a == '{{ b }}'", file="f.yml")["k"])


_PARTS = (
    "{{",
    "}}",
    " ",
    "a",
    "b_1",
    ".",
    "if",
    "not",
    "in",
    "is",
    "defined",
    "1",
    "{",
    "}",
    "%",
    "#",
    "é",
    "\n",
)


@given(st.lists(st.sampled_from(_PARTS), max_size=12).map("".join))
def test_what_is_not_parsed_would_have_been_accepted(text: str) -> None:
    if checking._SURELY_RIGHT.fullmatch(text):
        Environment(autoescape=True).parse(text)


@pytest.mark.parametrize(
    ("text", "surely"),
    [
        ("a {{ b }} c {{ d.e_1.f}}", True),
        ("{{ a is defined }}", True),
        ("{{ a is not defined }}", True),
        ("{{ not }}", False),
        ("{{ notable }}", True),
        ("{{ a b }}", False),
        ("{{ a", False),
        ("{{ a }} }", False),
        ("{{ a.1 }}", False),
        ("{{ a | b }}", False),
    ],
)
def test_only_names_need_no_parsing(text: str, *, surely: bool) -> None:
    assert bool(checking._SURELY_RIGHT.fullmatch(text)) is surely
