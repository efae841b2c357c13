from __future__ import annotations

import io
import json

from raftfleet.errors import ExitCode
from raftfleet.journal.events import TaskResult
from raftfleet.report import JsonLines


def test_each_event_is_a_line_and_the_recap_is_the_last() -> None:
    file = io.StringIO()
    with JsonLines(file) as lines:
        lines(
            TaskResult(task=1, host="n1", status="changed", seconds=0.1, result={"msg": "é\udc80"})
        )
        lines(TaskResult(task=2, host="n1", status="failed", seconds=0.1, result={}))
        lines.exit_code = ExitCode.TASK_FAILED
    first, _, last = map(json.loads, file.getvalue().splitlines())
    assert first["event"] == "task.result"
    assert first["result"] == {"msg": "é\\udc80"}
    assert last["exit_code"] == 2
    counters = last["hosts"]["n1"]
    assert counters["ok"] == counters["changed"] == counters["failed"] == 1


def test_a_run_that_broke_off_has_no_recap() -> None:
    file = io.StringIO()
    with JsonLines(file) as lines:
        lines(TaskResult(task=1, host="n1", status="ok", seconds=0.1, result={}))
    assert "recap" not in file.getvalue()


def test_a_reader_that_went_away_breaks_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(text)

    with JsonLines(Gone()) as lines:
        lines(TaskResult(task=1, host="n1", status="ok", seconds=0.1, result={}))
        lines.exit_code = ExitCode.PASSED
