"""The broker's known defects, each asked for and each absent; on real processes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.simulator.defects import DEFECTS, chosen_defects
from tests.simulator.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.processes import Broker, Cluster

    Make = Callable[..., Cluster]

SHORT = {"RAFTFLEET_SIMULATOR_SNAPSHOT_EVERY": "10", "RAFTFLEET_SIMULATOR_LOG_KEPT": "20"}


def listed(broker: Broker) -> set[str]:
    answer = broker.request("GET", "/api/cluster/tenant/list?limit=100000")
    return {tenant["tenant_name"] for tenant in answer.data["data"]}


def create(broker: Broker, *names: str) -> None:
    for name in names:
        answer = broker.request("POST", "/api/cluster/tenant/create", {"tenant_name": name})
        assert answer.data == "success", answer.text


def metadata(broker: Broker) -> dict[str, Any]:
    group: dict[str, Any] = broker.status()["metadata_0"]
    return group


def test_they_are_named_in_the_environment() -> None:
    assert chosen_defects({}) == frozenset()
    both = {"RAFTFLEET_SIMULATOR_DEFECTS": "cache-gap, snapshot-imports-nothing"}
    assert chosen_defects(both) == set(DEFECTS)


def test_an_unknown_one_is_refused_with_the_nearest_that_exists() -> None:
    with pytest.raises(SystemExit, match="no such defect: cash-gap"):
        chosen_defects({"RAFTFLEET_SIMULATOR_DEFECTS": "cash-gap"})
    with pytest.raises(SystemExit, match="known: cache-gap, snapshot-imports-nothing"):
        chosen_defects({"RAFTFLEET_SIMULATOR_DEFECTS": "zzz"})


# -- snapshots -------------------------------------------------------------------------------


@pytest.mark.parametrize("defects", ["", "snapshot-imports-nothing"])
def test_a_wiped_node_is_filled_by_a_snapshot_or_only_believes_so(
    make_cluster: Make, defects: str
) -> None:
    cluster = make_cluster(environment={**SHORT, "RAFTFLEET_SIMULATOR_DEFECTS": defects})
    cluster.boot()
    names = {f"t{number}" for number in range(80)}
    create(cluster[1], *sorted(names))
    cluster.settle()
    eventually("the log is purged", lambda: metadata(cluster[1])["purged"])
    before = metadata(cluster[1])
    assert before["purged"]["index"] == before["snapshot"]["index"] - 20
    cluster[3].stop()
    shutil.rmtree(cluster[3].home / "data")
    cluster[3].start()
    cluster[3].wait_up()
    cluster.settle()

    wiped = cluster[3]
    assert wiped.says("INFO openraft::raft: Raft::begin_receiving_snapshot()")
    assert wiped.says("INFO openraft::raft: Raft::install_full_snapshot()")
    recover = "INFO meta_service::raft::snapshot::recover: [metadata]"
    assert wiped.says(f"{recover} Starting to recover snapshot, snapshot_id=metadata-")
    assert wiped.says(f"{recover} Successfully recovered 0 entries from snapshot") == bool(defects)
    assert names <= listed(wiped)
    after = metadata(wiped)
    assert after["last_applied"] == metadata(cluster[1])["last_applied"]
    if defects:
        assert len(names - wiped.tenants()) > 40
    else:
        assert names <= wiped.tenants()

    kept = wiped.tenants()
    wiped.stop()
    wiped.start()
    wiped.wait_up()
    cluster.settle()
    assert wiped.tenants() == kept
    create(cluster[1], "after")
    cluster.settle()
    assert wiped.tenants() == kept | {"after"}


# -- the admin list --------------------------------------------------------------------------


@pytest.mark.parametrize("defects", ["", "cache-gap"])
def test_what_was_not_pushed_to_a_node_its_list_lacks_for_good_or_for_a_moment(
    make_cluster: Make, defects: str
) -> None:
    quick = {"RAFTFLEET_SIMULATOR_CALL_TIMEOUT": "0.5"}
    cluster = make_cluster(environment={"RAFTFLEET_SIMULATOR_DEFECTS": defects, **quick})
    cluster.boot()
    follower = cluster[3]
    follower.pause()
    create(cluster[1], "missed")
    given_up = f"Failed to update cache on broker {follower.address} after 3 attempts"
    eventually("the push is given up", lambda: cluster[1].says(given_up))
    follower.resume()
    create(cluster[1], "pushed")
    eventually("a push arrives", lambda: "pushed" in listed(follower))
    cluster.settle()
    assert {"missed", "pushed"} <= follower.tenants()
    assert ("missed" in listed(follower)) == (not defects)


@pytest.mark.parametrize("defects", ["", "cache-gap"])
def test_the_first_creates_on_a_leader_that_is_back_are_refused_or_not(
    make_cluster: Make, defects: str
) -> None:
    cluster = make_cluster(environment={"RAFTFLEET_SIMULATOR_DEFECTS": defects})
    cluster.boot()
    cluster[1].stop()
    # Its own start takes a break in the middle: that leaves time for a create.
    cluster[1].start(RAFTFLEET_SIMULATOR_STARTUP_CHECK="1.5")
    eventually("n1 answers", lambda: cluster[1].listens("http"))
    answer = cluster[1].request("POST", "/api/cluster/tenant/create", {"tenant_name": "early"})
    refused = "NodeCallManager global sender is not initialized; call start() before send()"
    assert (refused in answer.text) == bool(defects)
    cluster[1].wait_up()
    cluster.settle()
    assert all("early" in broker.tenants() for broker in cluster.brokers.values())
    assert ("early" in listed(cluster[2])) == (not defects)
