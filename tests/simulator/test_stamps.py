"""A node stamps for a witness when it led and what it had applied, and nothing unless it is asked to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from raftfleet.simulator import stamps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    stamps._file.cache_clear()
    yield
    stamps._file.cache_clear()


def test_lines_say_when_what_and_how_far_and_only_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stamps"
    monkeypatch.setenv(stamps.VARIABLE, str(path))
    before = time.time_ns()
    group = stamps.Stamps("data_0")
    for led, applied in ((None, 3), (4, 3), (4, 5), (None, 5), (4, 5)):
        group.step_over(led, applied)
    group.stopped()
    lines = [line.split() for line in path.read_text().splitlines()]
    assert {group for _, _, group, _ in lines} == {"data_0"}
    told = [f"{what} {number}" for _, what, _, number in lines]
    assert told == ["applied 3", "leads 4", "applied 5", "leads 4", "stopped 5"]
    times = [int(line[0]) for line in lines]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time_ns()


def test_nothing_is_written_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(stamps.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    stamps.Stamps("data_0").step_over(4, 3)
    assert not list(tmp_path.iterdir())
