"""The project fixture: real files, real commands, and stand-ins for hosts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from raftfleet.errors import UnreachableError
from raftfleet.testing.project import FleetProject
from raftfleet.transport.protocol import Exited

Make = Callable[[Mapping[str, object]], FleetProject]
LOCAL = {"all": {"hosts": {"n1": {"ansible_connection": "local"}}}}
PLAY = """
    - hosts: all
      gather_facts: false
      tasks:
        - name: Ask
          command: uptime
          register: asked
        - name: Loop
          debug: {msg: "{{ item }}"}
          loop: [1, 2]
"""
REPOSITORY = Path(__file__).parents[2]


def test_a_run_is_told_in_every_form(fleet_project: Make) -> None:
    project = fleet_project({"hosts.yml": LOCAL, "play.yml": PLAY})
    ran = project.run("play", "play.yml").check()
    assert (ran.recap["n1"]["ok"], ran.recap["n1"]["changed"]) == (2, 1)
    assert "TASK [Ask]" in ran.out
    assert ran.err == ""
    assert ran.folder is not None
    assert ran.folder.parent == project.folder / "runs"
    assert "load" in ran.results("Ask")[0].result["stdout"]
    assert len(ran.results()) == len(ran.results(host="n1")) == 2
    assert ran.results(host="n2") == []


def test_lines_of_json_are_read(fleet_project: Make) -> None:
    project = fleet_project({"inventory/hosts.yml": LOCAL, "play.yml": PLAY})
    assert project.run("play", "play.yml", "--output", "jsonl").lines[-1]["exit_code"] == 0


def test_a_wrong_exit_code_fails_with_what_was_said(fleet_project: Make) -> None:
    ran = fleet_project({"hosts.yml": LOCAL}).run("play", "nowhere.yml")
    assert ran.code == 5
    with pytest.raises(AssertionError, match=r"(?s)play nowhere.yml.*5, not 0.*nowhere"):
        ran.check()


def test_files_of_all_kinds(fleet_project: Make) -> None:
    project = fleet_project({"a/b.yml": {"x": [1]}, "c": b"\x00", "d": "\n    one\n      two\n"})
    assert (project.folder / "a/b.yml").read_text() == "x:\n- 1\n"
    assert (project.folder / "c").read_bytes() == b"\x00"
    assert (project.folder / "d").read_text() == "one\n  two\n"
    assert fleet_project({}).folder != project.folder


def test_what_is_named_is_not_named_again(fleet_project: Make) -> None:
    project = fleet_project({"hosts.yml": "[", "other.yml": LOCAL, "play.yml": PLAY})
    ran = project.run("play", "play.yml", "-i", "other.yml", "--runs=kept").check()
    assert ran.folder is None
    assert (project.folder / "kept" / "latest").exists()


def test_a_command_that_does_not_act_gets_nothing_added(fleet_project: Make) -> None:
    assert fleet_project({"hosts.yml": LOCAL}).run("--version").check().argv == ("--version",)


def test_stand_ins_are_asked_and_other_hosts_are_real(fleet_project: Make) -> None:
    hosts: dict[str, Any] = {"far": {}, "n1": {"ansible_connection": "local"}}
    project = fleet_project({"hosts.yml": {"all": {"hosts": hosts}}, "play.yml": PLAY})
    far = project.fake("far")
    far.on("*uptime*", Exited(status=0, stdout=b"for ever\n"))
    ran = project.run("play", "play.yml").check()
    assert ran.results("Ask", "far")[0].result["stdout"] == "for ever"
    assert "load" in ran.results("Ask", "n1")[0].result["stdout"]
    assert project.fake("far") is far
    assert any("uptime" in line for line in far.lines())


def test_a_stand_in_can_be_out_of_reach(fleet_project: Make) -> None:
    project = fleet_project({"hosts.yml": "all: {hosts: {far: {}}}", "play.yml": PLAY})
    project.fake("far").refuse(UnreachableError("no route to far"))
    ran = project.run("play", "play.yml").check(4)
    assert ran.recap["far"]["unreachable"] == 1


def test_the_environment_is_as_asked_and_as_before(
    fleet_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GREETING", raising=False)
    play = "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: \"{{ lookup('env', 'GREETING') }}\"}}]}"
    project = fleet_project({"hosts.yml": LOCAL, "play.yml": play})
    here = Path.cwd()
    assert '"msg": "hi"' in project.run("play", "play.yml", env={"GREETING": "hi"}).out
    assert '"msg": ""' in project.run("play", "play.yml").out
    assert Path.cwd() == here


def test_raftfleet_itself_never_imports_pytest() -> None:
    code = (
        "import sys, pkgutil, importlib, raftfleet\n"
        "from raftfleet.cli import COMMANDS\n"
        "for module, _ in COMMANDS.values(): importlib.import_module(f'raftfleet.cli.{module}')\n"
        "import raftfleet.testing.project, raftfleet.cli.session\n"
        "sys.exit('pytest' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_the_examples_of_the_page_pass(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "testing.md").read_text()
    blocks = [part.partition("```")[0] for part in page.split("```python\n")[1:]]
    assert len(blocks) == 2
    (tmp_path / "test_page.py").write_text("\n".join(blocks))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_page.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
