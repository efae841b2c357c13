"""`raftfleet import` makes a run folder that stands on its own, or says what is wrong."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING

from raftfleet.cli import run
from tests.systems.robustmq.made import make_recording

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_folder_is_judged_without_its_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, runs = make_recording(tmp_path / "recording"), tmp_path / "runs"
    assert run(["import", str(recording), "--runs", str(runs)]) == 0
    folder = capsys.readouterr().out.strip()
    shutil.rmtree(recording)
    assert run(["analyze", folder, "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["verdict"] == "pass"
    assert run(["analyze", "latest", "--runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    assert "DRILL [made]" in shown
    assert "stop, from its exit" in shown
    assert "writes through" in shown
    assert f"imported from: {recording}" in shown
    assert "of which raftfleet's own" not in shown


def test_the_run_folder_is_its_owners_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["import", str(make_recording(tmp_path / "r")), "--runs", str(tmp_path / "runs")])
    folder = tmp_path / "runs" / capsys.readouterr().out.strip().rpartition("/")[2]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_wrong_folder_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = make_recording(tmp_path / "damaged")
    (damaged / "drill.json").write_text("{")
    for folder, words in (
        (tmp_path, "no recording"),
        (damaged, "drill.json:1:1: this is no declaration"),
    ):
        assert run(["import", str(folder), "--runs", str(tmp_path / "runs")]) == 5
        assert words in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_secrets_of_the_logs_stay_out_of_the_journal(tmp_path: Path) -> None:
    recording = make_recording(tmp_path / "recording")

    log = recording / "logs" / "n2.server.log.gz"
    text = gzip.decompress(log.read_bytes()).decode()
    stamp = text.splitlines()[-1].split("  INFO")[0].split(" INFO")[0]
    text += f'{stamp} ERROR some::target: jwt_secret = "do-not-tell"\n'
    log.write_bytes(gzip.compress(text.encode()))
    run(["import", str(recording), "--runs", str(tmp_path / "runs")])
    (journal,) = (tmp_path / "runs").glob("2*/journal.jsonl")
    assert "some::target" in journal.read_text()
    assert "do-not-tell" not in journal.read_text()
