"""`raftfleet demo` is the whole thing once, and leaves nothing unless told to."""

from __future__ import annotations

import math
import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from raftfleet import sandbox
from raftfleet.journal import read_journal
from tests.grafana.test_dashboard import FILLED, QUERIES, silent
from tests.metrics.servers import prometheus, promtool
from tests.simulator.processes import free_ports

from .conftest import Fleet, need_hosts
from .test_drills import new_run, until_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.hosts

GROUPS = ("metadata_0", "offset_0", "data_0")
NOT_IN_A_DEMO = {
    "Writes: Outages: C",  # no drill of it has a budget for outages
    "annotation Faults",  # nothing is paused or cut off
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Fleet]:
    need_hosts()
    name = f"demo-{os.getpid()}"
    yield Fleet(name, tmp_path, tmp_path / ".raftfleet" / f"{name}.yml")
    sandbox.down(name)


def test_the_demo_shows_hosts_verdicts_failovers_and_exits_and_goes_on_by_hand(
    folder: Fleet,
) -> None:
    said = folder.say("demo", "--keep", "--name", folder.name)
    assert said.code == 0, said.text
    for host in ("n1", "n2", "n3"):
        assert f"host {host} " in said.text
    drills = re.findall(r"^DRILL \[(\S+)\] .*: PASS$", said.text, re.MULTILINE)
    assert drills == [
        "a-remove",
        "a-remove",
        "b-rejoin",
        "d-rolling",
        "f-state-machine",
        "c-shutdown",
    ]
    assert "raftfleet's own" in said.text
    summary = folder.summary()
    assert {failover["group"] for failover in summary["failovers"]} == set(GROUPS)
    for failover in summary["failovers"]:
        assert failover["group"] in said.text
        assert None not in failover["seconds_after_exit"]
    assert [one["class"] for one in summary["exits"]] == ["graceful"] * 15
    assert summary["evidence"]["acknowledged_writes"] > 150
    assert len(summary["timelines"]) >= 4
    assert (folder.runs / "latest" / "raftfleet.prom").exists()
    assert str(folder.inventory.relative_to(folder.folder)) in said.text
    assert folder.say("status", "-i", folder.inventory).code == 0
    assert folder.say("drill", "a-remove", "-i", folder.inventory).code == 0
    assert folder.say("down", "-i", folder.inventory).code == 0
    down = folder.say("status", "-i", folder.inventory)
    assert down.code == 2, down.text


def test_every_panel_of_the_dashboard_shows_the_demo(
    folder: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder.say("demo", "--name", folder.name).code == 0
    run = folder.runs / "latest"
    promtool(
        "tsdb", "create-blocks-from", "openmetrics", run / "metrics.om", folder.folder / "data"
    )
    drills = "|".join(one["drill"] for one in folder.summary()["drills"])
    chosen = {"$cluster": folder.name, "$drill": drills, "$group": "|".join(GROUPS)}
    for name, value in chosen.items():
        monkeypatch.setitem(FILLED, name, value)
    events = read_journal(run).events
    with prometheus(folder.folder, free_ports(1)) as server:

        def shows(expression: str) -> bool:
            found = server.range(expression, events[0].wall, events[-1].wall + 1)
            return any(not math.isnan(value) for told in found.values() for value in told.values())

        assert set(silent(shows, QUERIES)) == NOT_IN_A_DEMO


def test_a_demo_that_is_interrupted_takes_its_hosts_away(folder: Fleet) -> None:
    process = folder.start("demo", "--name", folder.name)
    run = new_run(folder, set(), seconds=60)
    until_event(run, "node.exited", process)
    assert sandbox.exists(folder.name)
    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 130, said
    assert not sandbox.exists(folder.name)
