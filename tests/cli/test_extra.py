"""`-e`: values were compared with ansible-core 2.19.14."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.cli.extra import extra_variables
from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("a=1", {"a": "1"}),
        ('a=1 b="x y"', {"a": "1", "b": "x y"}),
        ("a='x y'\tb=2", {"a": "x y", "b": "2"}),
        ("a=1\nb=2\n", {"a": "1", "b": "2"}),
        ("a=x=y", {"a": "x=y"}),
        ("a= b=1", {"a": "", "b": "1"}),
        (r"a=x\ny", {"a": "x\ny"}),
        (r'a="x\ny"', {"a": "x\ny"}),
        (r"a=C:\dir", {"a": r"C:\dir"}),
        (r"a=\\x", {"a": r"\x"}),
        ('a="x"y', {"a": '"x"y'}),
        ("a=x#y", {"a": "x#y"}),
        ("a='{\"k\": 1}'", {"a": '{"k": 1}'}),
        ("a={{ 1 + 1 }} b={{ x }}-{{ y }}", {"a": "{{ 1 + 1 }}", "b": "{{ x }}-{{ y }}"}),
        ("a={% if x %}y{% endif %}", {"a": "{% if x %}y{% endif %}"}),
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        ("{a: 1, b: yes}", {"a": 1, "b": True}),
        ("", {}),
    ],
)
def test_forms(text: str, variables: dict[str, Any]) -> None:
    assert extra_variables([text]) == variables


def test_files_and_that_the_last_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: 5\nb: 1\n")
    (tmp_path / "b.json").write_text('{"b": true}')
    files = [f"@{tmp_path}/a.yml", f"@{tmp_path}/b.json"]
    assert extra_variables([*files, "c=1"]) == {"a": 5, "b": True, "c": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "wants name=value"),
        ("x-y=1", "wants name=value"),
        ("a = 1", "wants name=value"),
        ('a="x', "never closed"),
        ("a=it's", "never closed"),
        ("[1]", "wants a mapping"),
        ("@nowhere.yml", "there is no file"),
    ],
)
def test_what_is_no_variable_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        extra_variables([text])
