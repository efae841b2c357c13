"""The ways out for metrics, from the command line."""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import judge
from raftfleet.cli import run
from raftfleet.cli.exporting import Exporting, Exports
from raftfleet.errors import UsageError
from raftfleet.metrics import MetricsState
from raftfleet.testing.journal import Story
from tests.metrics.servers import fetch, promtool
from tests.simulator.processes import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.journal import Journal

PLAY = "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: hello}}]}\n"
STATE = ".raftfleet/metrics/raft.json"


def told() -> Journal:
    story = Story().running().drill("leader-moves").stop("n1").let(5).elect("n2", term=2).let(1)
    return story.end().journal()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one finished run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(told().encode())
    (tmp_path / "hosts.yml").write_text("all: {hosts: {n1: {ansible_connection: local}}}\n")
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "textfile").mkdir()
    return tmp_path


def passes(project: Path) -> float | None:
    return MetricsState(project / STATE).figures().value("raftfleet_drills", "raft", "told", "pass")


# --- at the end of a run ---------------------------------------------------------------------


def test_a_run_leaves_its_figures_in_its_folder_and_with_node_exporter(project: Path) -> None:
    journal, folder = told(), project / "runs" / "one"
    exports = Exports(Exporting(textfile_dir=project / "textfile"), project / ".raftfleet")
    exports.deliver(judge(journal), journal, folder)
    own = (folder / "raftfleet.prom").read_bytes()
    shared = (project / "textfile" / "raftfleet-raft.prom").read_bytes()
    for text in (own, shared):
        assert b"raftfleet_failover_seconds_bucket{" in text
        promtool("check", "metrics", stdin=text)
    assert b"raftfleet_build_info{" in own
    assert b"raftfleet_build_info{" not in shared
    assert (folder / "metrics.om").read_bytes().endswith(b"# EOF\n")
    assert passes(project) == 1


def test_what_fails_when_a_run_is_over_is_a_warning(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / STATE).parent.mkdir(parents=True)
    (project / STATE).write_text("not ours")
    journal, folder = told(), project / "runs" / "one"
    asked = Exporting(textfile_dir=project / "textfile", push_gateway="127.0.0.1:1")
    Exports(asked, project / ".raftfleet").deliver(judge(journal), journal, folder)
    said = capsys.readouterr().err
    assert said.startswith("warning: metrics:")
    assert "raft.json is damaged" in said
    assert (project / STATE).read_text() == "not ours"
    assert b"raftfleet_failover_seconds_bucket{" in (folder / "raftfleet.prom").read_bytes()
    assert list((project / "textfile").iterdir()) == []


def test_a_pushgateway_that_is_away_keeps_nothing_else_from_being_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal, folder = told(), project / "runs" / "one"
    asked = Exporting(textfile_dir=project / "textfile", push_gateway="127.0.0.1:1")
    Exports(asked, project / ".raftfleet").deliver(judge(journal), journal, folder)
    assert "the Pushgateway http://127.0.0.1:1 did not take it" in capsys.readouterr().err
    assert (project / "textfile" / "raftfleet-raft.prom").is_file()


def test_a_defect_in_the_figures_is_told_and_the_rest_is_written(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("figure")

    monkeypatch.setattr("raftfleet.metrics.state.run_figures", broken)
    journal, folder = told(), project / "runs" / "one"
    Exports(Exporting(), project / ".raftfleet").deliver(judge(journal), journal, folder)
    assert "warning: metrics: defect in raftfleet: KeyError" in capsys.readouterr().err
    assert (folder / "raftfleet.prom").is_file()


def test_a_run_without_a_cluster_counts_nowhere(project: Path) -> None:
    assert run(["play", "-i", "hosts.yml", "--runs", "kept", "play.yml"]) == 0
    text = (project / "kept" / "latest" / "raftfleet.prom").read_text()
    assert 'raftfleet_task_results_total{cluster="",status="ok"} 1.0' in text
    assert not (project / ".raftfleet" / "metrics").exists()


# --- what is refused before anything is done -------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--textfile-dir", "nowhere", "--textfile-dir nowhere is not a directory"),
        ("--textfile-dir", "hosts.yml", "--textfile-dir hosts.yml is not a directory"),
        ("--push-gateway", "ftp://h", "is no address"),
        ("--metrics-port", "70000", "is not in the range"),
    ],
)
def test_a_way_out_that_leads_nowhere_is_wrong_usage(
    project: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, says: str
) -> None:
    assert run(["play", "-i", "hosts.yml", "--runs", "kept", option, value, "play.yml"]) == 5
    assert says in capsys.readouterr().err
    assert not (project / "kept").exists()


