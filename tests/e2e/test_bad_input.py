"""Bad input gets one screen that names the place and the next step, and a second run repairs."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Fleet, Said

pytestmark = pytest.mark.hosts

SCREEN = 40


def one_screen(said: Said) -> None:
    """What is said from the error on fits a screen and is no traceback."""
    assert "Traceback" not in said.text
    lines = said.text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(("error:", "fatal:")))
    assert len(lines) - first <= SCREEN, said.text


def inventory_with(fleet: Fleet, old: str, new: str) -> Path:
    text = fleet.inventory.read_text()
    assert old in text
    return fleet.write("changed.yml", text.replace(old, new, 1))


def variables(fleet: Fleet, *lines: str) -> Path:
    more = "".join(f"\n    {line}" for line in lines)
    return inventory_with(fleet, "ansible_user: root", f"ansible_user: root{more}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("robustmq_config: {grpc_prot: 1228}", ("grpc_prot", "grpc_port", "changed.yml")),
        ("robustmq_config: {grpc_port: often}", ("grpc_port", "often")),
        ("robustmq_config: {grpc_port: 1779}", ("1779", "grpc_port", "tcp_port")),
        ("robustmq_hoem: /opt/other", ("robustmq_hoem", "robustmq_home")),
        ("robustmq_exit_bound: soon", ("soon", "seconds")),
    ],
)
def test_a_wrong_setting_is_refused_before_a_host_is_touched(
    fleet: Fleet, line: str, words: tuple[str, ...]
) -> None:
    said = fleet.say("up", "-i", variables(fleet, line))
    one_screen(said)
    assert said.code == 5, said.text
    for word in words:
        assert word in said.text, said.text


def test_a_duplicate_key_is_shown_with_its_place(fleet: Fleet) -> None:
    said = fleet.say("up", "-i", variables(fleet, "ansible_port: 22", "ansible_port: 22"))
    one_screen(said)
    assert said.code == 5
    assert "changed.yml:" in said.text, said.text
    assert "^" in said.text, said.text
    assert "ansible_port" in said.text, said.text


def test_a_port_in_the_hosts_ephemeral_range_is_refused(fleet: Fleet) -> None:
    said = fleet.say("up", "-i", variables(fleet, "robustmq_config: {http_port: 58080}"))
    one_screen(said)
    assert said.code in {2, 5}, said.text
    assert "58080" in said.text, said.text
    assert "ephemeral" in said.text, said.text


def test_a_missing_binary_is_named(fleet: Fleet) -> None:
    said = fleet.say("up", "-i", fleet.inventory, "-e", "robustmq_binary=/nowhere/broker-server")
    one_screen(said)
    assert said.code == 5, said.text
    assert "/nowhere/broker-server" in said.text, said.text


def test_a_binary_for_another_architecture_is_refused(fleet: Fleet) -> None:
    # ELF64, little endian, executable, EM_AARCH64 = 183
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 183, 1) + bytes(40)
    binary = fleet.folder / "broker-server"
    binary.write_bytes(header)
    said = fleet.say("up", "-i", fleet.inventory, "-e", f"robustmq_binary={binary}")
    one_screen(said)
    assert said.code in {2, 5}, said.text
    assert "aarch64" in said.text, said.text
    assert "x86_64" in said.text, said.text


def test_a_changed_host_key_stops_everything(fleet: Fleet) -> None:
    listed = fleet.inventory.read_text()
    known = listed.split("UserKnownHostsFile=", 1)[1].split('"', 1)[0].strip()
    with open(known) as file:  # noqa: PTH123 - one line
        lines = file.read().splitlines()
    first, second = (line.split(" ", 1) for line in lines[:2])
    forged = fleet.write("known_hosts", "\n".join([f"{first[0]} {second[1]}", *lines[1:]]) + "\n")
    said = fleet.say("status", "-i", inventory_with(fleet, known, str(forged)))
    one_screen(said)
    assert said.code == 4, said.text
    assert "key" in said.text, said.text
    assert str(forged) in said.text, said.text


def test_a_wrong_ssh_key_is_named(fleet: Fleet, tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415

    key = tmp_path / "id_other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    text = fleet.inventory.read_text()
    old = next(line for line in text.splitlines() if "private_key_file" in line)
    said = fleet.say(
        "status",
        "-i",
        inventory_with(fleet, old.strip(), f"ansible_ssh_private_key_file: {key}"),
    )
    one_screen(said)
    assert said.code == 4, said.text
    assert str(key) in said.text, said.text


def test_an_address_that_does_not_answer_is_unreachable(cluster: Fleet) -> None:
    text = cluster.inventory.read_text()
    address = next(
        line.split(":")[1].strip() for line in text.splitlines() if "ansible_host:" in line
    )
    dead = address.rsplit(".", 1)[0] + ".250"
    said = cluster.say(
        "status", "-i", inventory_with(cluster, f"ansible_host: {address}", f"ansible_host: {dead}")
    )
    one_screen(said)
    assert said.code == 4, said.text
    assert "n1" in said.text, said.text
    assert dead in said.text, said.text


def test_a_full_disk_is_named_and_a_second_run_repairs(fleet: Fleet) -> None:
    fleet.say("down", "-i", fleet.inventory)
    fill = "rm -rf /opt/robustmq/bin; dd if=/dev/zero of=/fill bs=1M count=4096 2>/dev/null; true"
    fleet.say("sandbox", "ssh", "--name", fleet.name, "n2", fill)
    try:
        said = fleet.say("up", "-i", fleet.inventory)
        one_screen(said)
        assert said.code == 2, said.text
        assert "n2" in said.text, said.text
        assert "No space left" in said.text or "full" in said.text
    finally:
        fleet.say("sandbox", "ssh", "--name", fleet.name, "n2", "rm -f /fill")
    assert fleet.say("up", "-i", fleet.inventory).code == 0


@pytest.fixture
def held_port(fleet: Fleet) -> Iterator[int]:
    """Another process on n1 holds a port that the node needs."""
    assert fleet.say("down", "-i", fleet.inventory).code == 0
    code = (
        "import os,socket,time; s=socket.socket(); s.setsockopt(1,2,1); s.bind(('',1883));"
        " s.listen(); open('/tmp/holder','w').write(str(os.getpid())); time.sleep(300)"
    )
    hold = f'setsid -f python3 -c "{code}" >/dev/null 2>&1; until [ -s /tmp/holder ]; do :; done'
    assert fleet.say("sandbox", "ssh", "--name", fleet.name, "n1", hold, timeout=20).code == 0
    yield 1883
    let_go = "kill $(cat /tmp/holder); rm /tmp/holder"
    fleet.say("sandbox", "ssh", "--name", fleet.name, "n1", let_go)
    fleet.up()


def test_a_port_that_somebody_holds_is_refused_before_anything_is_touched(
    fleet: Fleet, held_port: int
) -> None:
    said = fleet.say("up", "-i", fleet.inventory)
    one_screen(said)
    assert said.code == 2, said.text
    assert f"tcp {held_port}" in said.text, said.text
    assert "already in use" in said.text, said.text


def test_a_node_that_exits_at_once_shows_its_last_lines(fleet: Fleet, held_port: int) -> None:
    said = fleet.say("play", REPOSITORY / "playbooks" / "start.yml", "-i", fleet.inventory)
    one_screen(said)
    assert said.code == 2, said.text
    assert "n1" in said.text, said.text
    assert "Address already in use" in said.text, said.text
    assert str(held_port) in said.text, said.text
