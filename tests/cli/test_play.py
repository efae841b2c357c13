"""`raftfleet play` from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

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


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Everything on standard output, which must be JSON, a line at a time."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["play.yml", "-i", "nowhere.yml"], 5, "nowhere.yml"),
        (["play.yml", "-i", "hosts.yml", "--limit", "nobody"], 5, "nobody"),
        (["play.yml", "-i", "hosts.yml", "--nonsense"], 5, "--nonsense"),
        (["bad.yml", "-i", "hosts.yml"], 5, "hosst"),
        (["bad.yml", "-i", "hosts.yml", "--syntax-check"], 5, "hosst"),
        (["--output", "jsonl"], 5, "PLAYBOOK"),
    ],
)
def test_a_run_that_never_began_ends_with_its_error_and_an_empty_recap(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    (project / "bad.yml").write_text("- hosst: all\n")
    assert run(["play", *words, "--output=jsonl"]) == code
    *_, last = events = lines(capsys)
    assert last == {"event": "recap", "hosts": {}, "exit_code": code}
    (error,) = (event for event in events if event["event"] == "run.error")
    assert error["exit_code"] == code
    assert message in error["message"]
    if "bad.yml" in words:
        assert error["where"] == "bad.yml:1:3"


@pytest.mark.usefixtures("project")
def test_what_is_no_event_stays_off_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "-i", "hosts.yml", "--output", "jsonl", "--syntax-check", "play.yml"]) == 0
    assert lines(capsys) == [{"event": "recap", "hosts": {}, "exit_code": 0}]


@pytest.mark.usefixtures("project")
def test_a_task_that_fails_is_in_the_recap(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "play.yml").write_text(PLAY.replace("debug", "fail"))
    assert run(["play", "-i", "hosts.yml", "--output", "jsonl", "play.yml"]) == 2
    last = lines(capsys)[-1]
    assert (last["exit_code"], last["hosts"]["n1"]["failed"]) == (2, 1)


def test_the_outcome_for_ci_is_written_whatever_happens(project: Path) -> None:
    def cases(*words: str) -> list[str]:
        run(["play", *words, "--junit", "out/junit.xml"])
        root = ET.parse(project / "out" / "junit.xml").getroot()
        return [child.tag for case in root.iter("testcase") for child in [*case, case][:1]]

    assert cases("play.yml", "-i", "hosts.yml") == ["testcase"]
    assert cases("play.yml", "-i", "nowhere.yml") == ["error"]
    assert cases("play.yml", "-i", "hosts.yml", "-l", "nobody") == ["error"]


def test_a_file_for_ci_that_cannot_be_written_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "file").write_text("")
    assert run(["play", "play.yml", "-i", "hosts.yml", "--junit", "file/junit.xml"]) == 5
    assert "--junit: cannot write file/junit.xml" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_colours_can_be_forced_and_forbidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    for asked, coloured in (("always", True), ("never", False), ("auto", False)):
        run(["play", "play.yml", "-i", "hosts.yml", "--color", asked])
        assert ("\x1b[32mok: [n1]" in capsys.readouterr().out) is coloured


@pytest.mark.usefixtures("project")
def test_a_run_is_told_again_as_it_was(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["play", "play.yml", "-i", "hosts.yml", "--runs", "runs", "--junit", "then.xml"])
    then = capsys.readouterr().out
    assert run(["report", "--junit", "now.xml"]) == 0
    assert capsys.readouterr().out.rpartition("run folder")[0] == then.rpartition("run folder")[0]
    assert (project / "now.xml").read_text() == (project / "then.xml").read_text()
    assert run(["report", "--output", "jsonl"]) == 0
    events = lines(capsys)
    assert events[0]["event"] == "run.started"
    assert events[-1]["hosts"]["n1"]["ok"] == 1


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
