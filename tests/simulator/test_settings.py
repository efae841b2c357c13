"""The configuration file is read as the broker reads it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from raftfleet.simulator import toml
from raftfleet.simulator.settings import DEFAULTS, SettingsError, load, load_outputs
from tests.simulator.processes import LOGGER

SAMPLE = """
# a comment
broker_id = 3
meta_addrs = { 1 = "10.0.0.1:1228", "10" = "10.0.0.10:1228", 2 = "10.0.0.2:1228" }  # inline
roles = [
  "meta", # one
  'broker',
  "engine",
]
nobody.knows = { this = [1, 2.5, true] }
big = 1_000
text = "tab\\t quote\\" \\u00fc"

[storage_runtime]
tcp_port = 2779
data_path = ["./data/engine"]
[mqtt_runtime.server]
tcp_port = 2883
"""
RECORDED = Path(__file__).parent / "recorded" / "admin.json"


def load_text(folder: Path, text: str) -> object:
    path = folder / "server.toml"
    path.write_text(text)
    return load(str(path))


def test_known_keys_count_and_unknown_ones_are_ignored(tmp_path: Path) -> None:
    settings = load_text(tmp_path, SAMPLE)
    assert settings.node == 3  # type: ignore[attr-defined]
    tree = settings.tree  # type: ignore[attr-defined]
    assert tree.keys() == DEFAULTS.keys()
    assert tree["mqtt_runtime"]["server"] == {
        **DEFAULTS["mqtt_runtime"]["server"],
        "tcp_port": 2883,
    }
    assert settings.port("storage_runtime.tcp_port") == 2779  # type: ignore[attr-defined]


def test_addresses_are_in_the_order_of_their_keys_as_text(tmp_path: Path) -> None:
    settings = load_text(tmp_path, SAMPLE)
    assert list(settings.meta_addrs) == ["1", "10", "2"]  # type: ignore[attr-defined]
    assert settings.address is None  # type: ignore[attr-defined]


def test_the_defaults_are_the_recorded_ones() -> None:
    samples = {sample["name"]: sample for sample in json.loads(RECORDED.read_text())}
    recorded = json.loads(samples["config-get-n1"]["body"])["data"]
    set_for_the_recording = {
        "broker_ip",
        "meta_addrs",
        "data_path",
        "server_worker_threads",
        "meta_worker_threads",
        "broker_worker_threads",
    }

    def differing(ours: object, theirs: object, key: str = "") -> list[str]:
        if isinstance(ours, dict) and isinstance(theirs, dict) and key != "meta_addrs":
            assert list(ours) == list(theirs)
            return [path for k in ours for path in differing(ours[k], theirs[k], k)]
        return [] if ours == theirs else [key]

    assert set(differing(DEFAULTS, recorded)) <= set_for_the_recording
    assert DEFAULTS["storage_runtime"]["data_path"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = = 2\n", "TOML parse error at line 2, column 5"),
        ('broker_id = "1"', "invalid type for key `broker_id`"),
        ("broker_id = true", "invalid type for key `broker_id`"),
        ("meta_addrs = { 1 = 2 }", "invalid type for key `meta_addrs.1`"),
        ("log = 3", "invalid type for key `log`"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_text(tmp_path, text)


def test_a_missing_logger_file_is_named() -> None:
    with pytest.raises(SettingsError, match=r'Logging configuration file "gone\.toml" does not'):
        load_outputs("gone.toml")


@pytest.mark.parametrize("text", [SAMPLE, LOGGER, "", "a.'b c'.d = '\\n'\n[e.f]\ng = []\nh={}"])
def test_the_plain_reader_agrees_with_the_standard_library(text: str) -> None:
    assert toml.parse_plainly(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    "text",
    ["a = ", "a = 1 b = 2", "[a", "a = [1, 2", 'a = "x', "= 1", "a = 1\na = 2", "a = {b = 1", "a"],
)
def test_the_plain_reader_refuses_what_the_standard_library_refuses(text: str) -> None:
    with pytest.raises(toml.TomlError, match=r"at line \d+, column \d+"):
        toml.parse_plainly(text)
    with pytest.raises(toml.TomlError, match=r"at line \d+, column \d+"):
        toml.parse(text)
