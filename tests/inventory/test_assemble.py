"""Precedence of inventory variables, as observed in ansible-core 2.19.14."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from raftfleet.inventory import load_inventory

if TYPE_CHECKING:
    from pathlib import Path

LOWEST_FIRST = [
    "first file: all",
    "second file: all",
    "first file: parent",
    "first file: child",
    "second file: child",
    "inventory group_vars/all",
    "playbook group_vars/all",
    "inventory group_vars/parent",
    "inventory group_vars/child",
    "second inventory group_vars/parent",
    "playbook group_vars/parent",
    "playbook group_vars/child",
    "first file: host",
    "inventory host_vars",
    "playbook host_vars",
]
PAIRS = list(itertools.combinations(LOWEST_FIRST, 2))


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every level sets one variable for each pair it belongs to."""
    root = tmp_path_factory.mktemp("precedence")
    sets = {
        level: {f"{low} < {high}": level for low, high in PAIRS if level in {low, high}}
        for level in LOWEST_FIRST
    }
    child = {"hosts": {"h": sets["first file: host"]}, "vars": sets["first file: child"]}
    parent = {"children": {"child": child}, "vars": sets["first file: parent"]}
    files = {
        "one/hosts.yml": {"all": {"vars": sets["first file: all"], "children": {"parent": parent}}},
        "two/hosts.yml": {
            "all": {
                "vars": sets["second file: all"],
                "children": {"child": {"vars": sets["second file: child"]}},
            }
        },
        "one/group_vars/all.yml": sets["inventory group_vars/all"],
        "one/group_vars/parent.yml": sets["inventory group_vars/parent"],
        "one/group_vars/child.yml": sets["inventory group_vars/child"],
        "one/host_vars/h.yml": sets["inventory host_vars"],
        "two/group_vars/parent.yml": sets["second inventory group_vars/parent"],
        "book/group_vars/all.yml": sets["playbook group_vars/all"],
        "book/group_vars/parent.yml": sets["playbook group_vars/parent"],
        "book/group_vars/child.yml": sets["playbook group_vars/child"],
        "book/host_vars/h.yml": sets["playbook host_vars"],
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
    inventory = load_inventory([root / "one/hosts.yml", root / "two"])
    return dict(inventory.beside(root / "book").hosts["h"].variables)


@pytest.mark.parametrize(("low", "high"), PAIRS, ids=str)
def test_the_higher_level_wins(variables: dict[str, str], low: str, high: str) -> None:
    assert variables[f"{low} < {high}"] == high


def test_a_playbook_dir_given_at_once_is_the_same_as_one_given_later(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("a: {hosts: {n: }}")
    (tmp_path / "book/group_vars").mkdir(parents=True)
    (tmp_path / "book/group_vars/a.yml").write_text("v: book")
    at_once = load_inventory([tmp_path / "hosts.yml"], playbook_dir=tmp_path / "book")
    later = load_inventory([tmp_path / "hosts.yml"])
    assert "v" not in later.hosts["n"].variables
    assert later.beside(tmp_path / "book").hosts["n"].variables == {"v": "book"}
    assert at_once.hosts["n"].variables == {"v": "book"}
    assert "v" not in at_once.beside(tmp_path).hosts["n"].variables


class TestHostsThatJoin:
    def test_they_get_what_their_groups_have_and_nobody_else_does(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.yml").write_text(
            "all: {vars: {a: 1}, children: {parent: {vars: {p: 1}, children: {child: {}}}}}\n"
        )
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "group_vars" / "child.yml").write_text("c: file\n")
        (tmp_path / "group_vars" / "above.yml").write_text("u: file\n")
        before = load_inventory([tmp_path / "hosts.yml"]).beside(tmp_path)
        after = before.with_host("new", ("child", "fresh"), ("above",), {"c": "said", "x": 2})
        assert after.hosts["new"].variables == {
            "a": 1,
            "p": 1,
            "c": "said",
            "u": "file",
            "x": 2,
        }
        assert after.hosts["new"].groups == ("above", "child", "fresh", "parent")
        assert after.groups["parent"].hosts == after.groups["all"].hosts == ("new",)
        assert not before.hosts
        assert "fresh" not in before.groups

    def test_a_run_leaves_nothing_behind_for_the_next_one(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.yml").write_text("all: {hosts: {n: {}}}\n")
        loaded = load_inventory([tmp_path / "hosts.yml"])
        loaded.beside(tmp_path).with_host("new", (), (), {})
        assert list(loaded.beside(tmp_path).hosts) == ["n"]

    def test_a_host_without_a_group_is_ungrouped_until_it_joins_one(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.yml").write_text("all: {hosts: {n: {}}}\n")
        once = load_inventory([tmp_path / "hosts.yml"]).beside(tmp_path)
        once = once.with_host("new", (), (), {})
        assert once.groups["ungrouped"].hosts == ("n", "new")
        twice = once.with_host("new", ("g",), (), {})
        assert twice.groups["ungrouped"].hosts == ("n",)
        assert twice.hosts["new"].groups == ("g",)
