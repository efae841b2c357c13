"""The adapter as a whole, as the rest of raftfleet uses it."""

from __future__ import annotations

import tomllib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import UsageError
from raftfleet.systems import system_named
from raftfleet.transport.protocol import Command

if TYPE_CHECKING:
    from raftfleet.systems import System
    from tests.systems.conftest import MakeNode


@pytest.fixture
def system() -> System:
    return system_named("robustmq")


def test_the_metadata_group_comes_first(system: System) -> None:
    assert system.groups == ("metadata_0", "offset_0", "data_0")


def test_a_node_starts_in_its_home_in_the_foreground(system: System, make_node: MakeNode) -> None:
    node = make_node(home="/srv/mq", robustmq_environment={"RUST_BACKTRACE": 1})
    assert system.start(node) == Command(
        "exec ./bin/broker-server -c config/server.toml",
        env={"RUST_BACKTRACE": "1"},
        cwd=PurePosixPath("/srv/mq"),
    )


@pytest.mark.parametrize(("era", "preset"), [("", "head"), ("fast", "fast"), ("seed", "seed")])
def test_the_simulator_is_told_its_timing(
    system: System, make_node: MakeNode, era: str, preset: str
) -> None:
    command = system.start(make_node(robustmq_binary="simulator", robustmq_era=era))
    assert command.env == {"RAFTFLEET_SIMULATOR_PRESET": preset}


@pytest.mark.parametrize(
    "named",
    [["cache-gap", "snapshot-imports-nothing"], "cache-gap, snapshot-imports-nothing"],
)
def test_the_simulator_is_told_its_defects_and_the_broker_is_not(
    system: System, make_node: MakeNode, named: object
) -> None:
    command = system.start(make_node(robustmq_binary="simulator", robustmq_simulator_defects=named))
    assert command.env["RAFTFLEET_SIMULATOR_DEFECTS"] == "cache-gap,snapshot-imports-nothing"
    assert system.start(make_node(robustmq_simulator_defects=named)).env == {}


def test_a_defect_that_does_not_exist_is_refused_with_the_nearest_that_does(
    system: System, make_node: MakeNode
) -> None:
    with pytest.raises(UsageError) as caught:
        system.check([make_node(1, robustmq_simulator_defects=["cash-gap"])])
    assert "does not know 'cash-gap'" in caught.value.message
    assert "cache-gap" in str(caught.value.hint)
    with pytest.raises(UsageError, match="wants a list of texts"):
        system.check([make_node(1, robustmq_simulator_defects={"cache-gap": True})])


def test_logs_and_data_lie_where_the_configuration_says(
    system: System, make_node: MakeNode
) -> None:
    node = make_node()
    assert system.log_files(node) == ("logs/server.*.log",)
    assert [str(p) for p in system.directories(node)] == [
        "/opt/robustmq",
        "/opt/robustmq/data/meta",
        "/opt/robustmq/data/engine",
    ]
    assert list(system.data_paths(node)) == list(system.directories(node))[1:]
    moved = make_node(robustmq_config={"log": {"log_path": "/var/log/mq"}})
    assert system.log_files(moved) == ("/var/log/mq/server.*.log",)


def test_the_ports_of_the_files_are_the_ports_of_the_node(
    system: System, make_node: MakeNode
) -> None:
    nodes = [make_node(n, raft_port_offset=10 * n) for n in (1, 2, 3)]
    for node in nodes:
        server = tomllib.loads(system.files(node, nodes)[PurePosixPath("config/server.toml")])
        ports = {port.name: port.number for port in system.ports(node)}
        told = server["meta_addrs"][node.identity.id]
        assert told == f"{node.identity.address}:{ports['grpc']}"
        assert (server["grpc_port"], server["http_port"]) == (ports["grpc"], ports["http"])
        assert server["kafka_runtime"]["tcp_port"] == ports["kafka"]


def test_the_version_comes_from_the_inventory_or_the_release(
    system: System, make_node: MakeNode
) -> None:
    def version(**variables: Any) -> str:
        node = make_node(**variables)
        return system.files(node, [node])[PurePosixPath("config/version.ini")]

    assert version() == "unknown\n"
    assert version(robustmq_release="/r/robustmq-0.4.11-linux-amd64.tar.gz") == "0.4.11\n"
    assert version(robustmq_version="0.5.0") == "0.5.0\n"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"robustmq_config": {"grpc_prot": 1}}, "grpc_prot is not a key"),
        ({"robustmq_era": "yesterday"}, "does not know 'yesterday'"),
        ({"robustmq_hoem": "/x"}, "robustmq_hoem is not a variable"),
        ({"robustmq_tls_key": "/x"}, "robustmq_tls_cert is not set"),
        ({"robustmq_home": "here"}, "robustmq_home wants an absolute path"),
    ],
)
def test_check_refuses_what_cannot_work(
    system: System, make_node: MakeNode, variables: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        system.check([make_node(1), make_node(2, **variables)])
    assert f"n2: {words}" in caught.value.message or words in caught.value.message
    system.check([make_node(1), make_node(2), make_node(3)])


def test_a_host_is_judged_without_a_program_when_none_is_named(
    system: System, make_node: MakeNode
) -> None:
    assert "broke off" in system.judge_host(make_node(), "")[0].message
    with pytest.raises(UsageError, match="does not exist"):
        system.judge_host(make_node(robustmq_binary="/nowhere/b"), "")


def test_the_check_of_a_host_runs_there_and_not_in_a_home_that_may_be_absent(
    system: System, make_node: MakeNode
) -> None:
    assert system.host_check(make_node()).cwd is None
