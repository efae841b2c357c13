"""Several nodes: what they may not share, and what they must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import UsageError
from raftfleet.systems.robustmq.collisions import check_cluster
from raftfleet.systems.robustmq.settings import settings_of

if TYPE_CHECKING:
    from raftfleet.systems import Node
    from tests.systems.conftest import MakeNode

HERE = "192.0.2.10"


def together(make_node: MakeNode, offsets: tuple[int, ...], **variables: Any) -> list[Node]:
    """Nodes of one machine, each with a home of its own."""
    return [
        make_node(n, machine=HERE, home=f"/opt/mq/n{n}", raft_port_offset=offset, **variables)
        for n, offset in enumerate(offsets, 1)
    ]


def refused(nodes: list[Node]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        check_cluster(nodes)
    return caught.value


def test_three_machines_are_a_cluster_as_they_are(make_node: MakeNode) -> None:
    check_cluster([make_node(n) for n in (1, 2, 3)])


def test_three_nodes_of_one_machine_collide_without_offsets(make_node: MakeNode) -> None:
    error = refused(together(make_node, (0, 0, 0)))
    assert error.message == (
        "n1 and n2 live on one machine (192.0.2.10:22) and both use tcp port 1228 "
        "(and 13 more ports): grpc_port of n1, grpc_port of n2"
    )
    assert error.hint == "set raft_port_offset: 1000 for n2"


def test_the_offset_that_is_offered_is_one_that_works(make_node: MakeNode) -> None:
    assert refused(together(make_node, (0, 1000, 1000))).hint == "set raft_port_offset: 2000 for n3"
    check_cluster(together(make_node, (0, 1000, 2000)))


def test_a_machine_that_is_full_up_to_the_last_port_offers_no_offset(make_node: MakeNode) -> None:
    high = {"http_port": 65535}
    nodes = together(make_node, (0, 0), robustmq_config=high)
    assert refused(nodes).hint == "give each a raft_port_offset of its own"
    fits = together(make_node, (0, 0), robustmq_config={"http_port": 64535})
    assert refused(fits).hint == "set raft_port_offset: 1000 for n2"


def test_nodes_of_other_machines_do_not_narrow_the_choice(make_node: MakeNode) -> None:
    nodes = [*together(make_node, (0, 0)), make_node(3, raft_port_offset=1000)]
    assert refused(nodes).hint == "set raft_port_offset: 1000 for n2"


def test_two_keys_of_two_nodes_that_meet_by_offset_are_named(make_node: MakeNode) -> None:
    error = refused(together(make_node, (0, 551)))
    assert (
        "both use tcp port 1779: storage_runtime.tcp_port of n1, grpc_port of n2" in error.message
    )


def test_tcp_and_udp_of_one_number_do_not_collide(make_node: MakeNode) -> None:
    first, second = together(make_node, (0, 1000))
    uses = {
        (p.protocol, p.number) for node in (first, second) for _, p in settings_of(node).ports()
    }
    assert {("tcp", 9083), ("udp", 9083)} <= uses
    check_cluster([first, second])


def test_one_node_may_not_use_a_port_twice(make_node: MakeNode) -> None:
    error = refused([make_node(robustmq_config={"http_port": 9092})])
    assert error.message == "n1 uses tcp port 9092 twice: http_port and kafka_runtime.tcp_port"


def test_two_nodes_of_one_machine_may_not_share_a_home(make_node: MakeNode) -> None:
    nodes = [make_node(n, machine=HERE, raft_port_offset=1000 * n) for n in (1, 2)]
    error = refused(nodes)
    assert "n1 and n2 live on one machine" in error.message
    assert "robustmq_home of n1 is /opt/robustmq, robustmq_home of n2" in error.message
    assert "{{ inventory_hostname }}" in str(error.hint)


@pytest.mark.parametrize(
    ("mine", "theirs", "named"),
    [
        ({"data_path": "/srv/raft"}, {"data_path": "/srv/raft"}, "data_path of n1 is /srv/raft"),
        (
            {"data_path": "/srv/raft"},
            {"storage_runtime": {"data_path": ["/srv/raft/engine"]}},
            "storage_runtime.data_path of n2 is /srv/raft/engine",
        ),
        (
            {"log": {"log_path": "/var/log/mq"}},
            {"log": {"log_path": "/var/log/mq"}},
            "log.log_path of n2 is /var/log/mq",
        ),
        ({"data_path": "/opt/mq/n2/x/.."}, {}, "robustmq_home of n2 is /opt/mq/n2"),
    ],
)
def test_directories_of_two_nodes_may_not_hold_each_other(
    make_node: MakeNode, mine: dict[str, object], theirs: dict[str, object], named: str
) -> None:
    nodes = [
        make_node(
            n,
            machine=HERE,
            home=f"/opt/mq/n{n}",
            raft_port_offset=1000 * n,
            robustmq_config=overlay,
        )
        for n, overlay in enumerate((mine, theirs), 1)
    ]
    assert named in refused(nodes).message


def test_a_home_may_lie_inside_another_nodes_home(make_node: MakeNode) -> None:
    check_cluster(
        [
            make_node(1, machine=HERE, home="/opt/mq"),
            make_node(2, machine=HERE, home="/opt/mq/n2", raft_port_offset=1000),
        ]
    )


def test_the_same_paths_on_two_machines_are_fine(make_node: MakeNode) -> None:
    check_cluster([make_node(n, robustmq_config={"data_path": "/srv/raft"}) for n in (1, 2)])


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"data_path": "."}, "wiping data_path (/opt/robustmq) would take the whole install root"),
        ({"data_path": "/opt"}, "wiping data_path (/opt) would take the whole install root"),
        (
            {"log": {"log_path": "./data/meta/logs"}},
            "data_path (/opt/robustmq/data/meta) and log.log_path (/opt/robustmq/data/meta/logs)",
        ),
        (
            {"storage_runtime": {"data_path": ["./data/meta"]}},
            "data_path (/opt/robustmq/data/meta) and storage_runtime.data_path",
        ),
    ],
)
def test_wiping_may_not_take_more_than_the_data(
    make_node: MakeNode, overlay: dict[str, object], message: str
) -> None:
    assert message in refused([make_node(robustmq_config=overlay)]).message


def test_an_id_used_twice_is_refused(make_node: MakeNode) -> None:
    first, second = make_node(1), make_node(2)
    identity = type(second.identity)("n2", "1", "10.77.0.12", "10.77.0.12:22")
    error = refused([first, type(second)(identity, second.home, {})])
    assert error.message == "n1 and n2 both have raft_node_id 1"


def readdressed(node: Node, address: str, machine: str) -> Node:
    identity = type(node.identity)(node.name, node.identity.id, address, machine)
    return type(node)(identity, node.home, node.variables)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_a_loopback_address_is_refused_across_machines(make_node: MakeNode, address: str) -> None:
    nodes = [readdressed(make_node(1), address, "a:22"), make_node(2)]
    assert f"n1 advertises {address}" in refused(nodes).message


def test_a_loopback_address_is_fine_on_one_machine(make_node: MakeNode) -> None:
    check_cluster([readdressed(make_node(1), "127.0.0.1", "a:22")])


@pytest.mark.parametrize("address", ["0.0.0.0", ""])
def test_an_address_nobody_can_reach_is_refused(make_node: MakeNode, address: str) -> None:
    error = refused([readdressed(make_node(1), address, "a:22")])
    assert "cannot reach a node at" in error.message


def test_two_machines_with_one_address_are_refused(make_node: MakeNode) -> None:
    nodes = [readdressed(make_node(n), "10.0.0.1", f"10.0.0.1:{n}") for n in (1, 2)]
    assert "both are to be reached at 10.0.0.1:1228" in refused(nodes).message


def test_nodes_must_agree_on_the_clusters_name_and_its_groups(make_node: MakeNode) -> None:
    error = refused([make_node(1), make_node(2, robustmq_cluster_name="other")])
    assert "n1 has 'robustmq-cluster', n2 has 'other'" in error.message
    groups = {"meta_runtime": {"data_raft_group_num": 2}}
    error = refused([make_node(1), make_node(2, robustmq_config=groups)])
    assert "meta_runtime.data_raft_group_num: n1 has 1, n2 has 2" in error.message
