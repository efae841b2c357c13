"""Every drill that ships, on real SSH hosts, while writers write; a planted defect is caught."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Fleet

pytestmark = pytest.mark.hosts

DEFECT = ("-e", "robustmq_simulator_defects=snapshot-imports-nothing")


def drilled(cluster: Fleet, *words: str, code: int = 0) -> dict[str, Any]:
    said = cluster.say("drill", *words, "-i", cluster.inventory)
    assert said.code == code, said.text
    return cluster.summary()


def events(cluster: Fleet, *kinds: str) -> list[dict[str, Any]]:
    lines = (cluster.runs / "latest" / "journal.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] in kinds]


def test_a_rolling_restart_keeps_every_write_and_tells_each_failover_in_full(
    cluster: Fleet,
) -> None:
    summary = drilled(cluster, "d-rolling")
    assert summary["evidence"]["acknowledged_writes"] > 20
    assert summary["evidence"]["nodes_read"] == 3
    assert any(outage["via"] is None for outage in summary["outages"])
    assert summary["timelines"]
    for one in summary["timelines"]:
        elected = max(group["elected"][1] for group in one["groups"])
        assert one["signal"][0] <= one["gone"][1] <= elected
        assert one["last_write"][1] < min(at[0] for at in one["first_writes"].values())
        assert one["started"][0] < one["ready"][1] <= one["caught_up"][1]


def test_everything_written_is_read_of_every_store_and_removed(cluster: Fleet) -> None:
    drilled(cluster, "crash")
    writes = events(cluster, "write.ended")
    assert {write["via"] for write in writes} == {"n1", "n2", "n3"}
    assert {event["node"] for event in events(cluster, "read.store")} == {"n1", "n2", "n3"}
    (removed,) = events(cluster, "write.removed")
    assert removed["count"] == len({w["key"] for w in writes if w["outcome"] != "refused"})
    assert not removed["left"].get("count")
    assert {event["node"] for event in events(cluster, "node.cpu")} == {"n1", "n2", "n3"}
    assert {event["host"] for event in events(cluster, "host.clock")} == {"n1", "n2", "n3"}


def test_a_leader_that_is_back_in_time_leads_on_in_its_term(cluster: Fleet) -> None:
    summary = drilled(cluster, "fast-restart")
    assert summary["failovers"] == []
    assert summary["evidence"]["leader_stops"] == 1


def test_without_a_quorum_nothing_is_acknowledged(cluster: Fleet) -> None:
    summary = drilled(cluster, "quorum-loss", "-e", "tries=1")
    stops, starts = events(cluster, "node.exited"), events(cluster, "node.start_intent")
    lost, back = stops[1]["t"], starts[0]["t"]
    acknowledged = [w["t"] for w in events(cluster, "write.ended") if w["outcome"] == "ok"]
    assert not [t for t in acknowledged if lost + 0.5 < t < back]
    assert max(acknowledged) > back
    assert summary["evidence"]["acknowledged_after"] >= 5


def test_a_round_of_stress_stops_a_node_while_it_recovers(cluster: Fleet) -> None:
    summary = drilled(cluster, "e-stress", "--rounds", "1")
    assert summary["evidence"]["stops"] == 5
    assert len(summary["exits"]) == 5


def test_a_round_of_the_state_machine_drill_stops_the_groups_leader_first(cluster: Fleet) -> None:
    summary = drilled(cluster, "f-state-machine", "--rounds", "1", "-e", "group=offset_0")
    first = summary["exits"][0]["node"]
    moved = {one["group"] for one in summary["failovers"] if one["victim"] == first}
    assert "offset_0" in moved
    assert len({event["round"] for event in events(cluster, "read.store")}) == 2


def test_data_are_kept_when_asked_and_are_in_no_later_drills_way(cluster: Fleet) -> None:
    for _ in range(2):
        drilled(cluster, "b-rejoin", "-e", "keep_data=true")
        assert events(cluster, "write.removed") == []


@pytest.mark.parametrize("wiped", ["false", "true"])
def test_a_snapshot_brings_all_that_was_missed(cluster: Fleet, wiped: str) -> None:
    summary = drilled(cluster, "snapshot-rejoin", "-e", f"wiped={wiped}")
    assert summary["evidence"]["acknowledged_writes"] > 1100


def test_a_snapshot_that_brings_nothing_is_caught_by_the_stores_themselves(cluster: Fleet) -> None:
    assert cluster.say("down", "-i", cluster.inventory).code == 0
    assert cluster.say("up", "-i", cluster.inventory, *DEFECT).code == 0
    try:
        summary = drilled(cluster, "snapshot-rejoin", *DEFECT, code=3)
    finally:
        cluster.say("play", "clean.yml", "-i", cluster.inventory)
        assert cluster.say("down", "-i", cluster.inventory).code == 0
    violated = {f["check"] for f in summary["findings"] if f["severity"] == "violation"}
    assert {"writes-survive", "stores-equal"} <= violated
