"""Drills leave a cluster as they found it, and what is missing from it afterwards is noticed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from raftfleet.cli.asked import Asked
from raftfleet.cli.session import Session
from raftfleet.errors import ExitCode
from raftfleet.systems import MARKER
from raftfleet.transport import Command

from .test_drills import DRILL, events, new_run, run_names, until_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Fleet

pytestmark = pytest.mark.hosts

FOREIGN = "somebody-elses"

# Removes one of the drill's own tenants behind its back, through the API that everybody may use.
THIEF = """
    - raft_write: {count: 5}
    - name: Take one away
      run_once: true
      command:
        argv:
          - python3
          - -c
          - |
            import json, re, urllib.request
            config = open("/opt/robustmq/config/server.toml").read()
            port = re.search(r"^http_port = (\\d+)", config, re.M)[1]
            base = f"http://127.0.0.1:{port}/api/cluster/tenant/"
            found = json.load(urllib.request.urlopen(base + "list?limit=1000", timeout=10))
            names = [one["tenant_name"] for one in found["data"]["data"]]
            stolen = next(name for name in names if name.startswith("raftfleet-") and "-b1-" in name)
            body = json.dumps({"tenant_name": stolen}).encode()
            headers = {"content-type": "application/json"}
            asked = urllib.request.Request(base + "delete", body, headers)
            print(urllib.request.urlopen(asked, timeout=10).read().decode(), stolen)
"""

# Has n3's process stand still for as long as the drill looks on, and go on again afterwards.
HANGING = """
    - name: Who is it
      raft_status:
    - name: Hang
      shell: |
        pid=$(ss -Htlnp 'sport = :1228' | sed 's/.*pid=\\([0-9]*\\).*/\\1/' | head -1)
        kill -STOP "$pid" && (sleep 6; kill -CONT "$pid") >/dev/null 2>&1 </dev/null &
      when: inventory_hostname == "n3"
"""


@pytest.fixture
def looking(cluster: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A look at every node's own store, as any client has it."""
    monkeypatch.chdir(cluster.folder)
    asked = Asked(what="look", inventories=[cluster.inventory], runs=cluster.runs, keep=False)
    with Session(asked) as session:
        yield session


def tenants(session: Session) -> dict[str, list[str]]:
    """Return the tenants in every node's own store."""
    control = session.control()
    return {
        node.name: list(
            session.fleet.system.store(control.cluster.access(node.name), "", timeout=10)
        )
        for node in session.fleet.nodes
    }


