"""One node's settings: the overlay, what is refused in it, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.inventory.marked import MarkedDict
from raftfleet.systems.robustmq.settings import settings_of

if TYPE_CHECKING:
    from tests.systems.conftest import MakeNode


def refused(make_node: MakeNode, overlay: dict[str, object], **variables: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        settings_of(make_node(robustmq_config=overlay, **variables))
    return caught.value


@pytest.mark.parametrize(
    ("overlay", "key", "hint"),
    [
        ({"grpc_prot": 1}, "grpc_prot", "did you mean grpc_port?"),
        ({"mqtt_runtim": {}}, "mqtt_runtim", "did you mean mqtt_runtime?"),
        (
            {"mqtt_runtime": {"server": {"tcp_prot": 1}}},
            "mqtt_runtime.server.tcp_prot",
            "did you mean mqtt_runtime.server.tcp_port?",
        ),
        ({"max_payload": 1}, "max_payload", "did you mean nats_runtime.max_payload?"),
        (
            {"tcp_port": 1},
            "tcp_port",
            "mean storage_runtime.tcp_port or mqtt_runtime.server.tcp_port or kafka_runtime.tcp_port?",
        ),
        ({"admin": {"zzzz": 1}}, "admin.zzzz", "known here: jwt_secret, password, token_ttl_hours"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(
    make_node: MakeNode, overlay: dict[str, object], key: str, hint: str
) -> None:
    error = refused(make_node, overlay)
    assert error.message == f"n1: robustmq_config: {key} is not a key of server.toml"
    assert hint in (error.hint or "")


def test_the_place_of_an_unknown_key_is_shown(make_node: MakeNode) -> None:
    text = "robustmq_config:\n  grpc_prot: 1\n"
    marks = {"grpc_prot": Mark("hosts.yml", 2, 3, text)}
    error = refused(make_node, MarkedDict({"grpc_prot": 1}, keys=marks))
    assert isinstance(error, SourceError)
    assert "hosts.yml:2:3" in str(error)
    assert "    2 |   grpc_prot: 1\n      |   ^" in str(error)


def test_a_value_of_the_wrong_kind_is_refused_at_its_place(make_node: MakeNode) -> None:
    marks = {"http_port": Mark("hosts.yml", 2, 14, "robustmq_config:\n  http_port: high\n")}
    error = refused(make_node, MarkedDict({"http_port": "high"}, values=marks))
    assert error.message.endswith("http_port wants a port from 1 to 65535, not the text 'high'")
    assert str(error).startswith("hosts.yml:2:14: ")


@pytest.mark.parametrize(
    ("overlay", "message", "hint"),
    [
        ({"broker_id": 2}, "broker_id is not set directly", "it comes from raft_node_id"),
        ({"meta_addrs": {}}, "meta_addrs is not set directly", "it comes from the inventory group"),
        ({"log": {"log_config": "x"}}, "log.log_config is not set directly", "log.log_path"),
        ({"cluster_name": "x"}, "cluster_name is not set", "robustmq_cluster_name"),
        ({"nats_runtime": 4222}, "nats_runtime is a section and wants a mapping", ""),
        ({"roles": ["broker", "engine"]}, "roles leaves out meta", "[meta, broker, engine]"),
        ({"roles": ["meta"]}, "role meta alone exits with status 1", "[meta, broker, engine]"),
        ({"storage_runtime": {"data_path": []}}, "at least one path", ""),
    ],
)
def test_what_cannot_be_set_is_refused(
    make_node: MakeNode, overlay: dict[str, object], message: str, hint: str
) -> None:
    error = refused(make_node, overlay)
    assert message in error.message
    assert hint in (error.hint or "")


@pytest.mark.parametrize("identity", ["a", "0", "01", "-1", "1.5", ""])
def test_an_id_that_is_no_whole_number_is_refused(make_node: MakeNode, identity: str) -> None:
    node = make_node()
    wrong = type(node.identity)("n1", identity, "10.0.0.1", "m")
    with pytest.raises(UsageError, match="raft_node_id wants a whole number from 1"):
        settings_of(type(node)(wrong, node.home, {}))


def test_a_port_pushed_beyond_the_last_one_is_refused(make_node: MakeNode) -> None:
    error = refused(make_node, {"http_port": 65000}, raft_port_offset=1000)
    assert "http_port 65000 plus raft_port_offset 1000 is beyond 65535" in error.message


def test_the_overlay_wins_and_the_offset_moves_every_port(make_node: MakeNode) -> None:
    plain, moved = make_node(), make_node(robustmq_config={"grpc_port": 2000}, raft_port_offset=100)
    before = {port.name: port.number for _, port in settings_of(plain).ports()}
    after = {port.name: port.number for _, port in settings_of(moved).ports()}
    assert after == {**{name: n + 100 for name, n in before.items()}, "grpc": 2100}


def test_a_node_holds_the_ports_of_its_roles_only(make_node: MakeNode) -> None:
    everything = {port.name for _, port in settings_of(make_node()).ports()}
    assert everything == {
        *("grpc", "http", "engine", "kafka", "amqp", "nats", "nats-tls", "nats-ws", "nats-wss"),
        *("mqtt", "mqtt-tls", "mqtt-ws", "mqtt-wss", "mqtt-quic"),
    }
    small = settings_of(make_node(robustmq_config={"roles": ["meta", "engine"]}))
    assert {port.name for _, port in small.ports()} == {"grpc", "http", "engine"}


def test_quic_alone_is_udp(make_node: MakeNode) -> None:
    udp = [port.name for _, port in settings_of(make_node()).ports() if port.protocol == "udp"]
    assert udp == ["mqtt-quic"]


def test_no_default_port_is_ephemeral_on_linux(make_node: MakeNode) -> None:
    high = [port for _, port in settings_of(make_node()).ports() if port.number >= 32768]
    assert high == []


def test_relative_paths_lie_below_the_home_and_absolute_ones_do_not(make_node: MakeNode) -> None:
    overlay = {"data_path": "/srv/./raft/../meta", "log": {"log_path": "../log"}}
    settings = settings_of(make_node(home="/opt/mq", robustmq_config=overlay))
    assert [str(p) for p in settings.data_paths] == ["/srv/meta", "/opt/mq/data/engine"]
    assert str(settings.log_path) == "/opt/log"


def test_every_node_is_told_of_all_in_the_brokers_order(make_node: MakeNode) -> None:
    nodes = [make_node(1), make_node(2, raft_port_offset=10), make_node(3)]
    told = settings_of(nodes[0], nodes).values["meta_addrs"]
    assert told == {"1": "10.77.0.11:1228", "2": "10.77.0.12:1238", "3": "10.77.0.13:1228"}


@pytest.mark.parametrize("address", ["fd00::1", "::1", "::"])
def test_an_ipv6_address_is_refused_for_the_broker(make_node: MakeNode, address: str) -> None:
    node = make_node(machine=address)
    with pytest.raises(UsageError, match="n1: the broker listens on IPv4 only") as caught:
        settings_of(node, [node])
    assert "raft_address" in str(caught.value)
