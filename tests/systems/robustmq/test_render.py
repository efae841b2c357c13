"""The rendered files: what a TOML parser reads back, and that they are canonical."""

from __future__ import annotations

import tomllib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.simulator import toml as simulator_toml
from raftfleet.systems.robustmq.render import files_of, toml
from raftfleet.systems.robustmq.settings import settings_of

if TYPE_CHECKING:
    from tests.systems.conftest import MakeNode

NASTY = 'quote " back \\ tab \t newline \n bell \x07 delete \x7f umlaut ü astral 𝄞 brace {} hash #'


def nested(values: dict[str, object]) -> dict[str, object]:
    root: dict[str, object] = {}
    for name, value in values.items():
        table = root
        *sections, last = name.split(".")
        for section in sections:
            table = table.setdefault(section, {})  # type: ignore[assignment]
        table[last] = value
    return root


def rendered(make_node: MakeNode, name: str, **variables: Any) -> dict[str, object]:
    nodes = [make_node(1, **variables), make_node(2), make_node(3)]
    settings = settings_of(nodes[0], nodes)
    return tomllib.loads(files_of(settings, "0.4.11")[PurePosixPath("config") / name])


def test_server_toml_reads_back_as_the_settings(make_node: MakeNode) -> None:
    overlay = {
        "admin": {"password": NASTY},
        "mqtt_runtime": {"system_monitor": {"enable": True, "os_cpu_high_watermark": 55}},
        "kafka_runtime": {"sasl": {"mechanisms": ["A", NASTY]}},
    }
    nodes = [make_node(1, robustmq_config=overlay), make_node(2), make_node(3)]
    settings = settings_of(nodes[0], nodes)
    text = files_of(settings, "")[PurePosixPath("config/server.toml")]
    assert tomllib.loads(text) == nested(dict(settings.values))


def test_a_node_is_told_who_it_is_and_who_the_others_are(make_node: MakeNode) -> None:
    server = rendered(make_node, "server.toml")
    assert (server["broker_id"], server["broker_ip"]) == (1, "10.77.0.11")
    assert server["meta_addrs"] == {
        "1": "10.77.0.11:1228",
        "2": "10.77.0.12:1228",
        "3": "10.77.0.13:1228",
    }
    assert server["roles"] == ["meta", "broker", "engine"]
    assert (server["grpc_port"], server["http_port"]) == (1228, 18080)
    assert server["storage_runtime"]["data_path"] == ["./data/engine"]  # type: ignore[index]


def test_the_logger_writes_everything_into_one_file_and_nothing_to_the_console(
    make_node: MakeNode,
) -> None:
    logger = rendered(make_node, "logger.toml", robustmq_config={"log": {"log_path": "./log"}})
    assert set(logger) == {"server"}
    server = logger["server"]
    assert isinstance(server, dict)
    assert (server["kind"], server["directory"], server["prefix"]) == (
        "rolling_file",
        "./log",
        "server",
    )
    assert {"path": "", "level": "info"} in server["targets"]
    assert {"path": "openraft", "level": "info"} in server["targets"]


def test_the_same_settings_give_the_same_bytes(make_node: MakeNode) -> None:
    one = {"admin": {"username": "a"}, "http_port": 1}
    other = {"http_port": 1, "admin": {"username": "a"}}
    texts = [
        files_of(settings_of(make_node(robustmq_config=config)), "") for config in (one, other)
    ]
    assert texts[0] == texts[1]
    names = ["cluster_name", "broker_id", "broker_ip", "roles", "grpc_port", "http_port"]
    lines = texts[0][PurePosixPath("config/server.toml")].splitlines()
    assert [line.split(" = ")[0] for line in lines[2:8]] == names


def test_the_files_name_the_node_and_their_writer(make_node: MakeNode) -> None:
    for path, text in files_of(settings_of(make_node()), "0.4.11").items():
        if path.suffix == ".toml":
            assert text.startswith("# Written by raftfleet for n1;")
        else:
            assert (str(path), text) == ("config/version.ini", "0.4.11\n")


@pytest.mark.parametrize(
    "table",
    [
        {"a": 1, "b": {"c": 2, "d": {"e": True}}, "f": 1.5},
        {"b": {"c": {"d": {"e": "deep"}}}},
        {"empty": {}},
        {"bare-key_1": 1, "needs quotes": 2, "1": 3, "ü": 4, "": 5},
        {"list": [], "tables": [{"path": NASTY, "level": "info"}]},
        {"text": NASTY, "large": 2**63 - 1, "negative": -1, "small": 1e-07},
    ],
)
def test_what_is_written_reads_back(table: dict[str, object]) -> None:
    assert tomllib.loads(toml(table)) == table  # type: ignore[arg-type]


def test_the_simulator_reads_what_a_toml_parser_reads(make_node: MakeNode) -> None:
    nodes = [make_node(1, robustmq_config={"admin": {"password": 'a\\"ü'}}), make_node(2)]
    for path, text in files_of(settings_of(nodes[0], nodes), "").items():
        if path.suffix == ".toml":
            assert simulator_toml.parse(text) == tomllib.loads(text)
