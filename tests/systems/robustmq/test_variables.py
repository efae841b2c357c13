"""The inventory variables: what is refused, and that the role documents what the adapter does."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.inventory.marked import MarkedDict
from raftfleet.systems.robustmq.variables import (
    Variables,
    check_certificates,
    home_of,
    read_variables,
)

if TYPE_CHECKING:
    from tests.systems.conftest import MakeNode

ROLE = Path(__file__).parents[3] / "roles" / "robustmq"


def test_the_role_documents_every_variable_with_the_adapters_default() -> None:
    written = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    known = {f"robustmq_{f.name}": getattr(Variables(), f.name) for f in fields(Variables)}
    del known["robustmq_port_offset"]
    assert written == known


def test_without_variables_the_defaults_hold() -> None:
    assert read_variables("n1", {"ansible_host": "10.0.0.1"}) == Variables()


def test_numbers_may_come_as_text_from_the_command_line() -> None:
    read = read_variables("n1", {"raft_port_offset": "1000", "robustmq_exit_bound": "3.5"})
    assert (read.port_offset, read.exit_bound) == (1000, 3.5)


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("robustmq_hom", "/opt/x", "robustmq_hom is not a variable", "did you mean robustmq_home?"),
        ("robustmq_zzz", 1, "robustmq_zzz is not a variable", "without robustmq_"),
        ("robustmq_config", ["http_port"], "robustmq_config wants a mapping", ""),
        ("robustmq_environment", "A=1", "robustmq_environment wants a mapping", ""),
        ("robustmq_binary", 7, "robustmq_binary wants a text, not 7", ""),
        ("robustmq_exit_bound", 0, "robustmq_exit_bound wants seconds above 0, not 0", ""),
        ("robustmq_watchdog", "soon", "robustmq_watchdog wants seconds above 0", ""),
        ("raft_port_offset", -1, "raft_port_offset wants a whole number from 0, not -1", ""),
        ("raft_port_offset", 1.5, "raft_port_offset wants a whole number from 0, not 1.5", ""),
        ("raft_port_offset", True, "raft_port_offset wants a whole number from 0", ""),
    ],
)
def test_a_wrong_variable_is_refused(name: str, value: object, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_variables("n1", {name: value})
    assert f"n1: {message}" in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"ROBUST_MQ_SERVER_HTTP_PORT": "1"}, "would change server.toml behind our back"),
        ({"RUST_BACKTRACE": True}, "RUST_BACKTRACE wants a text, not True"),
        ({"RUST_BACKTRACE": ["1"]}, "RUST_BACKTRACE wants a text"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(
    environment: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_variables("n1", {"robustmq_environment": environment})
    assert message in caught.value.message


def test_the_place_of_a_wrong_variable_is_shown() -> None:
    text = "robustmq_hom: /opt/x\n"
    mark = Mark("group_vars/raft.yml", 1, 1, text)
    written = MarkedDict({"robustmq_hom": "/opt/x"}, keys={"robustmq_hom": mark})
    with pytest.raises(SourceError) as caught:
        read_variables("n1", written)
    assert str(caught.value).startswith("group_vars/raft.yml:1:1: n1: robustmq_hom is not")
    assert "    1 | robustmq_hom: /opt/x\n      | ^" in str(caught.value)


@pytest.mark.parametrize("home", ["opt/robustmq", "/", "/opt/../etc", ""])
def test_a_home_that_is_no_directory_of_its_own_is_refused(home: str) -> None:
    with pytest.raises(UsageError, match="robustmq_home wants an absolute path"):
        home_of("n1", {"robustmq_home": home})


def test_the_home_is_what_the_inventory_says() -> None:
    assert str(home_of("n1", {"robustmq_home": "/srv/mq"})) == "/srv/mq"
    assert str(home_of("n1", {})) == "/opt/robustmq"


def test_a_certificate_without_its_key_is_refused(make_node: MakeNode, tmp_path: Path) -> None:
    cert = tmp_path / "cert.pem"
    cert.write_text("x")
    with pytest.raises(UsageError, match="robustmq_tls_key is not set"):
        check_certificates(make_node(robustmq_tls_cert=str(cert)))


def test_a_certificate_that_is_not_there_is_refused(make_node: MakeNode, tmp_path: Path) -> None:
    paths: dict[str, Any] = {
        f"robustmq_tls_{n}": str(tmp_path / f"{n}.pem") for n in ("cert", "key")
    }
    with pytest.raises(UsageError, match=r"cert\.pem does not exist on this machine"):
        check_certificates(make_node(**paths))
    for path in paths.values():
        Path(path).write_text("x")
    check_certificates(make_node(**paths))
