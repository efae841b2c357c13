"""`raftfleet play` from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from raftfleet.cli import run

if TYPE_CHECKING:
    from pathlib import Path

PLAY = "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: hello}}]}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text("all: {hosts: {n1: {ansible_connection: local}}}\n")
    (tmp_path / "play.yml").write_text(PLAY)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_events_for_programs_end_with_the_recap(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"run.started", "task.result", "run.ended"} <= {event["event"] for event in events}
    assert events[-1]["event"] == "recap"
    assert events[-1]["exit_code"] == 0
    assert events[-1]["hosts"]["n1"]["ok"] == 1


def test_a_run_without_a_cluster_leaves_nothing_unless_told(project: Path) -> None:
    before = set(project.iterdir())
    assert run(["play", "-i", "hosts.yml", "play.yml"]) == 0
    assert set(project.iterdir()) == before
    assert run(["play", "-i", "hosts.yml", "--runs", "kept", "play.yml"]) == 0
    assert (project / "kept" / "latest" / "journal.jsonl").is_file()


def test_a_run_with_a_cluster_leaves_its_folder(project: Path) -> None:
    text = (project / "hosts.yml").read_text().replace("{all: ", "").replace("all:", "raft:")
    (project / "hosts.yml").write_text(text)
    run(["play", "-i", "hosts.yml", "play.yml"])
    assert (project / "runs" / "latest" / "journal.jsonl").is_file()
