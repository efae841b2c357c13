"""One controller at a time, and what a dead one leaves behind."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from tests.e2e.test_drills import DRILL, events, new_run, run_names, until_event

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from tests.e2e.conftest import Fleet

SLOW = (
    DRILL.format(expects="membership-unchanged")
    + "    - raft_status:\n    - pause: {seconds: 20}\n"
)


def killed_drill(cluster: Fleet, expects: str = "starts", *more: str) -> Path:
    """Run a drill until it has stopped a node, and kill it there."""
    before = run_names(cluster)
    text = (
        DRILL.format(expects=expects)
        + "    - raft_stop: {node: follower}\n    - pause: {seconds: 60}\n"
    )
    drill = cluster.write("killed.yml", text)
    process = cluster.start("drill", str(drill), "-i", str(cluster.inventory), *more)
    run = new_run(cluster, before)
    until_event(run, "node.exited", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return run


def running_drill(cluster: Fleet) -> tuple[Popen[str], Path]:
    """Start a drill that goes on for a while and has the lock."""
    before = run_names(cluster)
    drill = cluster.write("slow.yml", SLOW)
    process = cluster.start("drill", str(drill), "-i", str(cluster.inventory))
    run = new_run(cluster, before)
    until_event(run, "drill.started", process)
    return process, run


def test_heal_starts_what_a_killed_drill_had_stopped_and_says_so(cluster: Fleet) -> None:
    run = killed_drill(cluster)
    victim = next(e["node"] for e in events(run) if e["event"] == "node.exited")
    seen = cluster.say("status", "-i", cluster.inventory)
    assert seen.code == 2, seen.text
    assert f"run {run.name}" in seen.text
    assert f"{victim} was stopped for the time being by" in seen.text
    said = cluster.say("heal", "-i", cluster.inventory)
    assert said.code == 0, said.text
    assert "released the cluster lock of " in said.text
    assert f"run {run.name}" in said.text
    assert "whose process is dead" in said.text
    assert f"{victim} started" in said.text
    again = cluster.say("heal", "-i", cluster.inventory)
    assert again.code == 0
    assert again.text == "nothing to heal\n"
    whole = cluster.say("status", "-i", cluster.inventory)
    assert whole.code == 0, whole.text
    assert "cluster lock" not in whole.text


def test_heal_removes_what_a_killed_drill_wrote_and_nothing_kept_on_purpose(
    cluster: Fleet,
) -> None:
    kept = cluster.write(
        "kept.yml", DRILL.format(expects="writes-survive") + "    - raft_status:\n"
    )
    done = cluster.say("drill", kept, "-i", cluster.inventory, "-e", "keep_data=true")
    assert done.code == 0, done.text
    run = killed_drill(cluster, "writes-survive")
    wrote = {e["key"] for e in events(run) if e["event"] == "write.ended" and e["outcome"] == "ok"}
    assert wrote
    said = cluster.say("heal", "-i", cluster.inventory)
    assert said.code == 0, said.text
    (line,) = [one for one in said.text.splitlines() if one.startswith("removed ")]
    assert int(line.split()[1]) >= len(wrote)
    assert line.endswith(f"run {run.name} had written")
    assert cluster.say("heal", "-i", cluster.inventory).text == "nothing to heal\n"


def test_heal_leaves_what_a_killed_drill_was_to_keep(cluster: Fleet) -> None:
    killed_drill(cluster, "writes-survive", "-e", "keep_data=true")
    said = cluster.say("heal", "-i", cluster.inventory)
    assert said.code == 0, said.text
    assert " started" in said.text
    assert "removed " not in said.text
    assert "left alone" not in said.text


def test_what_somebody_started_meanwhile_is_not_started_again(cluster: Fleet) -> None:
    killed_drill(cluster)
    cluster.up()
    said = cluster.say("heal", "-i", cluster.inventory)
    assert said.code == 0
    assert said.text == "nothing to heal\n"


def test_what_is_down_on_purpose_stays_down(cluster: Fleet) -> None:
    killed_drill(cluster)
    assert cluster.say("down", "-i", cluster.inventory).code == 0
    assert cluster.say("heal", "-i", cluster.inventory).code == 0
    cluster.up()
    assert cluster.say("drill", "c-shutdown", "-i", cluster.inventory).code == 0
    said = cluster.say("heal", "-i", cluster.inventory)
    assert said.text == "nothing to heal\n"


def test_while_a_drill_runs_nobody_else_changes_the_cluster(cluster: Fleet) -> None:
    process, run = running_drill(cluster)
    for words in (["down"], ["heal"]):
        began = time.monotonic()
        said = cluster.say(*words, "-i", cluster.inventory)
        assert said.code == 2, said.text
        assert "another controller has the cluster: " in said.text, said.text
        assert f"(pid {process.pid}), run {run.name}, since " in said.text
        assert "raftfleet heal" in said.text
        assert time.monotonic() - began < 30
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    lock = [e["event"] for e in events(run) if e["event"].startswith("cluster.lock")]
    assert lock == ["cluster.lock.acquired", "cluster.lock.released"]
    assert cluster.say("status", "-i", cluster.inventory).code == 0


def test_commands_that_only_look_need_no_lock(cluster: Fleet) -> None:
    process, run = running_drill(cluster)
    seen = cluster.say("status", "-i", cluster.inventory)
    assert seen.code == 0, seen.text
    assert f"run {run.name}" in seen.text
    deployed = cluster.say("up", "-i", cluster.inventory)
    assert deployed.code == 0, deployed.text  # all is deployed and up: there is nothing to change
    process.kill()
    process.communicate()
    assert cluster.say("heal", "-i", cluster.inventory).code == 0


def test_a_drill_that_slept_past_its_lock_changes_nothing_when_it_wakes(cluster: Fleet) -> None:
    text = DRILL.format(expects="starts") + (
        "    - pause: {seconds: 1}\n    - raft_stop: {node: n1}\n    - raft_stop: {node: n2}\n"
    )
    before = run_names(cluster)
    drill = cluster.write("sleeper.yml", text)
    process = cluster.start("drill", str(drill), "-i", str(cluster.inventory))
    run = new_run(cluster, before)
    until_event(run, "drill.started", process)
    os.kill(process.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while "expired" not in cluster.say("status", "-i", cluster.inventory).text:
        assert time.monotonic() < deadline
    os.kill(process.pid, signal.SIGCONT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode not in {0, 250}, out
    assert "cluster lock" in out
    kinds = [e["event"] for e in events(run)]
    assert "node.signalled" not in kinds
    assert "cluster.lock.lost" in kinds
    seen = cluster.say("status", "-i", cluster.inventory)
    assert seen.code == 0, "every node runs as before"
