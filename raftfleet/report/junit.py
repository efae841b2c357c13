"""A run for CI servers: JUnit XML, drawn from the journal alone.

One suite for each play, one case for each task on each host (its class is the task's place), one
for each drill's verdict, and one for whatever else went wrong. A failed task or a violation is a
failure; a host that is unreachable, and a drill that is inconclusive, are errors: what was to be
tested could not be.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from raftfleet.checks import Severity, Verdict, judge
from raftfleet.journal import events as ev

from .results import result_lines
from .text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from raftfleet.checks import DrillJudgement
    from raftfleet.journal import Journal

__all__ = ["junit_xml"]

_NO_XML: Final = re.compile("[\ufffe\uffff]")  # what `plain` leaves and XML has not
_BAD: Final = {
    Verdict.FAIL: ("failure", Severity.VIOLATION),
    Verdict.INCONCLUSIVE: ("error", Severity.GAP),
}


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case; ``kind`` is failure, error, skipped, or nothing when it passed."""

    name: str
    place: str
    seconds: float
    kind: str = ""
    message: str = ""
    text: str = ""
    type: str = ""


@dataclass(slots=True)
class _Suite:
    name: str
    began: float
    wall: float
    ended: float = 0.0
    cases: list[_Case] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many cases are of this kind."""
        return sum(case.kind == kind for case in self.cases)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, self.ended - self.began)


def junit_xml(journal: Journal) -> str:
    """Return the run as JUnit XML."""
    suites = _suites(journal)
    root = ET.Element("testsuites", {"name": "raftfleet", **_counts(suites)})
    for number, suite in enumerate(suites):
        _add_suite(root, suite, number, journal)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(suites: Sequence[_Suite]) -> dict[str, str]:
    return {
        "tests": str(sum(len(suite.cases) for suite in suites)),
        "failures": str(sum(suite.count("failure") for suite in suites)),
        "errors": str(sum(suite.count("error") for suite in suites)),
        "time": f"{sum(suite.seconds for suite in suites):.3f}",
    }


def _add_suite(root: ET.Element, suite: _Suite, number: int, journal: Journal) -> None:
    stamp = dt.datetime.fromtimestamp(suite.wall, tz=dt.UTC)
    attributes = {
        "name": _clean(suite.name),
        "id": str(number),
        "package": "raftfleet",
        "hostname": "localhost",
        "timestamp": f"{stamp:%Y-%m-%dT%H:%M:%S}",
        "skipped": str(suite.count("skipped")),
        **_counts([suite]),
    }
    element = ET.SubElement(root, "testsuite", attributes)
    properties = ET.SubElement(element, "properties")
    for name, value in _properties(journal):
        ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))
    for case in suite.cases:
        _add_case(element, case)


def _properties(journal: Journal) -> Iterator[tuple[str, str]]:
    for started in journal.of(ev.RunStarted)[:1]:
        yield "run", started.run
        yield "seed", str(started.seed)
        yield from ((f"version.{name}", version) for name, version in started.versions.items())
    for ended in journal.of(ev.RunEnded)[-1:]:
        yield "exit_code", str(int(ended.exit_code))


def _add_case(suite: ET.Element, case: _Case) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        name=_clean(case.name),
        classname=_clean(case.place),
        time=f"{case.seconds:.3f}",
    )
    if case.kind == "skipped":
        ET.SubElement(element, "skipped", message=_clean(case.message))
    elif case.kind:
        more = {"message": _clean(case.message), "type": case.type}
        ET.SubElement(element, case.kind, more).text = _clean(case.text, lines=True)


def _clean(text: str, *, lines: bool = False) -> str:
    """Return text that XML can hold and no terminal or log takes for more than text."""
    shown = plain(text) if lines else one_line(text)
    return _NO_XML.sub("\ufffd", shown)


# --- from the journal to suites ---------------------------------------------------------------


def _suites(journal: Journal) -> list[_Suite]:
    drills = {drill.start: drill for drill in judge(journal).drills}
    suites: list[_Suite] = []
    wrong = _Suite("raftfleet", 0.0, _began(journal))
    tasks: dict[int, ev.TaskStarted] = {}
    items: dict[tuple[int, str], list[ev.TaskResult]] = {}
    for event in journal.events:
        suite = suites[-1] if suites else wrong
        if isinstance(event, ev.PlayStarted):
            suites.append(_Suite(event.play, event.t, event.wall, event.t))
        elif isinstance(event, ev.PlayEnded):
            suite.ended = event.t
        elif isinstance(event, ev.TaskStarted):
            tasks[event.task] = event
        elif isinstance(event, ev.TaskResult) and event.item is not None:
            items.setdefault((event.task, event.host), []).append(event)
        elif isinstance(event, ev.TaskResult):
            parts = items.pop((event.task, event.host), [])
            suite.cases.append(_task_case(event, tasks.get(event.task), parts))
        elif isinstance(event, ev.DrillStarted) and event.t in drills:
            suite.cases.append(_drill_case(drills[event.t]))
        elif isinstance(event, ev.RunError):
            wrong.cases.append(_error_case(event))
    if journal.cut_short:
        message = "the run was cut short: its journal has no end"
        wrong.cases.append(_Case("run", "raftfleet", 0.0, "error", message, message, "cut-short"))
    return [*suites, wrong] if wrong.cases else suites


def _began(journal: Journal) -> float:
    return journal.events[0].wall if journal.events else 0.0


def _error_case(event: ev.RunError) -> _Case:
    text = "\n".join(filter(None, (event.message, event.hint and f"hint: {event.hint}")))
    return _Case("run", event.where or "raftfleet", 0.0, "error", event.message, text, "run-error")


def _task_case(
    result: ev.TaskResult, task: ev.TaskStarted | None, items: Sequence[ev.TaskResult]
) -> _Case:
    name = f"[{result.host}] {task.name if task else 'task'}"
    place = task.where if task and task.where else "task"
    values = result.result
    message = str(values.get("msg") or values.get("censored") or result.status)
    if result.status == "skipped":
        reason = str(values.get("skip_reason") or message)
        return _Case(name, place, result.seconds, "skipped", reason)
    if result.status not in {"failed", "unreachable"} or result.ignored or result.rescued:
        return _Case(name, place, result.seconds)
    kind = "failure" if result.status == "failed" else "error"
    failed = [item for item in items if item.status == result.status] or [result]
    text = "\n".join(line for one in failed for line in result_lines(one))
    return _Case(name, place, result.seconds, kind, message, text, result.status)


def _drill_case(drill: DrillJudgement) -> _Case:
    name, seconds = f"verdict: {drill.drill}", drill.end - drill.start
    if drill.verdict not in _BAD:
        return _Case(name, "raftfleet.drill", seconds)
    kind, severity = _BAD[drill.verdict]
    told = [f"{f.check}: {f.message}" for f in drill.findings if f.severity is severity]
    rest = [
        f"{f.severity}: {f.check}: {f.message}"
        for f in drill.findings
        if f.severity not in {severity, Severity.NOTE}
    ]
    message = told[0] if told else str(drill.verdict)
    text = "\n".join([*told, *rest])
    return _Case(name, "raftfleet.drill", seconds, kind, message, text, str(drill.verdict))
