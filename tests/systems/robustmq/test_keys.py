"""The list of keys against the configuration a real broker dumped, and the kinds of values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from raftfleet.errors import UsageError
from raftfleet.systems.robustmq import keys
from raftfleet.systems.robustmq.data import data_file
from raftfleet.systems.robustmq.keys import checked, server_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Options that the broker leaves out of its dump while they are empty.
NOT_DUMPED = {"llm_client.token", "llm_client.base_url"}
# What the recorded cluster set to another value than the default.
SET_THERE = {
    "broker_ip",
    "cluster_name",
    "data_path",
    "meta_addrs",
    "roles",
    "runtime.server_worker_threads",
    "meta_runtime.meta_worker_threads",
    "mqtt_runtime.broker_worker_threads",
    "broker_network.queue_size",
    "storage_runtime.data_path",
    "storage_runtime.io_thread_num",
}


@pytest.fixture
def dump(recorded_json: Callable[[str], dict[str, object]]) -> dict[str, object]:
    body = json.loads(str(recorded_json("config-get-n1.json")["body"]))
    return dict(flat(body["data"]))


def flat(table: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict) and name != "meta_addrs":
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_the_keys_are_exactly_those_the_broker_dumped(dump: dict[str, object]) -> None:
    assert set(server_keys()) - NOT_DUMPED == set(dump)


def test_defaults_are_the_dumped_values(dump: dict[str, object]) -> None:
    told = {name: key.default for name, key in server_keys().items() if name in dump}
    wrong = {n: (told[n], dump[n]) for n in told if told[n] != dump[n] and n not in SET_THERE}
    assert wrong == {}


def test_every_dumped_value_is_of_its_keys_kind(dump: dict[str, object]) -> None:
    keys = server_keys()
    for name, value in dump.items():
        if value is not None and name != "meta_addrs":
            assert checked(keys[name], value) == value, name


def test_no_key_is_also_a_section() -> None:
    names = set(server_keys())
    assert not [n for n in names if any(other.startswith(f"{n}.") for other in names)]


def test_no_key_stands_twice_in_the_file() -> None:
    nodes = yaml.compose(data_file("server-keys.yml").read_text(), Loader=yaml.SafeLoader)
    assert isinstance(nodes, yaml.MappingNode)
    names = [key.value for key, _ in nodes.value]
    assert len(names) == len(set(names)) == len(server_keys())


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("http_port", "18080", "a port from 1 to 65535, not the text '18080'"),
        ("http_port", 0, "a port from 1 to 65535, not the number 0"),
        ("http_port", 70000, "a port from 1 to 65535, not the number 70000"),
        ("http_port", True, "a port from 1 to 65535, not the truth value True"),
        ("http_port", 18080.0, "a port from 1 to 65535, not the number 18080.0"),
        ("mqtt_runtime.keep_alive.max_time", 65536, "a whole number from 0 to 65535"),
        ("storage_runtime.max_segment_size", 2**32, "a whole number from 0 to 4294967295"),
        ("admin.token_ttl_hours", -1, "a whole number from 0"),
        ("runtime.pprof_enable", "yes", "true or false, not the text 'yes'"),
        ("mqtt_runtime.system_monitor.os_cpu_high_watermark", "70", "a number, not the text '70'"),
        ("admin.username", 7, "a text, not the number 7"),
        ("admin.username", None, "a text, not nothing"),
        ("data_path", "", "a path"),
        ("mqtt_runtime.schema.strategy", "Some", "one of ALL, Any"),
        ("roles", "meta", "a list of texts, not the text 'meta'"),
        ("roles", ["meta", "brocker"], "a list of meta, broker, engine, not a list"),
        ("storage_runtime.data_path", [], "at least one path"),
        ("storage_runtime.data_path", {"a": 1}, "a list of texts, not a mapping"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(name: str, value: object, wanted: str) -> None:
    with pytest.raises(ValueError, match="wants") as caught:
        checked(server_keys()[name], value)
    assert wanted in str(caught.value)


def test_a_whole_number_will_do_for_a_float() -> None:
    key = server_keys()["mqtt_runtime.system_monitor.os_cpu_high_watermark"]
    assert repr(checked(key, 70)) == "70.0"


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"kind": "port", "wirte": 1}, "http_port: .*wirte"),
        ({"kind": "prot"}, "http_port: unknown kind 'prot'"),
        ({}, "http_port: .*kind"),
    ],
)
def test_a_mistake_in_the_list_of_keys_is_named(
    monkeypatch: pytest.MonkeyPatch, attributes: dict[str, object], words: str
) -> None:
    monkeypatch.setattr(keys, "server_keys_data", lambda: {"http_port": attributes})
    with pytest.raises(UsageError, match=words):
        server_keys.__wrapped__()
