"""The command line: help is cheap, words are checked, errors are one screen."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from raftfleet import cli
from raftfleet.cli import COMMANDS, run

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"fabric", "paramiko", "requests", "prometheus_client", "rich", "jinja2"}


def test_help_names_every_command_and_says_what_stays_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert "stays down" in out
    assert "raftfleet heal" in out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from raftfleet.cli import run; run(['--help']);"
        "print(sorted(m.split('.')[0] for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(eval(done.stdout.splitlines()[-1]))
    assert "click" in loaded
    assert not HEAVY & loaded


def test_a_play_without_a_cluster_imports_nothing_of_drills(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {n1: {ansible_connection: local}}}\n")
    (tmp_path / "play.yml").write_text(
        "- {hosts: all, gather_facts: false, tasks: [{command: 'true'}]}\n"
    )
    code = (
        "import sys; from raftfleet.cli import run;"
        "assert run(['play', '-i', 'hosts.yml', 'play.yml']) == 0; print(sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(eval(done.stdout.splitlines()[-1]))
    assert "raftfleet.modules.command" in loaded
    unused = {
        f"raftfleet.{room}" for room in ("checks", "cluster", "metrics", "sandbox", "systems")
    }
    unused |= {
        "raftfleet.drill.declaration",
        "raftfleet.modules.uri",
        "raftfleet.modules.raft_kill",
    }
    assert not (unused | HEAVY - {"jinja2"}) & loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert "Usage: raftfleet" in capsys.readouterr().out


def test_a_misspelt_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drll"]) == 5
    assert "Did you mean drill?" in capsys.readouterr().err


def test_a_misspelt_drill_names_the_nearest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {n1: {}}}\n")
    assert run(["drill", "a-remov", "-i", str(inventory), "--runs", str(tmp_path / "r")]) == 5
    assert "did you mean a-remove?" in capsys.readouterr().err


def test_a_defect_is_owned_and_has_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(cli.root, "main", broken)
    assert run(["demo"]) == 250
    err = capsys.readouterr().err
    assert "defect in raftfleet: ZeroDivisionError: planted" in err
    assert "Traceback" not in err
