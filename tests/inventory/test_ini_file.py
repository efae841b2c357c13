"""The simple INI form; values were compared with ansible-core 2.19.14."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError
from raftfleet.inventory import load_inventory, mark_of
from raftfleet.inventory.ini_file import looks_like_ini

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.inventory import Inventory

SAMPLE = """\
; a comment
a1 ansible_host=192.0.2.4 x=True y="a b" z=[1,2] # c
b[01:03] k='{"a": 1}'
[web]
w1:2200 p=0644 q='"5"'
a1
[data:children]
pg
[pg]
d[a:c]
[web:vars]
v=FALSE
s=hello world # part of the text
t = "quoted"
u={{ x }}
n=5
[all:vars]
al=1
"""


def load(tmp_path: Path, text: str, name: str = "hosts.ini") -> Inventory:
    (tmp_path / name).write_text(text)
    return load_inventory([tmp_path / name])


def test_sections_and_values(tmp_path: Path) -> None:
    inventory = load(tmp_path, SAMPLE)
    shown = {name: dict(host.variables) for name, host in inventory.hosts.items()}
    web = {
        "v": "FALSE",
        "s": "hello world # part of the text",
        "t": "quoted",
        "u": "{{ x }}",
        "n": 5,
        "al": 1,
    }
    host = {"ansible_host": "192.0.2.4", "x": True, "y": "a b", "z": [1, 2]}
    assert shown == {
        "a1": {**web, **host},
        **{f"b0{n}": {"al": 1, "k": {"a": 1}} for n in (1, 2, 3)},
        "w1": {**web, "ansible_port": 2200, "p": "0644", "q": "5"},
        **{f"d{letter}": {"al": 1} for letter in "abc"},
    }
    assert inventory.groups["data"].hosts == ("da", "db", "dc")
    assert inventory.groups["ungrouped"].hosts == ("b01", "b02", "b03")
    mark = mark_of(inventory.hosts["a1"].variables["ansible_host"])
    assert mark is not None
    assert mark.line == 2


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[web]\nw1 x\n", 2, "expected key=value", None),
        ("[web:vars]\nnothing\n[web]\n", 2, "expected key=value", None),
        ("[web:var]\nx=1\n", 1, "kind 'var'", "[web:vars]"),
        ("[a:children]\nwep\n[web]\nn1\n", 2, "'wep' is declared nowhere", "'web'"),
        ("[web:vars]\nx=1\n", 1, "'web' is declared nowhere", "declare it"),
        ("[we b]\nn1\n", 1, "is no section", "without blanks"),
        ("[web\nn1\n", 1, "is no section", "without blanks"),
        ("[web]\nn1 x = 1\n", 2, "expected key=value, not 'x'", "no blanks around"),
        ("[web]\nn1 n2\n", 2, "expected key=value, not 'n2'", "line of its own"),
        ("[web:vars]\nn1\n[web]\n", 2, "expected key=value", "hosts stand below [web]"),
        ("[web]\nn[1:3\n", 2, "no counterpart", None),
        ("\x7fELF\n", 1, "is no host name", None),
        ('[web]\nn1 x="open\n', 2, "cannot be read", None),
        ("[web]\nn[3:1]\n", 2, "ends before it begins", None),
        ("[a:children]\nb\n[b:children]\na\n", 4, "contain itself", None),
    ],
)
def test_a_line_that_means_nothing_is_refused_with_its_place(
    tmp_path: Path, text: str, line: int, message: str, hint: str | None
) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, text)
    assert caught.value.mark is not None
    assert caught.value.mark.line == line
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "ini"),
    [
        ("[web]\nn1\n", True),
        ("n1\nn2\n", True),
        ("n1 ansible_host=192.0.2.1\n", True),
        ("# c\nall:\n  hosts:\n    n[1:3]:\n", False),
        ("---\nall:\n", False),
        ('{"all": {}}', False),
        ("", True),
        ("# nobody\n", True),
    ],
)
def test_a_file_without_a_telling_name_is_read_as_what_it_looks_like(text: str, ini: bool) -> None:
    assert looks_like_ini(text) is ini


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("[web]\nn1\n", ["n1"]),
        ("n1 ansible_host=192.0.2.1\n", ["n1"]),
        ("all:\n  vars: {a: b c=d}\n  hosts:\n    n1:\n", ["n1"]),
    ],
)
def test_ini_in_a_file_called_yaml_is_read_as_what_it_is(
    tmp_path: Path, text: str, hosts: list[str]
) -> None:
    assert list(load(tmp_path, text, "hosts.yml").hosts) == hosts


def test_the_caret_stands_under_the_word_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, "[web]\n  n1 x=1 wrong\n")
    assert caught.value.mark is not None
    assert caught.value.mark.column == 10


def test_an_empty_file_holds_nobody(tmp_path: Path) -> None:
    inventory = load(tmp_path, "# nobody yet\n", "hosts")
    assert not inventory.hosts
    assert any("names no host" in warning for warning in inventory.warnings)


def test_a_file_without_a_suffix_may_be_either(tmp_path: Path) -> None:
    assert list(load(tmp_path, "n1\nn2\n", "hosts").hosts) == ["n1", "n2"]
    assert list(load(tmp_path, "all:\n  hosts:\n    n3:\n", "hosts").hosts) == ["n3"]
