"""`raftfleet inventory`: every expectation was compared with ansible-inventory of 2.19.14."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from raftfleet.cli import run
from raftfleet.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = """
all:
  vars: {a: 1, t: "{{ x }}"}
  hosts: {lone: {}}
  children:
    zeta:
      vars: {ansible_group_priority: 1, size: 5.5, b: true, n: null, o: 0644, groups: mine}
      children:
        town:
          vars: {colour: red, ansible_group_priority: 5}
          hosts: {n10: {}, n2: {size: small}}
    again: {children: {town: }}
    empty:
"""
N10 = {"a": 1, "t": "{{ x }}", "size": 5.5, "b": True, "n": None, "o": 420, "colour": "red"}
CHILDREN = {
    "all": {"children": ["ungrouped", "zeta", "again", "empty"]},
    "zeta": {"children": ["town"]},
    "again": {"children": ["town"]},
}
TREE = """\
@all:
  |--@ungrouped:
  |  |--lone
  |--@zeta:
  |  |--@town:
  |  |  |--n10
  |  |  |--n2
  |--@again:
  |  |--@town:
  |  |  |--n10
  |  |  |--n2
  |--@empty:
"""
TOWN = """\
@town:
  |--n10
  |  |--{a = 1}
  |  |--{b = True}
  |  |--{colour = red}
  |  |--{n = None}
  |  |--{o = 420}
  |  |--{size = 5.5}
  |  |--{t = {{ x }}}
  |  |--{town = here}
  |--n2
  |  |--{a = 1}
  |  |--{b = True}
  |  |--{colour = red}
  |  |--{n = None}
  |  |--{o = 420}
  |  |--{size = small}
  |  |--{t = {{ x }}}
  |  |--{town = here}
  |--{ansible_group_priority = 5}
  |--{colour = red}
  |--{town = here}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text(HOSTS)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["inventory", "-i", "hosts.yml", *arguments]) == 0
    return capsys.readouterr().out


def test_a_list_is_what_a_program_that_is_an_inventory_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert json.loads(printed(capsys, "--list")) == {
        "_meta": {
            "hostvars": {
                "lone": {"a": 1, "t": "{{ x }}"},
                "n10": N10,
                "n2": {**N10, "size": "small"},
            },
            "profile": "inventory_legacy",
        },
        **CHILDREN,
        "town": {"hosts": ["n10", "n2"]},
        "ungrouped": {"hosts": ["lone"]},
    }


def test_a_list_for_export_leaves_variables_where_they_were_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = json.loads(printed(capsys, "--list", "--export"))
    assert shown["_meta"]["hostvars"] == {"n2": {"size": "small"}}
    assert shown["all"]["vars"] == {"a": 1, "t": "{{ x }}"}
    assert shown["town"]["vars"] == {"ansible_group_priority": 5, "colour": "red"}
    assert "vars" not in shown["again"]
    assert json.loads(printed(capsys, "--host", "n2", "--export")) == {"size": "small"}


def test_a_limit_leaves_these_hosts_and_the_names_of_all_groups(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = json.loads(printed(capsys, "--list", "-l", "n2", "-e", "x=5"))
    assert shown["_meta"]["hostvars"] == {"n2": {**N10, "size": "small", "x": "5"}}
    assert shown["town"] == {"hosts": ["n2"]}
    assert "ungrouped" not in shown
    assert run(["inventory", "-i", "hosts.yml", "--list", "-l", "n3"]) == ExitCode.USAGE


def test_yaml_is_an_inventory_file_that_says_everything_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert yaml.safe_load(printed(capsys, "--list", "--yaml")) == {
        "all": {
            "children": {
                "ungrouped": {"hosts": {"lone": {"a": 1, "t": "{{ x }}"}}},
                "zeta": {
                    "children": {"town": {"hosts": {"n10": N10, "n2": {**N10, "size": "small"}}}}
                },
                "again": {"children": {"town": {}}},
            }
        }
    }


def test_the_tree_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--graph") == TREE


def test_the_tree_below_a_group_with_variables_from_beside_the_playbook(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "book/group_vars").mkdir(parents=True)
    (project / "book/group_vars/town.yml").write_text("town: here\n")
    assert printed(capsys, "--graph", "town", "--vars", "--playbook-dir", "book") == TOWN


def test_the_variables_of_one_host_and_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, "--host", "n10")) == N10
    assert yaml.safe_load(printed(capsys, "--host", "n10", "-y")) == N10
    local = json.loads(printed(capsys, "--host", "localhost"))
    assert local == {"a": 1, "t": "{{ x }}", "ansible_connection": "local"}


def test_what_is_printed_may_go_into_a_file(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, "--graph", "--output", "tree") == ""
    assert (project / "tree").read_text() == TREE
    assert run(["inventory", "-i", "hosts.yml", "--graph", "--output", "no/tree"]) == ExitCode.USAGE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "n1"], "did you mean n10?"),
        (["--graph", "towm"], "did you mean town?"),
        ([], "say one of"),
        (["--list", "--graph"], "say one of"),
        (["--list", "--ask-vault-pass"], "vaults are not supported"),
        (["--list", "--toml"], "--yaml"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inventory", "-i", "hosts.yml", *arguments]) == ExitCode.USAGE
    assert message in capsys.readouterr().err


def test_a_terminal_gets_no_control_characters(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "hosts.yml").write_text('a: {hosts: {n: {v: "\\e[31m"}}}')
    assert "\x1b" not in printed(capsys, "--graph", "--vars")
