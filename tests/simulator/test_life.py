"""Real processes: how nodes come up, lead, fail, come back and go."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.simulator.main import main
from raftfleet.simulator.presets import PRESETS
from tests.simulator.processes import PORTS, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.processes import Broker, Cluster

    Make = Callable[..., Cluster]

GROUPS = ["data_0", "metadata_0", "offset_0"]
STOPPING = [
    "INFO broker_server::daemon: Termination signal received, the service starts to stop",
    "INFO meta_service: Meta service shutdown...",
    *["INFO openraft::raft::raft_inner: RaftCore exited res=Ok(Err(Stopped))"] * 3,
]
REQUESTED = "INFO broker_server::daemon: Shutdown requested, graceful shutdown has up to"


def digest(status: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    keys = ("state", "current_leader", "current_term", "last_log_index")
    return {name: tuple(group[k] for k in keys) for name, group in status.items()}


def brief(broker: Broker) -> dict[str, tuple[Any, ...]]:
    return digest(broker.status())


def leads_since(broker: Broker, term: int) -> set[str]:
    return {name for name, view in brief(broker).items() if view[0] == "Leader" and view[2] >= term}


def in_order(text: str, lines: list[str]) -> bool:
    at = 0
    for line in lines:
        at = text.find(line, at)
        if at < 0:
            return False
        at += len(line)
    return True


# -- start -----------------------------------------------------------------------------------


def test_three_nodes_started_in_turn_end_where_the_real_ones_do(healthy: Cluster) -> None:
    indexes = {"metadata_0": 31, "data_0": 15, "offset_0": 7}
    for node, status in healthy.booted.items():
        role = "Leader" if node == 1 else "Follower"
        assert digest(status) == {name: (role, 1, 1, i) for name, i in indexes.items()}
        assert healthy.voters(healthy[node]) == [[[1, 2, 3]]] * 3


def test_every_port_is_held_on_every_address(healthy: Cluster) -> None:
    broker = healthy[2]
    assert [port for port in PORTS if port != "quic" and not broker.listens(port)] == []
    with socket.socket(type=socket.SOCK_DGRAM) as probe, pytest.raises(OSError, match="in use"):
        probe.bind(("0.0.0.0", broker.ports["quic"]))


def test_the_first_node_bootstraps_and_the_others_join(healthy: Cluster) -> None:
    refused = "WARN meta_service::raft::manager: Peer {} at {} not reachable: Connection refused"
    first = [
        *(refused.format(n, healthy[n].address) + " (os error 111)" for n in (2, 3)),
        "No reachable peers, bootstrapping single-node cluster (node 1)",
        "INFO meta_service::raft::group: [metadata_0] Single-node cluster bootstrapped",
        "a quorum granted my vote",
        "become leader id=1",
        "INFO meta_service::raft::manager: Multi-Raft started",
        "previous leader was None. local node id=1",
        "INFO broker_core::heartbeat: Meta Service cluster is ready",
        "INFO broker_core::heartbeat: Node 1 has been successfully registered",
        "Storage Engine startup check completed on port",
        "NATS WebSocket TLS Server start success. addr:0.0.0.0:",
        "Node 2 (127.0.0.1:",
    ]
    output = healthy[1].output()
    assert [line for line in first if line not in output] == []
    for node in (2, 3):
        via = f"via peer 1 at {healthy[1].address}"
        assert healthy[node].says(f"INFO meta_service::raft::manager: Joining cluster {via}")
        assert healthy[node].says(f"Successfully joined cluster via peer {healthy[1].address}")


def test_the_log_is_coloured_and_goes_to_stdout_and_to_files(healthy: Cluster) -> None:
    raw = (healthy[1].home / "output").read_text()
    assert "\x1b[32m INFO\x1b[0m \x1b[2mbroker_core::heartbeat\x1b[0m\x1b[2m:\x1b[0m Meta" in raw
    assert "\x1b[3mlast_log_id\x1b[0m\x1b[2m=\x1b[0mNone" in raw
    logs = healthy[1].home / "logs"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert {path.name for path in logs.iterdir()} >= {f"{p}.{day}.log" for p in ("server", "raft")}
    assert (logs / f"server.{day}.log").read_text()[:400] == raw[:400]
    assert "broker_core" not in (logs / f"raft.{day}.log").read_text()


# -- failover --------------------------------------------------------------------------------


def test_a_stopped_leader_is_replaced_in_the_predicted_time(make_cluster: Make) -> None:
    lease = 3.0
    cluster = make_cluster(lease=lease)
    cluster.boot()
    leader, *others = cluster.brokers.values()
    assert leader.stop() == 0
    left = time.monotonic()
    assert in_order(leader.output(), STOPPING)
    assert leader.says(REQUESTED)

    survivor = others[0]
    assert {view[:3] for view in brief(survivor).values()} == {("Follower", 1, 1)}
    refusal = survivor.request("POST", "/api/cluster/tenant/create", {"tenant_name": "x"})
    assert f'Some(1), Some(Node {{ node_id: 1, rpc_addr: \\\\\\"{leader.address}' in refusal.text
    began = time.monotonic()
    assert {
        group["id"] for group in survivor.request("GET", "/api/info").data["meta"].values()
    } == {2}
    assert time.monotonic() - began >= PRESETS["fast"].retry_pause
    lost = f"retry_call PlacementService/ClusterStatus attempt 1: {leader.address} unreachable"
    assert survivor.says(f"WARN grpc_clients::utils: {lost}")

    moved: dict[str, float] = {}

    def all_moved() -> bool:
        for broker in others:
            for name in leads_since(broker, 2) - moved.keys():
                moved[name] = time.monotonic() - left
        return len(moved) == 3

    eventually("new leaders", all_moved)
    fast = PRESETS["fast"]
    assert min(moved.values()) > lease + fast.election[0] - fast.tick - 0.1
    assert {view[2] for view in brief(survivor).values()} == {2}
    story = [
        "do trigger election",
        "a quorum granted my vote",
        "become leader id=",
        "previous leader was Some(1). local node id=",
        "ERROR openraft::core::raft_core: while requesting vote error=Unreachable node",
        "ERROR openraft::replication: RPCError err=Unreachable node",
    ]
    eventually("it is told", lambda: all(any(b.says(line) for b in others) for line in story))
    answer = survivor.request("POST", "/api/cluster/tenant/create", {"tenant_name": "y"})
    assert answer.data == "success"

    leader.start()
    leader.wait_up()
    cluster.settle()
    assert leader.says("Node 1 has persisted state, recovering existing cluster")
    assert leader.says("seen a higher vote: T2-N")
    assert leader.tenants() == survivor.tenants() >= {"default", "y"}
    assert cluster.voters(leader) == [[[1, 2, 3]]] * 3


def test_a_killed_leader_back_in_time_leads_on_and_has_lost_nothing(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.boot()
    leader = cluster[1]
    created = {f"t{number}" for number in range(20)}
    for name in created:
        answer = cluster[2].request("POST", "/api/cluster/tenant/create", {"tenant_name": name})
        assert answer.data == "success"
    before = leader.status()["metadata_0"]["last_applied"]["index"]
    assert leader.stop(signal.SIGKILL) == -9
    leader.start()
    eventually("n1 answers", lambda: leader.listens("grpc"))
    assert {view[:3] for view in brief(leader).values()} == {("Leader", 1, 1)}
    assert leader.status()["metadata_0"]["last_applied"]["index"] >= before
    eventually("n1 writes", lambda: leader.output().count("Meta Service cluster is ready") == 2)
    cluster.settle()
    assert created <= leader.tenants() == cluster[2].tenants() == cluster[3].tenants()
    assert all(
        broker.output().count("do trigger election") == 0 for broker in cluster.brokers.values()
    )
    assert re.search(
        r"get_initial_state vote=T1-N1:committed .*last_log_id=T1-N1-", leader.output()
    )


def test_a_follower_that_goes_and_comes_changes_nothing(make_cluster: Make) -> None:
    cluster = make_cluster(silence=2500)
    cluster.boot()
    follower, leader = cluster[3], cluster[1]
    assert follower.stop(signal.SIGTERM) == 0
    failing = [
        f"WARN openraft::replication: error replication to target={follower.node}",
        "ERROR openraft::replication: RPCError err=Unreachable node: common_base",
        "update progress error request_id=HeartBeat result=Unreachable node",
        f"retry_call PlacementService/Heartbeat attempt 1: {follower.address} unreachable",
    ]
    eventually("the leader complains", lambda: all(leader.says(line) for line in failing))

    def listed(broker: Broker) -> list[int]:
        nodes = broker.request("GET", "/api/info").data["broker_node_list"]
        return sorted(node["node_id"] for node in nodes)

    eventually("n3 is off the lists", lambda: listed(cluster[1]) == listed(cluster[2]) == [1, 2])
    assert cluster.voters(leader) == [[[1, 2, 3]]] * 3
    # A node that is back too soon is still told that it is gone, and believes it.
    dropped = f"Failed to update cache on broker {follower.address} after 3 attempts"
    eventually("nobody tells n3 that it is gone", lambda: leader.says(dropped))
    follower.start()
    follower.wait_up()
    cluster.settle()
    eventually(
        "n3 is on the lists",
        lambda: [listed(b) for b in cluster.brokers.values()] == [[1, 2, 3]] * 3,
    )
    assert {view[:3] for view in brief(leader).values()} == {("Leader", 1, 1)}


# -- other ends ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_handler_is_there_kills(
    make_cluster: Make, number: signal.Signals
) -> None:
    broker = make_cluster(1)[1]
    broker.start(preset="head")
    assert broker.stop(number) == -number
    assert not broker.says("Shutdown requested")


def test_a_signal_during_start_up_is_obeyed_at_its_end(make_cluster: Make) -> None:
    broker = make_cluster(1)[1]
    broker.start(preset="head")
    eventually("it is ready", lambda: broker.says("Meta Service cluster is ready"))
    began = time.monotonic()
    assert broker.stop() == 0
    assert time.monotonic() - began > 1.0
    late = ["Shutdown requested", "NATS WebSocket TLS Server start success", "Termination signal"]
    assert in_order(broker.output(), late)


def test_a_node_that_waits_for_its_cluster_is_ended_by_the_watchdog(make_cluster: Make) -> None:
    cluster = make_cluster(2)
    cluster.boot()
    for broker in cluster.brokers.values():
        broker.stop()
    broker = cluster[2]
    (broker.home / "output").unlink()
    broker.start(RAFTFLEET_SIMULATOR_SEED="5")
    waiting = "Waiting for Meta Service cluster to be ready (Grpc call of the node failed"
    eventually("it waits", lambda: broker.says(waiting))
    began = time.monotonic()
    assert broker.stop() == 0
    assert time.monotonic() - began >= PRESETS["fast"].watchdog
    assert broker.says("ERROR broker_server::daemon: Graceful shutdown did not finish in 2s")
    assert not broker.says("Termination signal received")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_other_signals_kill_at_any_time(healthy: Cluster, number: signal.Signals) -> None:
    assert healthy[1].process
    status = Path(f"/proc/{healthy[1].process.pid}/status").read_text()
    masks = dict(line.split(":\t") for line in status.splitlines() if line[:3] == "Sig")
    handled = int(masks["SigCgt"], 16) | int(masks["SigIgn"], 16)
    assert not handled >> (number - 1) & 1
    assert int(masks["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1


def test_a_sigint_ignored_at_exec_is_lost_until_the_handler_is_there(make_cluster: Make) -> None:
    cluster = make_cluster(1)
    broker = cluster[1]
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        broker.start()
    finally:
        signal.signal(signal.SIGINT, previous)
    broker.send(signal.SIGINT)
    broker.wait_up()
    assert broker.stop() == 0


# -- failed starts ---------------------------------------------------------------------------


def test_a_wiped_follower_joins_anew_and_a_wiped_leader_cannot(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.boot()
    cluster[2].request("POST", "/api/cluster/tenant/create", {"tenant_name": "kept"})
    cluster[3].stop()
    shutil.rmtree(cluster[3].home / "data")
    cluster[3].start()
    cluster[3].wait_up()
    cluster.settle()
    assert cluster[3].tenants() >= {"default", "kept"}
    assert cluster.voters(cluster[3]) == [[[1, 2, 3]]] * 3
    cluster[1].stop()
    shutil.rmtree(cluster[1].home / "data")
    cluster[1].start()
    assert cluster[1].exited() == 1
    text = (
        "ERROR broker_server::meta: Meta service failed to start: Failed to join cluster via peer"
    )
    assert cluster[1].says(f"{text} {cluster[2].address}: ")
    assert cluster[1].says("[metadata_0] add_learner failed for node 1: has to forward request to")


def spoil(broker: Broker, old: str, new: str) -> None:
    text = broker.configuration.read_text()
    assert old in text
    broker.configuration.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "status", "said"),
    [
        ("broker_id = 1", "broker_id = 7", 1, "broker_id 7 not found in meta_addrs"),
        ('["./data/engine"]', "[]", 1, "Failed to initialize inner topics: "),
        ("key.pem", "gone.pem", 1, "Failed to start MQTT broker server: No such file or directory"),
        ("logger.toml", "no.toml", 101, 'Logging configuration file "./config/no.toml" does not'),
    ],
)
def test_a_start_that_cannot_work_ends_as_the_real_one(
    make_cluster: Make, old: str, new: str, status: int, said: str
) -> None:
    broker = make_cluster(1)[1]
    spoil(broker, old, new)
    broker.start()
    assert broker.exited() == status
    assert broker.says(said)


@pytest.mark.parametrize(
    ("port", "said"),
    [
        (
            "http",
            "Admin HTTP server failed to start on port {}: Address already in use (os error 98)",
        ),
        ("kafka", "Kafka broker server failed to start on port {}: Address already in use"),
    ],
)
def test_a_port_that_is_taken_ends_the_start(make_cluster: Make, port: str, said: str) -> None:
    broker = make_cluster(1)[1]
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", broker.ports[port]))
        taken.listen()
        broker.start()
        assert broker.exited() == 1
    assert broker.says(said.format(broker.ports[port]))
    assert broker.says("Meta Service cluster is ready") == (port == "kafka")


def test_a_second_process_on_the_same_data_dies(make_cluster: Make) -> None:
    broker = make_cluster(1)[1]
    first = broker.start()
    try:
        broker.wait_up()
        broker.start()
        assert broker.exited() == 101
        assert broker.says("LOCK: Resource temporarily unavailable")
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["-V"], 0, "cmd 0.3.3"),
        (["--help"], 0, "Usage: broker-server [OPTIONS]"),
        (["--bogus"], 2, "error: unexpected argument '--bogus' found"),
        (["-c"], 2, "a value is required for '--conf <CONF>'"),
    ],
)
def test_the_command_line_is_the_real_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == status
    assert said in "".join(capsys.readouterr())


def test_a_missing_configuration_file_is_a_panic(make_cluster: Make) -> None:
    broker = make_cluster(1)[1]
    broker.start("--conf=nowhere.toml")
    assert broker.exited() == 101
    assert broker.says("thread 'main' panicked")
    assert broker.says("nowhere.toml")


def test_a_node_can_be_taken_out_of_the_cluster(make_cluster: Make) -> None:
    cluster = make_cluster()
    cluster.boot()
    cluster[3].stop()
    leave = {"node_id": 3, "force": True}
    answer = cluster[2].request("POST", "/api/cluster/node/leave", leave)
    assert answer.data.startswith("Node 3 removed from the cluster.")
    eventually(
        "two voters",
        lambda: cluster.voters(cluster[1]) == cluster.voters(cluster[2]) == [[[1, 2]]] * 3,
    )
    again = cluster[1].request("POST", "/api/cluster/node/leave", {"node_id": 2, "force": True})
    assert "refuse to remove node 2: only 2 voters" in again.text
