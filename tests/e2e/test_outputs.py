"""What programs read of commands that drill a real cluster: nothing but JSON, and JUnit XML."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Fleet

pytestmark = pytest.mark.hosts


def lines(fleet: Fleet, *words: str | Path) -> list[dict[str, Any]]:
    """Run a command with its events on standard output, of which every line must be JSON."""
    done = subprocess.run(
        fleet.argv(*words, "-i", fleet.inventory, "--output", "jsonl"),
        cwd=fleet.folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events, done.stderr
    assert events[-1]["event"] == "recap"
    assert events[-1]["exit_code"] == done.returncode
    return events


def test_a_drill_in_events_and_as_junit(cluster: Fleet, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    events = lines(cluster, "drill", "a-remove", "-e", "victim=follower", "--junit", junit)
    assert events[0]["event"] == "run.started"
    verdict = next(event for event in events if event["event"] == "verdict.given")
    assert [event["seq"] for event in events[:-1]] == list(range(1, len(events)))
    cases = {
        case.attrib["name"]: [child.tag for child in case]
        for case in ET.parse(junit).getroot().iter("testcase")
    }
    kinds = {"pass": [], "fail": ["failure"], "inconclusive": ["error"]}
    assert cases[f"verdict: {verdict['drill']}"] == kinds[verdict["verdict"]]
    told = cluster.say("report", "--junit", tmp_path / "again.xml")
    assert told.code == 0, told.text
    assert (tmp_path / "again.xml").read_text() == junit.read_text()


def test_up_in_events(cluster: Fleet) -> None:
    recap = lines(cluster, "up")[-1]
    assert recap["exit_code"] == 0
    assert {counters["changed"] for counters in recap["hosts"].values()} == {0}
