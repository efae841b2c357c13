"""JUnit XML as CI servers read it, drawn from a journal alone."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from raftfleet.journal import events as ev
from raftfleet.journal.codec import Record, encode
from raftfleet.journal.reader import Journal
from raftfleet.report import junit_xml
from tests.checks.test_verdict import good

STARTED = ev.RunStarted(run="r1", argv=(), versions={"raftfleet": "0.1"}, seed=7)
PLAY = ev.PlayStarted(play="Deploy", hosts=("n1",), t=1.0, wall=1e9)
TASK = ev.TaskStarted(task=1, name="copy it", module="copy", where="p.yml:3")
ENDED = (ev.PlayEnded(play="Deploy", t=3.5), ev.RunEnded(exit_code=2))

# What the schema that Jenkins publishes allows: attributes (the required ones first), and children
# in their order.
SHAPE: dict[str, tuple[set[str], set[str], list[str]]] = {
    "testsuites": (
        set(),
        {"name", "time", "tests", "failures", "disabled", "errors"},
        ["testsuite"],
    ),
    "testsuite": (
        {"name", "tests"},
        {
            *("failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id"),
            "package",
        },
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": (
        {"name", "classname"},
        {"assertions", "time", "status"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "skipped": (set(), {"message"}, []),
    "error": (set(), {"type", "message"}, []),
    "failure": (set(), {"type", "message"}, []),
}


def journal(*events: ev.Event) -> Journal:
    return Journal(tuple(Record(encode(event), event) for event in events))


def check(element: ET.Element) -> None:
    required, allowed, children = SHAPE[element.tag]
    assert required <= element.attrib.keys() <= required | allowed
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order)
    if element.tag == "testsuite":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.attrib["timestamp"])
        cases = element.findall("testcase")
        assert int(element.attrib["tests"]) == len(cases)
        for kind, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(element.attrib[count]) == sum(case.find(kind) is not None for case in cases)
    if element.tag == "testcase":
        assert len(element) <= 1
    for child in element:
        check(child)


def parsed(source: Journal) -> ET.Element:
    root = ET.fromstring(junit_xml(source))
    check(root)
    return root


def run(*results: ev.Event) -> ET.Element:
    return parsed(journal(STARTED, PLAY, TASK, *results, *ENDED))


def result(host: str = "n1", status: str = "ok", **more: Any) -> ev.TaskResult:
    return ev.TaskResult(task=1, host=host, status=status, seconds=0.25, **more)


def outcome(root: ET.Element) -> list[tuple[str, str]]:
    return [
        (case.attrib["name"], next((child.tag for child in case), "passed"))
        for case in root.iter("testcase")
    ]


def test_each_play_is_a_suite_and_each_task_on_a_host_a_case() -> None:
    root = run(result(), result("n2", "failed", result={"msg": "no", "rc": 3, "stderr": "why"}))
    (suite,) = root
    assert suite.attrib["name"] == "Deploy"
    assert suite.attrib["time"] == "2.500"
    assert suite.attrib["timestamp"] == "2001-09-09T01:46:40"
    assert {p.attrib["name"]: p.attrib["value"] for p in suite.iter("property")} == {
        "run": "r1",
        "seed": "7",
        "version.raftfleet": "0.1",
        "exit_code": "2",
    }
    first, second = suite.findall("testcase")
    assert first.attrib == {"name": "[n1] copy it", "classname": "p.yml:3", "time": "0.250"}
    failure = second.find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "no", "type": "failed"}
    assert failure.text is not None
    assert "stderr: why" in failure.text


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (result(), "passed"),
        (result(status="changed"), "passed"),
        (result(status="failed"), "failure"),
        (result(status="unreachable"), "error"),
        (result(status="skipped"), "skipped"),
        (result(status="failed", ignored=True), "passed"),
        (result(status="failed", rescued=True), "passed"),
        (result(status="unreachable", ignored=True), "passed"),
    ],
)
def test_a_status_becomes_what_ci_expects(event: ev.TaskResult, kind: str) -> None:
    assert outcome(run(event)) == [("[n1] copy it", kind)]


def test_a_loop_is_one_case_that_names_the_items_that_failed() -> None:
    items = [
        result(item="good"),
        result(item="bad", status="failed", result={"msg": "no"}),
        result(status="failed", result={"msg": "One or more items failed"}),
    ]
    failure = run(*items).find(".//failure")
    assert failure is not None
    assert failure.text == "failed: [n1] (item=bad) => no"


def test_skipping_says_why() -> None:
    skipped = run(result(status="skipped", result={"skip_reason": "not now"})).find(".//skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "not now"


EVIL = "\x00\x1b[31m\x0b\ufffe\udc80 <&\"'>]]>\u202e"


def test_whatever_hosts_say_it_stays_xml() -> None:
    events = [
        ev.PlayStarted(play=EVIL, hosts=()),
        ev.TaskStarted(task=1, name=EVIL, module=EVIL, where=EVIL),
        result(EVIL, "failed", result={"msg": EVIL, "stdout": EVIL}),
        result(EVIL, "skipped", result={"skip_reason": EVIL}),
        ev.RunError(message=EVIL, exit_code=5, where=EVIL),
    ]
    text = junit_xml(journal(STARTED, *events))
    check(ET.fromstring(text))
    assert not re.search("[^\\n -~\u00a0-\ufffd]", text)


def test_an_error_outside_of_all_plays_is_a_case() -> None:
    error = ev.RunError(message="no such group", hint="name one", exit_code=5, where="p.yml:1:3")
    root = parsed(journal(STARTED, error, ev.RunEnded(exit_code=5)))
    assert outcome(root) == [("run", "error")]
    found = root.find(".//error")
    assert found is not None
    assert found.text == "no such group\nhint: name one"


def test_a_run_that_was_cut_short_does_not_look_passed() -> None:
    assert outcome(parsed(journal(STARTED, PLAY, TASK, result())))[-1] == ("run", "error")
    assert outcome(run(result())) == [("[n1] copy it", "passed")]


def verdicts(source: Journal) -> list[tuple[str, str]]:
    return [pair for pair in outcome(parsed(source)) if pair[0].startswith("verdict")]


def test_each_drill_is_a_case_of_its_own() -> None:
    passed = good().end().journal()
    failed = good().stop("n3", took=3).end().journal()
    blind = good().end(missing=["n1"]).journal()
    assert verdicts(passed) == [("verdict: told", "passed")]
    assert verdicts(failed) == [("verdict: told", "failure")]
    assert verdicts(blind) == [("verdict: told", "error")]


def test_a_verdict_tells_its_findings() -> None:
    failure = parsed(good().stop("n3", took=3).end().journal()).find(".//failure")
    assert failure is not None
    assert failure.attrib["type"] == "fail"
    assert failure.attrib["message"].startswith("exits-graceful: ")
    assert failure.text
