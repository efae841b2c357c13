"""`k=v` arguments are written anew as the mapping that is wanted."""

from __future__ import annotations

import pytest
import yaml

from raftfleet.playbook.syntax.key_value import as_mapping


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("msg=hello", {"msg": "hello"}),
        ("path=/a/b state=absent", {"path": "/a/b", "state": "absent"}),
        ("src=a dest={{ b }}/c mode=0644", {"src": "a", "dest": "{{ b }}/c", "mode": "0644"}),
        ("mode=644 src=a", {"mode": "644", "src": "a"}),
        ("port=80 up=yes", {"port": 80, "up": True}),
        ("msg='it is {{ x }}' a=\"b c\"", {"msg": "it is {{ x }}", "a": "b c"}),
        ("msg=\"{{ x | default('a b') }}\"", {"msg": "{{ x | default('a b') }}"}),
        ("a=b:c d='#e' f=", {"a": "b:c", "d": "#e", "f": ""}),
        ("  a=b\n  c=d\n", {"a": "b", "c": "d"}),
        ("a=007", {"a": "007"}),
    ],
)
def test_the_new_line_says_the_same(text: str, wanted: dict[str, object]) -> None:
    assert yaml.safe_load(as_mapping("m", text)) == {"m": wanted}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a=b and more", "m: {a: ...}"),
        ("a='b", "m: {a: ...}"),
        ("{{ x }}=b", 'm: {"{{ x }}": ...}'),
        ("words", "m: {name: ...}"),
    ],
)
def test_what_is_no_row_of_pairs_is_left_open(text: str, line: str) -> None:
    assert as_mapping("m", text) == line