def test_a_busy_port_is_refused_before_a_run_folder_is_made(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        words = ["play", "-i", "hosts.yml", "--runs", "kept", "--metrics-port", port, "play.yml"]
        assert run(words) == 5
    assert f"cannot serve metrics on 127.0.0.1:{port}" in capsys.readouterr().err
    assert not (project / "kept").exists()


def test_the_port_answers_while_the_run_lasts_and_not_longer(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_ports(1)
    url = f"http://127.0.0.1:{port}/metrics"
    (project / "scrape.py").write_text(
        "import urllib.request\n"
        f"open('scraped', 'wb').write(urllib.request.urlopen('{url}').read())\n"
    )
    (project / "play.yml").write_text(PLAY.replace("debug: {msg: hello}", "shell: '{{ scrape }}'"))
    scrape = f"scrape='cd {project}; {sys.executable} scrape.py'"
    words = ["play", "-i", "hosts.yml", "--metrics-port", str(port), "-e", scrape, "play.yml"]
    assert run(words) == 0
    assert f"metrics: {url}" in capsys.readouterr().err
    assert b"raftfleet_build_info{" in (project / "scraped").read_bytes()
    with pytest.raises(OSError, match="refused"):
        fetch(url)


def test_a_variable_of_the_environment_asks_as_well(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAFTFLEET_TEXTFILE_DIR", "nowhere")
    assert run(["play", "-i", "hosts.yml", "play.yml"]) == 5
    assert "--textfile-dir nowhere" in capsys.readouterr().err
    assert not (project / "runs" / "latest").exists()


# --- later -----------------------------------------------------------------------------------


def test_export_counts_a_run_once_and_hands_it_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(["export", "one", "--textfile-dir", "textfile"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            f"counted: {STATE}",
            "textfile/raftfleet-raft.prom",
        ]
    assert passes(project) == 1


def test_export_writes_the_seconds_of_a_run_and_counts_nothing(project: Path) -> None:
    assert run(["export", "one", "--openmetrics", "out.om"]) == 0
    promtool("tsdb", "create-blocks-from", "openmetrics", "out.om", "data")
    assert not (project / STATE).exists()


def test_export_tells_a_run_that_was_cut_short(project: Path) -> None:
    journal = project / "runs" / "one" / "journal.jsonl"
    journal.write_bytes(b"\n".join(journal.read_bytes().splitlines()[:-1]) + b"\n")
    assert run(["export", "one"]) == 0
    figures = MetricsState(project / STATE).figures()
    assert figures.value("raftfleet_runs", "raft", "cut_short") == 1


def test_export_says_what_it_needs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "one", "--delete"]) == 5
    assert "--delete wants the Pushgateway" in capsys.readouterr().err
    assert run(["export", "two"]) == 5
    assert "there is no run 'two'" in capsys.readouterr().err
    del project


def test_a_damaged_state_is_an_error_of_export(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "one"]) == 0
    kept = json.loads((project / STATE).read_text())
    (project / STATE).write_text(json.dumps({**kept, "version": 2}))
    assert run(["export", "one"]) == 5
    assert "is of format version 2; this raftfleet knows 1" in capsys.readouterr().err


def test_exports_may_be_closed_without_having_begun(project: Path) -> None:
    Exports(Exporting(metrics_port=0), project).close()
    with pytest.raises(UsageError):
        Exports(Exporting(push_gateway="http://"), project)
