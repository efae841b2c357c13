"""The store, and how its records look on the wire: byte for byte the recorded ones."""

from __future__ import annotations

import json
from pathlib import Path

from raftfleet.simulator.grpcweb import _escaped, _field
from raftfleet.simulator.store import TENANT_LIMITS, Store, encode_node, encode_tenant

RECORDED = Path(__file__).parent / "recorded"
GRPC = json.loads((RECORDED / "grpcweb.json").read_text())
ADMIN = {sample["name"]: sample for sample in json.loads((RECORDED / "admin.json").read_text())}


def test_tenants_are_encoded_as_recorded() -> None:
    odd = {"tenant_name": 'a b/ü"', "desc": "x", "config": TENANT_LIMITS, "create_time": 1795458430}
    default = {**odd, "tenant_name": "default", "desc": "Default tenant", "create_time": 1795458419}
    frames = GRPC["ListTenant-n1"]["frames_hex"]
    assert [_field(1, encode_tenant(tenant)).hex() for tenant in (odd, default)] == frames


def test_nodes_are_encoded_as_recorded() -> None:
    body = json.loads(ADMIN["info-n1"]["body"])["data"]
    nodes = {node["node_id"]: node for node in body["broker_node_list"]}
    encoded = b"".join(_field(1, encode_node(nodes[number])) for number in (1, 3, 2))
    assert encoded.hex() == GRPC["NodeList-n1"]["frames_hex"][0]


def test_messages_in_headers_are_escaped_as_tonic_does() -> None:
    assert _escaped('to: Some(1), Node { "a:1" } ü') == (
        "to:%20Some(1),%20Node%20%7B%20%22a:1%22%20%7D%20%C3%BC"
    )


def test_applying_the_same_commands_gives_the_same_store() -> None:
    tenant = {"tenant_name": "t", "desc": ""}
    commands = [
        {"do": "create_tenant", "tenant": tenant},
        {"do": "create_tenant", "tenant": {**tenant, "desc": "second"}},
        {"do": "set", "key": "k", "value": "1"},
        {"do": "set", "key": "k", "value": "2"},
        {"do": "register_node", "node": {"node_id": 2}},
        {"do": "remove_node", "node_id": 7},
        {"do": "something newer", "x": 1},
        {"do": "update_tenant", "tenant": {"tenant_name": "nobody", "desc": "?"}},
    ]
    stores = Store(), Store()
    results = [[store.apply(command) for command in commands] for store in stores]
    assert results[0] == results[1]
    assert results[0][:2] == [True, False]
    for store in stores:
        assert store.tenants == {"t": tenant}
        assert (store.keys, list(store.nodes)) == ({"k": "2"}, [2])
    stores[0].apply({"do": "delete_tenant", "tenant_name": "t"})
    stores[0].apply({"do": "delete", "key": "k"})
    assert (stores[0].tenants, stores[0].keys) == ({}, {})


def test_what_is_dumped_is_restored_group_by_group() -> None:
    store, told = Store(), []
    store.apply({"do": "create_tenant", "tenant": {"tenant_name": "t"}})
    store.apply({"do": "set", "key": "k", "value": "1"})
    store.apply({"do": "register_node", "node": {"node_id": 2}})
    store.apply({"do": "create_topic", "topic": "a"})
    store.apply({"do": "create_shard", "topic": "a"})
    other = Store()
    other.apply({"do": "create_tenant", "tenant": {"tenant_name": "old"}})
    other.on_tenant = lambda name, tenant: told.append((name, tenant))
    dumped = {
        g: json.loads(json.dumps(store.dump(g))) for g in ("metadata_0", "data_0", "offset_0")
    }
    assert [other.restore(contents) for contents in dumped.values()] == [4, 1, 0]
    assert vars(other) | {"on_tenant": None} == vars(store)
    assert told == [("t", {"tenant_name": "t"})]


def test_whoever_wants_to_know_is_told_of_tenants() -> None:
    store, told = Store(), []
    store.on_tenant = lambda name, tenant: told.append((name, bool(tenant)))
    for command in (
        {"do": "create_tenant", "tenant": {"tenant_name": "t"}},
        {"do": "create_tenant", "tenant": {"tenant_name": "t"}},
        {"do": "update_tenant", "tenant": {"tenant_name": "t", "desc": "x"}},
        {"do": "delete_tenant", "tenant_name": "t"},
    ):
        store.apply(command)
    assert told == [("t", True), ("t", True), ("t", False)]
