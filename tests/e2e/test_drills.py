"""Drills against a real cluster on real SSH hosts: verdicts that are earned, and only then."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from .conftest import Fleet

pytestmark = pytest.mark.hosts

DRILL = """
- name: planted
  hosts: raft
  gather_facts: false
  drill:
    id: planted
    expects: [{expects}]
    watch: 0.5
  tasks:
"""


def events(run: Path) -> list[dict[str, Any]]:
    lines = (run / "journal.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line.endswith(b"}")]


def until_event(run: Path, kind: str, process: Popen[str], seconds: float = 60) -> dict[str, Any]:
    """Wait until the journal of a run that is under way holds an event of this kind."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if (run / "journal.jsonl").exists():
            found = [e for e in events(run) if e["event"] == kind]
            if found:
                return found[0]
        time.sleep(0.05)
    process.kill()
    out = process.communicate()[0]
    pytest.fail(f"no {kind} within {seconds} s; it said:\n{out}")


def new_run(fleet: Fleet, before: set[str], seconds: float = 30) -> Path:
    """Wait for the run folder that a command just made."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if fleet.runs.exists():
            made = {p.name for p in fleet.runs.iterdir() if not p.is_symlink()} - before
            if made:
                return fleet.runs / made.pop()
        time.sleep(0.02)
    pytest.fail("no run folder was made")


def run_names(fleet: Fleet) -> set[str]:
    return {p.name for p in fleet.runs.iterdir()} if fleet.runs.exists() else set()


def test_stopping_the_leader_passes_and_every_group_fails_over_in_the_interval(
    cluster: Fleet,
) -> None:
    said = cluster.say("drill", "a-remove", "-i", cluster.inventory, "-e", "victim=leader")
    assert said.code == 0, said.text
    summary = cluster.summary()
    assert summary["verdict"] == "pass"
    assert summary["failovers"], "the leader led at least one group"
    for failover in summary["failovers"]:
        lo, hi = failover["seconds_after_exit"]
        low, high = failover["predicted"]
        assert failover["term"][1] > failover["term"][0]
        assert lo <= high
        assert hi >= low
        assert hi - lo < 1.0
    assert [e["class"] for e in summary["exits"]] == ["graceful"]


def test_a_run_leaves_metrics_and_a_journal_that_gives_the_same_verdict_again(
    cluster: Fleet,
) -> None:
    assert cluster.say("drill", "a-remove", "-i", cluster.inventory).code == 0
    again = cluster.say("analyze", cluster.runs / "latest", "--json")
    assert again.code == 0, again.text
    assert json.loads(again.text) == cluster.summary()
    text = (cluster.runs / "latest" / "raftfleet.prom").read_text()
    assert "raftfleet_exit_latency_seconds_bucket" in text
    seconds = (cluster.runs / "latest" / "metrics.om").read_text()
    assert 'raftfleet_raft_role{cluster="raft",group="data_0",node="n1",role=' in seconds
    assert seconds.endswith("# EOF\n")


def test_a_leader_brought_back_too_early_is_inconclusive(cluster: Fleet) -> None:
    play = cluster.write(
        "early.yml",
        DRILL.format(expects="leader-moves")
        + """
    - raft_stop: {node: leader}
      register: stopped
    - raft_start: {node: "{{ stopped.node }}"}
    - raft_wait: {for: agreement}
""",
    )
    said = cluster.say("play", play, "-i", cluster.inventory)
    assert said.code == 6, said.text
    assert "not exercised" in said.text


def test_a_missing_log_is_inconclusive_and_named(cluster: Fleet) -> None:
    play = cluster.write(
        "nolog.yml",
        DRILL.format(expects="exits-graceful")
        + """
    - raft_stop: {node: n3}
    - shell: rm -f /opt/robustmq/logs/*
      when: inventory_hostname == "n3"
""",
    )
    said = cluster.say("play", play, "-i", cluster.inventory)
    assert said.code == 6, said.text
    assert "/opt/robustmq/logs" in said.text


def test_with_all_nodes_down_a_drill_never_passes(cluster: Fleet) -> None:
    assert cluster.say("down", "-i", cluster.inventory).code == 0
    said = cluster.say("drill", "a-remove", "-i", cluster.inventory)
    assert said.code in {4, 6}, said.text
    assert cluster.summary()["verdict"] == "inconclusive"


def test_sigkill_leaves_a_journal_that_is_inconclusive(cluster: Fleet) -> None:
    before = run_names(cluster)
    process = cluster.start(
        "drill", "a-remove", "-i", str(cluster.inventory), "-e", "victim=leader"
    )
    run = new_run(cluster, before)
    until_event(run, "node.exited", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    said = cluster.say("analyze", run)
    assert said.code == 6, said.text
    assert "cut short" in said.text
    down = cluster.say("status", "-i", cluster.inventory)
    assert down.code != 0, down.text
    cluster.up()
    assert cluster.say("status", "-i", cluster.inventory).code == 0
