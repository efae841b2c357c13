"""The host check: what it reads on this machine, and what its words mean."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.journal.values import Port
from raftfleet.systems import Artifact
from raftfleet.systems.robustmq.binary import PROGRAM
from raftfleet.systems.robustmq.host import ephemeral_conflicts, host_command, problems_of
from raftfleet.systems.robustmq.settings import settings_of

if TYPE_CHECKING:
    from raftfleet.systems.robustmq.settings import Settings
    from tests.systems.conftest import MakeNode

FINE = """\
machine x86_64
range 32768 60999
reserved
tool python3
tool openssl
held tcp 0016
held udp 0044
absent /opt/robustmq
absent /opt/robustmq/data/meta
absent /opt/robustmq/data/engine
free 1048576 /
end
"""


def program(architecture: str | None = "x86_64", size: int = 1024) -> Artifact:
    return Artifact(b"", PROGRAM, 0o755, size, "", architecture, interpreted=architecture is None)


@pytest.fixture
def settings(make_node: MakeNode) -> Settings:
    return settings_of(make_node())


def said(settings: Settings, old: str = "", new: str = "", **kwargs: Any) -> list[str]:
    """The problems of a host that says what a good one says but for one change."""
    assert old in FINE
    found = problems_of(
        settings,
        FINE.replace(old, new, 1) if old else FINE,
        kwargs.get("program", program()),
        running=bool(kwargs.get("running")),
    )
    assert all(problem.hint for problem in found)
    return [problem.message for problem in found]


def test_a_good_host_has_no_problems(settings: Settings) -> None:
    assert said(settings) == []


def test_a_program_for_another_machine_is_named_first(settings: Settings) -> None:
    messages = said(settings, "machine x86_64", "machine aarch64\nforeign /opt/robustmq")
    assert messages[0] == "n1: the program is for x86_64, but its host is aarch64"
    assert len(messages) == 2


def test_a_script_needs_its_interpreter_and_no_machine(settings: Settings) -> None:
    assert said(settings, "machine x86_64", "machine riscv64", program=program(None)) == []
    assert "no python3" in said(settings, "tool python3\n", program=program(None))[0]
    assert said(settings, "tool python3\n") == []


def test_a_certificate_needs_openssl_unless_there_is_one_or_none_is_needed(
    make_node: MakeNode, settings: Settings
) -> None:
    assert "no openssl" in said(settings, "tool openssl\n")[0]
    for variables in (
        {"robustmq_binary": "simulator"},
        {"robustmq_tls_cert": "/c", "robustmq_tls_key": "/k"},
        {"robustmq_config": {"roles": ["meta", "engine"]}},
    ):
        assert said(settings_of(make_node(**variables)), "tool openssl\n") == []


@pytest.mark.parametrize("word", ["absent", "ours", "empty"])
def test_a_directory_that_is_or_can_be_ours_is_fine(settings: Settings, word: str) -> None:
    assert said(settings, "absent /opt/robustmq\n", f"{word} /opt/robustmq\n") == []


def test_a_directory_of_somebody_else_is_refused(settings: Settings) -> None:
    (message,) = said(settings, "absent /opt/robustmq/data/meta", "foreign /opt/robustmq/data/meta")
    assert "/opt/robustmq/data/meta exists, is not empty and was not made by raftfleet" in message


def test_a_place_we_may_not_write_to_is_refused(settings: Settings) -> None:
    (message,) = said(settings, "free", "readonly /opt\nfree")
    assert message == "n1: we may not write to /opt, where /opt/robustmq is to be"


def test_a_port_that_is_taken_is_named_with_its_key(settings: Settings) -> None:
    (message,) = said(settings, "held tcp 0016", "held tcp 2384")
    assert message == "n1: already in use on its host: tcp 9092 (kafka_runtime.tcp_port)"


def test_a_running_node_rightly_holds_its_ports(settings: Settings) -> None:
    assert said(settings, "held tcp 0016", "held tcp 2384", running=True) == []


def test_udp_and_tcp_are_told_apart(settings: Settings) -> None:
    assert said(settings, "held tcp 0016", "held tcp 237B") == []
    assert (
        "udp 9083 (mqtt_runtime.server.quic_port)"
        in said(settings, "held udp 0044", "held udp 237B")[0]
    )


def test_a_full_disk_is_refused(settings: Settings) -> None:
    (message,) = said(settings, "free 1048576", "free 17000", program=program(size=2_000_000))
    assert message.startswith("n1: / on its host is full: 17000 KiB are left")
    assert (
        said(settings, "free 1048576", "installed\nfree 17000", program=program(size=2_000_000))
        == []
    )


def test_without_a_program_only_what_a_start_needs_is_judged(settings: Settings) -> None:
    assert said(settings, "machine x86_64\n", "machine mips\n", program=None) == []
    assert len(said(settings, "held tcp 0016", "held tcp 2384", program=None)) == 1


@pytest.mark.parametrize("output", ["", "machine x86_64\n", "sh: 1: not found\n"])
def test_a_check_that_broke_off_is_no_clean_bill(settings: Settings, output: str) -> None:
    (problem,) = problems_of(settings, output, None, running=False)
    assert "broke off" in problem.message


def test_ports_in_the_ephemeral_range_are_named_with_the_way_out(make_node: MakeNode) -> None:
    overlay = {"http_port": 58080, "amqp_runtime": {"tcp_port": 40000}}
    settings = settings_of(make_node(robustmq_config=overlay))
    text = FINE.replace("reserved\n", "reserved 8080,9148-9150\n")
    (problem,) = problems_of(settings, text, None, running=False)
    assert problem.message.startswith("n1: inside its host's ephemeral range 32768-60999")
    assert problem.message.endswith("58080 (http_port), 40000 (amqp_runtime.tcp_port)")
    assert problem.hint.endswith("ip_local_reserved_ports=8080,9148-9150,58080,40000")
    reserved = FINE.replace("reserved\n", "reserved 40000,58000-58100\n")
    assert problems_of(settings, reserved, None, running=False) == []


def test_a_host_that_tells_no_range_of_ports_is_no_good_host(settings: Settings) -> None:
    (message,) = said(settings, "range 32768 60999", "range")
    assert message == "n1: its host does not tell its ephemeral ports (no range of ports: '')"


def test_a_host_full_of_another_cluster_is_one_problem(settings: Settings) -> None:
    held = "".join(f"held tcp {port.number:04X}\n" for _, port in settings.ports())
    (message,) = said(settings, "held tcp 0016\n", held)
    assert message.count("tcp ") == len([p for _, p in settings.ports() if p.protocol == "tcp"])


def test_ports_conflict_with_the_range_but_for_the_reserved_ones() -> None:
    ports = [Port(str(n), n) for n in (32767, 32768, 40000, 50000, 50001, 60999, 61000)]
    found = ephemeral_conflicts(ports, "32768\t60999\n", "50000-50001\n")
    assert [port.number for port in found] == [32768, 40000, 60999]
    assert ephemeral_conflicts(ports, "1024 1024", "") == []


@pytest.mark.parametrize(("span", "reserved"), [("", ""), ("32768", ""), ("a b", ""), ("1 2", "x")])
def test_texts_of_another_form_are_refused(span: str, reserved: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int() has its own words
        ephemeral_conflicts([Port("x", 1)], span, reserved)


def run(settings: Settings) -> str:
    line = host_command(settings, PurePosixPath(PROGRAM)).line
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stderr == ""
    return done.stdout


def test_the_command_reads_this_machine(make_node: MakeNode, tmp_path: Path) -> None:
    home = tmp_path / "it's a home"
    for name in ("data/meta", "data/engine", "bin"):
        (home / name).mkdir(parents=True)
    (home / ".raftfleet").touch()
    (home / "data/meta/_rocksdb").touch()
    (home / "bin/broker-server").touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        overlay = {"kafka_runtime": {"tcp_port": number}}
        settings = settings_of(make_node(home=str(home), robustmq_config=overlay))
        output = run(settings)
        words = output.splitlines()
        assert f"ours {home}" in words
        assert f"foreign {home}/data/meta" in words
        assert f"empty {home}/data/engine" in words
        assert "installed" in words
        assert words[-1] == "end"
        messages = [p.message for p in problems_of(settings, output, None, running=False)]
    assert any(f"in use on its host: tcp {number} (kafka_runtime.tcp_port)" in m for m in messages)
    assert any("data/meta exists, is not empty" in m for m in messages)


def test_the_command_asks_the_nearest_directory_for_room(
    make_node: MakeNode, tmp_path: Path
) -> None:
    settings = settings_of(make_node(home=str(tmp_path / "not" / "yet" / "there")))
    words = run(settings).splitlines()
    assert f"absent {tmp_path}/not/yet/there" in words
    free = [line for line in words if line.startswith("free ") and line.split()[1].isdecimal()]
    assert len(free) == 1
    assert sorted(Path(tmp_path).iterdir()) == []