def settled(
    session: Session, wanted: Callable[[dict[str, list[str]]], bool]
) -> dict[str, list[str]]:
    """Wait until all nodes have applied what one acknowledged; return what their stores hold then."""
    deadline = time.monotonic() + 10
    while not wanted(held := tenants(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def registers(session: Session, run: Path) -> dict[str, str | None]:
    """Return what is left of the registers that a run wrote, in any store."""
    keys = {e["key"] for e in events(run) if e["event"] == "write.ended" and "-r-" in e["key"]}
    assert keys
    control = session.control()
    found: dict[str, str | None] = {}
    for node in session.fleet.nodes:
        at = control.cluster.access(node.name)
        found |= {
            k: v for k, v in session.fleet.system.read(at, sorted(keys), timeout=20).items() if v
        }
    return found


def with_something_of_somebody_elses(session: Session) -> dict[str, list[str]]:
    """Create a tenant that is not ours, and return what every store holds."""
    at = session.control().cluster.access("n1")
    session.fleet.system.write(at, "create", FOREIGN, "", timeout=10)
    return settled(session, lambda held: all(FOREIGN in names for names in held.values()))


def test_after_a_drill_every_store_holds_what_it_held_before(
    cluster: Fleet, looking: Session
) -> None:
    before = with_something_of_somebody_elses(looking)
    said = cluster.say("drill", "b-rejoin", "-i", cluster.inventory)
    assert said.code == 0, said.text
    assert settled(looking, before.__eq__) == before
    assert registers(looking, cluster.runs / "latest") == {}


def test_an_interrupted_drill_starts_what_it_stopped_and_removes_what_it_wrote(
    cluster: Fleet, looking: Session
) -> None:
    before = with_something_of_somebody_elses(looking)
    known = run_names(cluster)
    process = cluster.start("drill", "d-rolling", "-i", str(cluster.inventory))
    run = new_run(cluster, known)
    until_event(run, "node.exited", process)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 130, out
    assert cluster.say("status", "-i", cluster.inventory).code == 0
    assert settled(looking, before.__eq__) == before
    assert registers(looking, run) == {}
    (removed,) = [e for e in events(run) if e["event"] == "write.removed"]
    assert removed["count"] > 0
    assert "the drill did not run to its end" in cluster.say("analyze", run).text


def test_an_acknowledged_write_that_is_gone_fails_the_drill(cluster: Fleet) -> None:
    play = cluster.write("thief.yml", DRILL.format(expects="writes-survive") + THIEF)
    said = cluster.say("drill", play, "-i", cluster.inventory)
    assert said.code == 3, said.text
    violated = [f for f in cluster.summary()["findings"] if f["severity"] == "violation"]
    assert {(f["check"], f["node"]) for f in violated} == {
        ("writes-survive", node) for node in ("n1", "n2", "n3")
    }
    assert all("-b1-" in f["message"] for f in violated)


def test_a_node_that_hangs_does_not_hang_the_drill(cluster: Fleet) -> None:
    """Nothing is done to the node: it stands still, and every question to it has a deadline."""
    play = cluster.write(
        "hang.yml",
        DRILL.format(expects="bystanders-alive").replace("watch: 0.5", "watch: 2") + HANGING,
    )
    said = cluster.say("drill", play, "-i", cluster.inventory, timeout=60)
    assert said.code == 6, said.text
    gaps = [f for f in cluster.summary()["findings"] if f["severity"] == "gap"]
    assert {finding["node"] for finding in gaps} == {"n3"}
    assert "its process was stopped" in gaps[0]["message"]


def test_a_rehearsal_looks_at_who_leads_and_changes_nothing(
    cluster: Fleet, looking: Session
) -> None:
    before, known = tenants(looking), run_names(cluster)
    lives = looking.control().look()
    said = cluster.say("drill", "full", "--rehearse", "--rounds", "1", "-i", cluster.inventory)
    assert said.code == 0, said.text
    for node in ("n1", "n2", "n3"):
        led = ", ".join(lives.led_by(node)) or "-"
        assert f"{node}: up, leads {led}" in said.text
    for drill in ("a-remove", "b-rejoin", "d-rolling", "e-stress", "f-state-machine", "c-shutdown"):
        assert f"PLAN [{drill}]" in said.text
    assert tenants(looking) == before
    assert run_names(cluster) == known
    assert looking.control().look() == lives


def test_a_rehearsal_of_a_cluster_that_is_not_whole_says_so(
    cluster: Fleet, looking: Session
) -> None:
    assert cluster.say("down", "-i", cluster.inventory, "-l", "n3").code == 0
    said = cluster.say("drill", "b-rejoin", "--rehearse", "-i", cluster.inventory)
    assert said.code == ExitCode.INCONCLUSIVE, said.text
    assert ["n1: up" in said.text, "n2: up" in said.text, "n3: down" in said.text] == [True] * 3
    assert "no steady state: " in said.text
    assert "in the way: " not in said.text
    with without_marker(looking, "n3"):
        said = cluster.say("drill", "b-rejoin", "--rehearse", "-i", cluster.inventory)
    assert said.code == ExitCode.TASK_FAILED, said.text
    assert "in the way: n3: " in said.text
    assert "was not made by raftfleet" in said.text


@contextmanager
def without_marker(session: Session, node: str) -> Iterator[None]:
    """Make a node's home look like somebody else's folder."""
    home = next(one.home for one in session.fleet.nodes if one.name == node)
    marker, aside = home / MARKER, home / "aside"
    run = session.control().transport(node).run
    assert run(Command(f"mv {marker} {aside}"), timeout=20).ok
    try:
        yield
    finally:
        assert run(Command(f"mv {aside} {marker}"), timeout=20).ok
