"""The recap counts a run's events."""

from __future__ import annotations

from typing import Any

import pytest

from raftfleet.journal.events import PlayEnded, TaskResult
from raftfleet.playbook import Recap


def result(status: str, **more: Any) -> TaskResult:
    return TaskResult(task=1, host="h", status=status, seconds=0.0, **more)


@pytest.mark.parametrize(
    ("event", "counted"),
    [
        (result("ok"), {"ok": 1}),
        (result("changed"), {"ok": 1, "changed": 1}),
        (result("failed"), {"failed": 1}),
        (result("failed", rescued=True), {"rescued": 1}),
        (result("failed", ignored=True), {"ok": 1, "ignored": 1}),
        (
            result("failed", ignored=True, result={"changed": True}),
            {"ok": 1, "ignored": 1, "changed": 1},
        ),
        (result("failed", result={"changed": True}), {"failed": 1}),
        (result("skipped"), {"skipped": 1}),
        (result("unreachable"), {"unreachable": 1}),
        (result("unreachable", ignored=True), {"ok": 1, "ignored": 1}),
        (result("changed", item="a"), None),
    ],
)
def test_a_result_counts_as(event: TaskResult, counted: dict[str, int] | None) -> None:
    plain = Recap.of([PlayEnded(play="p"), event]).plain()
    if counted is None:
        assert plain == {}
    else:
        assert {key: n for key, n in plain["h"].items() if n} == counted


def test_hosts_stand_in_the_order_in_which_they_were_heard_of() -> None:
    events = [TaskResult(task=1, host=name, status="ok", seconds=0.0) for name in "bab"]
    assert list(Recap.of(events).plain()) == ["b", "a"]
    assert Recap.of(events).plain()["b"]["ok"] == 2
