"""What an inventory says of reaching hosts is looked at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.cli import run
from raftfleet.cli.checking import odd_variables
from raftfleet.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("ansible_become_pass", "sudo is never given a password"),
        ("ansible_become_flags", "`sudo -n`"),
        ("ansible_conection", "did you mean ansible_connection?"),
        ("ansible_hosts", "did you mean ansible_host?"),
        ("ansible_becom_user", "did you mean ansible_become_user?"),
    ],
)
def test_what_changes_nothing_is_warned_about(name: str, warning: str) -> None:
    (found,) = odd_variables({name: "x"})
    assert name in found
    assert warning in found


@pytest.mark.parametrize(
    "name",
    [
        "ansible_host",
        "ansible_become",
        "ansible_become_method",
        "ansible_hostname",
        "ansible_facts",
        "ansible_distribution",
        "conection",
    ],
)
def test_what_means_something_or_is_a_variable_of_ones_own_is_left_alone(name: str) -> None:
    assert list(odd_variables({name: "x"})) == []


def test_each_is_said_once_and_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text(
        "all:\n  vars:\n    ansible_conection: local\n  hosts: {n1: , n2: }\n"
    )
    (tmp_path / "play.yml").write_text("- {hosts: none, tasks: []}\n")
    assert run(["play", "-i", "hosts.yml", "--list-hosts", "play.yml"]) == 0
    said = capsys.readouterr().err
    assert said.count("ansible_connection") == 1
    assert "(hosts.yml:3:24)" in said


def test_another_method_than_sudo_is_refused_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text(
        "all:\n  vars: {ansible_become_method: su}\n  hosts: {n1: }\n"
    )
    (tmp_path / "play.yml").write_text("- {hosts: all, tasks: []}\n")
    assert run(["play", "-i", "hosts.yml", "play.yml"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "hosts.yml:2:33: n1: ansible_become_method: su is not supported" in said
