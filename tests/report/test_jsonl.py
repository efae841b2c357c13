from __future__ import annotations

import io
import json

from raftfleet.errors import ExitCode
from raftfleet.journal.events import RunError, TaskResult
from raftfleet.report import JsonLines


def test_each_event_is_a_line_and_the_recap_is_the_last() -> None:
    file = io.StringIO()
    lines = JsonLines(file)
    lines(TaskResult(task=1, host="n1", status="changed", seconds=0.1, result={"msg": "é\udc80"}))
    lines(TaskResult(task=2, host="n1", status="failed", seconds=0.1, result={}))
    lines.finish(ExitCode.TASK_FAILED)
    first, _, last = map(json.loads, file.getvalue().splitlines())
    assert first["event"] == "task.result"
    assert first["result"] == {"msg": "é\\udc80"}
    assert last["exit_code"] == 2
    counters = last["hosts"]["n1"]
    assert counters["ok"] == counters["changed"] == counters["failed"] == 1


def test_the_recap_comes_once() -> None:
    file = io.StringIO()
    lines = JsonLines(file)
    lines.finish(ExitCode.USAGE)
    lines.finish(ExitCode.PASSED)
    assert json.loads(file.getvalue()) == {"event": "recap", "hosts": {}, "exit_code": 5}


def test_an_error_that_the_run_has_told_is_not_told_again() -> None:
    file = io.StringIO()
    lines = JsonLines(file)
    lines(RunError(message="no", exit_code=5))
    lines.error(RunError(message="no", exit_code=5))
    lines.error(RunError(message="another", exit_code=5))
    assert [json.loads(line)["message"] for line in file.getvalue().splitlines()] == [
        "no",
        "another",
    ]


def test_a_reader_that_went_away_breaks_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(text)

    lines = JsonLines(Gone())
    lines(TaskResult(task=1, host="n1", status="ok", seconds=0.1, result={}))
    lines.finish(ExitCode.PASSED)
