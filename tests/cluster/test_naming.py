"""Inventory variables say who a node is and where it is reached."""

from __future__ import annotations

import pytest

from raftfleet.cluster import identity_of, make_nodes
from raftfleet.cluster.naming import user_to_become
from raftfleet.errors import UsageError
from raftfleet.testing.system import FakeSystem


@pytest.mark.parametrize(
    ("variables", "address", "machine"),
    [
        ({}, "n1", "n1:22"),
        ({"ansible_host": "10.0.0.1"}, "10.0.0.1", "10.0.0.1:22"),
        ({"ansible_host": "10.0.0.1", "ansible_port": 2222}, "10.0.0.1", "10.0.0.1:2222"),
        (
            {"ansible_host": "10.0.0.1", "raft_address": "192.168.0.1"},
            "192.168.0.1",
            "10.0.0.1:22",
        ),
        ({"ansible_connection": "local"}, "127.0.0.1", "local"),
        ({"ansible_connection": "ansible.builtin.local"}, "127.0.0.1", "local"),
    ],
)
def test_address_and_machine(variables: dict[str, object], address: str, machine: str) -> None:
    identity = identity_of("n1", {"raft_node_id": 7, **variables})
    assert (identity.name, identity.id) == ("n1", "7")
    assert (identity.address, identity.machine) == (address, machine)


def test_nodes_keep_the_inventorys_order_and_the_systems_home() -> None:
    hosts: dict[str, dict[str, object]] = {
        "b": {"raft_node_id": 2, "toy_home": "/opt/b"},
        "a": {"raft_node_id": 1},
    }
    nodes = make_nodes(FakeSystem(), hosts)
    assert [node.name for node in nodes] == ["b", "a"]
    assert [str(node.home) for node in nodes] == ["/opt/b", "/opt/toy-a"]
    assert nodes[0].variables is hosts["b"]


def test_a_missing_id_is_named() -> None:
    with pytest.raises(UsageError, match="n1: raft_node_id is not set") as caught:
        identity_of("n1", {})
    assert caught.value.hint


def test_an_id_used_twice_names_both() -> None:
    hosts: dict[str, dict[str, object]] = {"n1": {"raft_node_id": 1}, "n2": {"raft_node_id": "1"}}
    with pytest.raises(UsageError, match="n1 and n2 have the same raft_node_id 1"):
        make_nodes(FakeSystem(), hosts)


def test_a_cluster_without_nodes_is_refused() -> None:
    with pytest.raises(UsageError, match="no nodes"):
        make_nodes(FakeSystem(), {})


@pytest.mark.parametrize(
    ("variables", "user"),
    [
        ({}, None),
        ({"ansible_become": False}, None),
        ({"ansible_become": "no"}, None),
        ({"ansible_become": True}, "root"),
        ({"ansible_become": "yes", "ansible_become_user": "broker"}, "broker"),
    ],
)
def test_the_user_to_become(variables: dict[str, object], user: str | None) -> None:
    assert user_to_become(variables) == user
