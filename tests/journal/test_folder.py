"""Run folders have names that sort by time, and `latest` always points to a whole one."""

from __future__ import annotations

import json
import re
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import JournalError
from raftfleet.journal import find_run, list_runs, make_run_folder, write_file, write_summary

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_named_by_utc_time_what_and_a_short_id(tmp_path: Path) -> None:
    folder = make_run_folder(tmp_path / "runs", "a-remove", FakeClock(wall=0.0))
    assert re.fullmatch(r"19700101T000000Z-a-remove-[0-9a-f]{4}", folder.name)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (tmp_path / "runs" / "latest").resolve() == folder.resolve()


@pytest.mark.parametrize(
    ("what", "slug"),
    [("../../etc", "etc"), ("a b/c", "a-b-c"), ("", "run"), ("...", "run"), ("x" * 99, "x" * 60)],
)
def test_odd_names_stay_inside(tmp_path: Path, what: str, slug: str) -> None:
    folder = make_run_folder(tmp_path, what, FakeClock())
    assert folder.parent == tmp_path
    assert folder.name.split("-", 1)[1].rsplit("-", 1)[0] == slug


def test_many_runs_at_one_moment_get_folders_of_their_own(tmp_path: Path) -> None:
    clock = FakeClock()
    threads = [
        threading.Thread(target=make_run_folder, args=(tmp_path, "x", clock)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = list_runs(tmp_path)
    assert len(runs) == 20
    assert (tmp_path / "latest").resolve() in [run.resolve() for run in runs]
    assert not list(tmp_path.glob(".latest*"))


def test_a_run_is_found_by_path_name_and_latest(tmp_path: Path) -> None:
    folder = make_run_folder(tmp_path, "a-remove", FakeClock())
    for name in (folder, folder.name, "latest", tmp_path / "latest"):
        assert find_run(name, tmp_path).resolve() == folder.resolve()


def test_a_run_that_is_not_there_is_said_with_the_nearest(tmp_path: Path) -> None:
    folder = make_run_folder(tmp_path, "a-remove", FakeClock())
    with pytest.raises(JournalError, match="there is no run") as caught:
        find_run(folder.name[:-1], tmp_path)
    assert folder.name in (caught.value.hint or "")


def test_where_no_folder_can_be_made_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(JournalError, match="cannot make a run folder"):
        make_run_folder(tmp_path / "runs", "x", FakeClock())


def test_the_summary_is_written_in_one_step(tmp_path: Path) -> None:
    path = write_summary(tmp_path, {"verdict": "pass", "lo": None})
    assert json.loads(path.read_text()) == {"verdict": "pass", "lo": None}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_summary(tmp_path, {"verdict": "fail"})
    assert json.loads(path.read_text()) == {"verdict": "fail"}
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot write"):
        write_file(tmp_path / "nowhere" / "x", b"x")
    (tmp_path / "taken").mkdir()
    with pytest.raises(JournalError, match="cannot write"):
        write_file(tmp_path / "taken", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]
