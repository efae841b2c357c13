"""A drill on real hosts is seen while it runs and told afterwards, in the journal's own figures."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.metrics.servers import fetch, promtool, until
from tests.simulator.processes import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Fleet

pytestmark = pytest.mark.hosts
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def values(text: bytes) -> Values:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def of(found: Values, name: str, **labels: str) -> list[float]:
    wanted = set(labels.items())
    return [value for (own, given), value in found.items() if own == name and wanted <= given]


def textfile(cluster: Fleet) -> tuple[str, Path]:
    folder = cluster.folder / "textfile"
    folder.mkdir(exist_ok=True)
    return str(folder), folder / "raftfleet-raft.prom"


def test_a_failover_is_seen_live_and_told_as_the_summary_has_it(cluster: Fleet) -> None:
    folder, file = textfile(cluster)
    port = free_ports(1)
    words = ["--metrics-port", str(port), "--textfile-dir", folder, "-e", "victim=leader"]
    drill = cluster.start("drill", "a-remove", "-i", cluster.inventory, *words)

    def live(name: str, **labels: str) -> list[float]:
        try:
            return of(values(fetch(f"http://127.0.0.1:{port}/metrics")), name, **labels)
        except OSError:
            return []

    until(lambda: 1 in live("raftfleet_drill_active", drill="a-remove"), "the drill is active")
    until(lambda: 0 in live("raftfleet_raft_has_leader"), "a group without a leader is seen")
    until(lambda: 1 in live("raftfleet_drill_phase", phase="healed"), "the drill is healed")
    said, _ = drill.communicate(timeout=120)
    assert drill.returncode == 0, said
    assert live("raftfleet_build_info") == []

    told = values(file.read_bytes())
    failovers = cluster.summary()["failovers"]
    assert failovers
    for one in failovers:
        lo, hi = one["seconds_after_exit"]
        labels = {"drill": "a-remove", "group": one["group"], "cause": "stop"}
        (last,) = of(told, "raftfleet_failover_last_seconds", **labels)
        assert last == pytest.approx((lo + hi) / 2, abs=1e-5)
    for kind in ("raftfleet.prom", "metrics.om"):
        assert (cluster.runs / "latest" / kind).is_file()
    promtool("check", "metrics", stdin=file.read_bytes())
    folder = str(cluster.folder / "data")
    seconds = cluster.runs / "latest" / "metrics.om"
    promtool("tsdb", "create-blocks-from", "openmetrics", seconds, folder)


def test_runs_add_up_and_one_that_was_killed_is_told_later_until_it_is_healed(
    cluster: Fleet,
) -> None:
    folder, file = textfile(cluster)
    words = ["-i", str(cluster.inventory), "--textfile-dir", folder]
    assert cluster.say("drill", "b-rejoin", *words).code == 0
    (before,) = of(
        values(file.read_bytes()), "raftfleet_drills_total", verdict="pass", drill="b-rejoin"
    )
    assert cluster.say("drill", "b-rejoin", *words).code == 0
    (after,) = of(
        values(file.read_bytes()), "raftfleet_drills_total", verdict="pass", drill="b-rejoin"
    )
    assert after == before + 1

    known = {run.name for run in cluster.runs.iterdir()}
    drill = cluster.start("drill", "a-remove", *words)

    def victim() -> str:
        """The node whose exit the new run has recorded."""
        for run in cluster.runs.iterdir():
            if run.name not in known and not run.is_symlink():
                lines = (run / "journal.jsonl").read_text().splitlines()
                events = [json.loads(line) for line in lines if line.endswith("}")]
                gone = [event["node"] for event in events if event["event"] == "node.exited"]
                return gone[0] if gone else ""
        return ""

    stopped = until(victim, "a node was stopped")
    drill.send_signal(signal.SIGKILL)
    drill.communicate()
    said = cluster.say("export", "latest", "--textfile-dir", folder)
    assert said.code == 0, said.text
    assert of(values(file.read_bytes()), "raftfleet_node_left_down", node=stopped) == [1]
    assert cluster.say("heal", *words).code == 0
    assert of(values(file.read_bytes()), "raftfleet_node_left_down", node=stopped) == [0]
