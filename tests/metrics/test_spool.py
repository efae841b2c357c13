"""Whatever is held and whatever was put down, each series comes back in one piece and in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import judge
from raftfleet.errors import JournalError
from raftfleet.metrics import Histogram, backfill
from raftfleet.metrics.backfill import write_openmetrics
from raftfleet.metrics.spool import Spool
from tests.metrics.test_backfill import failed_over

if TYPE_CHECKING:
    from pathlib import Path

TERM = "raftfleet_raft_term"
HEARD = "raftfleet_failover_seconds"
RUNS = "raftfleet_runs"


def spooled(folder: Path, most: int) -> Spool:
    """Three series of two metrics, told second by second; one is forgotten."""
    spool = Spool(folder, most)
    for second in range(100):
        for node in ("n1", "n2", "gone"):
            spool.add(TERM, ("raft", "g", node), second, 1000 + second)
        observed = Histogram(counts={float("inf"): second}, total=second)
        spool.add(HEARD, ("raft", "d", "g", "stop"), observed, 1000 + second)
    spool.drop(TERM, ("raft", "g", "gone"))
    return spool


@pytest.mark.parametrize("most", [1, 7, 250, 10_000_000])
def test_a_series_is_in_one_piece_and_in_the_order_of_time(tmp_path: Path, most: int) -> None:
    with spooled(tmp_path, most) as spool:
        lines = b"".join(spool.family(TERM)).decode().splitlines()
        assert spool.names == {TERM, HEARD}
        assert list(spool.family(RUNS)) == []
    assert [line.split()[1] for line in lines[:2]] == ["HELP", "TYPE"]
    assert not any(line.startswith("#") for line in lines[2:])
    nodes = [re.findall(r'node="(\w+)"', line)[0] for line in lines[2:]]
    assert nodes == ["n1"] * 100 + ["n2"] * 100
    values = [line.split("} ")[1] for line in lines[2:]]
    assert values == 2 * [f"{second}.0 {1000 + second}.0" for second in range(100)]


def test_how_much_is_held_does_not_show(tmp_path: Path) -> None:
    texts = set()
    for most in (1, 33, 10_000_000):
        with spooled(tmp_path, most) as spool:
            texts.add(b"".join([*spool.family(TERM), *spool.family(HEARD)]))
    assert len(texts) == 1


def test_no_more_is_held_than_said(tmp_path: Path) -> None:
    with spooled(tmp_path, 50) as spool:
        kept = [one.held for series in spool._series.values() for one in series.values()]
    assert sum(map(len, kept)) < 50


def test_a_run_that_does_not_fit_is_written_like_one_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = failed_over()
    judgement = judge(journal)
    at_once = write_openmetrics(judgement, journal, tmp_path / "at-once.om").read_bytes()
    monkeypatch.setattr(backfill, "Spool", lambda folder: Spool(folder, 5))
    assert write_openmetrics(judgement, journal, tmp_path / "bits.om").read_bytes() == at_once
    assert {path.name for path in tmp_path.iterdir()} == {"at-once.om", "bits.om"}


def test_a_folder_that_is_not_there_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    journal = failed_over()
    with pytest.raises(JournalError, match=r"cannot write .*metrics\.om"):
        write_openmetrics(judge(journal), journal, tmp_path / "none" / "metrics.om")


def test_a_defect_on_the_way_leaves_no_part_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(backfill, "_results", broken)
    journal = failed_over()
    with pytest.raises(ZeroDivisionError):
        write_openmetrics(judge(journal), journal, tmp_path / "metrics.om")
    assert list(tmp_path.iterdir()) == []
