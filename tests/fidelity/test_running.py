"""What differs once is done again; what differs twice counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import running
from .rows import Row, equal

if TYPE_CHECKING:
    from pathlib import Path

ODD, FINE = equal("raft/odd", 1, 2), equal("raft/fine", 1, 1)


@pytest.mark.parametrize(
    ("second", "passes", "unexpected"),
    [
        ([equal("raft/odd", 1, 1), FINE], True, []),
        ([ODD, FINE], False, [ODD]),
        ([equal("raft/odd", 1, 1), equal("raft/fine", 1, 2)], True, []),
    ],
    ids=["only the first time", "both times", "something else each time"],
)
def test_only_what_differs_twice_counts(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    second: list[Row],
    passes: bool,
    unexpected: list[Row],
) -> None:
    done: list[list[str]] = []
    answers = [{"s": [ODD, FINE], "t": [FINE]}, {"s": [*second, equal("raft/more", 1, 1)]}]
    monkeypatch.setattr(running, "record_all", lambda names, *_: done.append(list(names)))
    monkeypatch.setattr(running, "compared", lambda *_: answers[len(done) - 1])
    monkeypatch.setattr(running, "scenarios", lambda: ["s", "t", "u"])
    judgement = running.measured(["s", "t"], tmp_path, 1, lambda _: None)
    assert done == [["s", "t"], ["s"]]
    assert judgement.passes is passes
    assert judgement.unexpected["s"] == unexpected
    assert any("done twice" in line and "s" in line for line in judgement.lines())
