"""APIs behind firewalls and bastions, and several nodes on one host: the same playbooks, the same verdicts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from raftfleet import sandbox
from tests.cluster.test_ways import certificate

from .conftest import REPOSITORY, Fleet, need_hosts
from .test_become import RULE, SETUP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.sandbox import Sandbox

pytestmark = pytest.mark.hosts

# n1 to n3 are the cluster, n4 and n5 the bastions; n4 also is the one host of three nodes.
BASTIONS = """\
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {key}
    ansible_ssh_common_args: "-o UserKnownHostsFile={known} {jump}"
    robustmq_binary: simulator
    robustmq_era: fast
    api_via: {via}
  children:
    raft:
      hosts:
        n1: {{ansible_host: {n1}, raft_node_id: 1}}
        n2: {{ansible_host: {n2}, raft_node_id: 2}}
        n3: {{ansible_host: {n3}, raft_node_id: 3}}
"""
FIREWALL = (
    "nft add table inet door && "
    "nft 'add chain inet door input {{ type filter hook input priority 0; }}' && "
    "nft add rule inet door input ct state established accept && "
    "nft add rule inet door input tcp dport 22 ip saddr != {before} drop && "
    "nft add rule inet door input ip saddr {controller} tcp dport != 22 drop"
)


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Fleet]]:
    need_hosts()
    folder = tmp_path_factory.mktemp("reaching")
    name = f"reach-{os.getpid()}"
    sandbox.down(name)
    with sandbox.running(name, 5) as made:
        yield made, Fleet(name, folder, folder / "hosts.yml")


def inventory(made: Sandbox, fleet: Fleet, via: str, jump: str = "") -> Fleet:
    """Write an inventory of the cluster; with jumps, ssh asks the bastions' keys of the same files."""
    path = fleet.folder / f"{via}{len(jump)}.yml"
    path.write_text(
        BASTIONS.format(
            key=made.key_file,
            known=made.known_hosts,
            via=via,
            jump=jump,
            **{host.name: host.address for host in made.hosts},
        )
    )
    return Fleet(fleet.name, fleet.folder, path)


def leader_drill(fleet: Fleet) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    said = fleet.say("drill", "a-remove", "-i", fleet.inventory, "-e", "victim=leader")
    assert said.code == 0, said.text
    return fleet.summary(), time.monotonic() - began


def test_three_nodes_on_one_host(five: tuple[Sandbox, Fleet]) -> None:
    made, fleet = five
    shipped = (REPOSITORY / "inventory" / "one-host.yml").read_text()
    lines = (
        f"ansible_user: root\n    ansible_ssh_private_key_file: {made.key_file}\n"
        f'    ansible_ssh_common_args: "-o UserKnownHostsFile={made.known_hosts}"\n'
        "    robustmq_binary: simulator\n    robustmq_era: fast"
    )
    path = fleet.write(
        "one-host.yml",
        shipped.replace("ansible_user: root", lines).replace("192.0.2.10", made.host("n4").address),
    )
    one = Fleet(fleet.name, fleet.folder, path)
    one.up()
    drills = (("a-remove",), ("a-remove", "-e", "victim=leader"), ("b-rejoin",), ("d-rolling",))
    for words in drills:
        said = one.say("drill", *words, "-i", path)
        assert said.code == 0, said.text
    assert one.say("drill", "c-shutdown", "-i", path).code == 0
    clean = one.say("play", REPOSITORY / "playbooks" / "clean.yml", "-i", path)
    assert clean.code == 0, clean.text
    left = one.say("sandbox", "ssh", "--name", one.name, "n4", "ls /opt/robustmq/*/data/meta")
    assert "_rocksdb" not in left.text
    assert left.text.count("/opt/robustmq/n") == 3, left.text


SECRET = "n0t-for-anybodys-eyes"
TLS_PROXY = """
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/ca.pem", "/root/key.pem")
door = socket.create_server(("127.0.0.1", 8443))
def carry(source, target, heard):
    try:
        while data := source.recv(65536):
            for line in data.split(b"\\r\\n") if heard else ():
                if line.lower().startswith(b"host:"):
                    print(line.decode(), flush=True)
            target.sendall(data)
    except OSError:
        pass
    for one in (source, target):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def serve(peer):
    try:
        inner = context.wrap_socket(peer, server_side=True)
        outer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        return print(error, flush=True)
    threading.Thread(target=carry, args=(inner, outer, True), daemon=True).start()
    carry(outer, inner, False)
while True:
    threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
"""


def with_variables(fleet: Fleet, name: str, *lines: str) -> Fleet:
    more = "".join(f"    {line}\n" for line in lines)
    text = fleet.inventory.read_text().replace("    api_via:", f"{more}    api_via:", 1)
    return Fleet(fleet.name, fleet.folder, fleet.write(f"{name}.yml", text))


def http_port(made: Sandbox) -> int:
    config = (made.host("n1").root / "opt/robustmq/config/server.toml").read_text()
    return int(re.findall(r"^http_port = (\d+)$", config, re.MULTILINE)[0])


def test_a_node_that_wants_a_token_gets_one_and_nobody_else_sees_the_secret(
    five: tuple[Sandbox, Fleet],
) -> None:
    made, fleet = five
    direct = inventory(made, fleet, "direct")
    admin = "robustmq_config: {admin: {username: keeper, password: %s}}"
    right = with_variables(direct, "right", admin % SECRET)
    wrong = with_variables(direct, "wrong", admin % f"{SECRET}-not")
    said = [right.say("up", "-i", right.inventory)]
    assert said[0].code == 0, said[0].text
    said.append(right.say("drill", "a-remove", "-i", right.inventory))
    assert said[1].code == 0, said[1].text
    assert right.summary()["evidence"]["acknowledged_writes"] > 0

    # It is asked at its LAN address, so without a token it really refuses.
    bare = http.client.HTTPConnection(made.host("n1").address, http_port(made), timeout=10)
    with contextlib.closing(bare):
        bare.request("GET", "/api/cluster/tenant/list")
        assert bare.getresponse().status == 401

    said.append(wrong.say("drill", "a-remove", "-i", wrong.inventory))
    assert said[2].code not in {0, 250}, said[2].text
    assert "its admin API refuses the password of user 'keeper'" in said[2].text

    for one in said:
        assert SECRET not in one.text
        assert "eyJ" not in one.text  # how every token begins
    kept = [path for path in fleet.runs.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".log") for path in kept), kept
    for path in kept:
        data = path.read_bytes()
        assert SECRET.encode() not in data, path
        assert b"eyJ" not in data, path
    # What runs has its password until it is started anew.
    assert right.say("down", "-i", right.inventory).code == 0


def test_a_drill_under_tls_through_ssh(five: tuple[Sandbox, Fleet], tmp_path: Path) -> None:
    made, fleet = five
    plain = inventory(made, fleet, "ssh")
    plain.up()
    certificate(tmp_path, x509.DNSName("meta.example"))
    for name in ("n1", "n2", "n3"):
        root = made.host(name).root / "root"
        (root / "proxy.py").write_text(TLS_PROXY)
        for file in ("ca.pem", "key.pem"):
            (root / file).write_bytes((tmp_path / file).read_bytes())
        line = (
            f"setsid -f python3 /root/proxy.py {http_port(made)} >/root/heard 2>&1 </dev/null; "
            "for i in $(seq 100); do ss -Hltn sport = :8443 | grep -q . && exit; sleep 0.1; done; "
            "cat /root/heard; exit 1"
        )
        said = fleet.say("sandbox", "ssh", "--name", fleet.name, name, line)
        assert said.code == 0, said.text
    words = (
        "api_scheme: {http: https}",
        "api_ports: {http: 8443}",
        f"api_ca_file: {tmp_path / 'ca.pem'}",
    )
    secured = with_variables(plain, "tls", *words, "api_server_name: meta.example")
    summary, _ = leader_drill(secured)
    assert summary["verdict"] == "pass"
    assert summary["evidence"]["acknowledged_writes"] > 0
    for name in ("n1", "n2", "n3"):
        heard = (made.host(name).root / "root/heard").read_text().splitlines()
        asked = {line for line in heard if line.lower().startswith("host:")}
        assert asked == {"Host: meta.example:8443"}, heard

    other = with_variables(plain, "other", *words, "api_server_name: other.example")
    said = other.say("drill", "a-remove", "-i", other.inventory)
    assert said.code not in {0, 250}, said.text
    assert "certificate is not to be trusted: Hostname mismatch" in said.text, said.text


def test_hosts_are_reached_over_ipv6_and_the_broker_over_ipv4(five: tuple[Sandbox, Fleet]) -> None:
    made, fleet = five
    if made.host("n1").address6 is None:
        pytest.skip("the kernel has no IPv6")
    both = alone = inventory(made, fleet, "direct").inventory.read_text()
    for host in made.hosts:
        old, new = f"ansible_host: {host.address},", f"ansible_host: '{host.address6}',"
        both = both.replace(old, f"{new} raft_address: {host.address},")
        alone = alone.replace(old, new)
    refused = fleet.say("up", "-i", fleet.write("six-alone.yml", alone))
    assert refused.code == 5, refused.text
    assert "six-alone.yml:12:" in refused.text
    assert "n1: the broker listens on IPv4 only" in refused.text
    assert "set raft_address" in refused.text

    six = Fleet(fleet.name, fleet.folder, fleet.write("six.yml", both))
    six.up()
    summary, _ = leader_drill(six)
    assert summary["verdict"] == "pass"
    reached = {
        event["host"]: event["address"]
        for event in map(json.loads, (six.runs / "latest/journal.jsonl").read_text().splitlines())
        if event["event"] == "host.connected"
    }
    assert reached == {name: f"root@[{made.host(name).address6}]:22" for name in ("n1", "n2", "n3")}


def test_a_drill_through_two_bastions_gives_what_a_direct_one_gives(
    five: tuple[Sandbox, Fleet],
) -> None:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed (nftables)")
    made, fleet = five
    direct = inventory(made, fleet, "direct")
    direct.up()
    near, _ = leader_drill(direct)

    for name in ("n1", "n2", "n3"):  # for later: the doors are still open
        said = fleet.say("sandbox", "ssh", "--name", fleet.name, name, f"{SETUP}{RULE}")
        assert said.code == 0, said.text
    first, second = made.host("n4").address, made.host("n5").address
    # From the innermost out: each closes its door to all but the one before it.
    doors = [("n5", first), *((name, second) for name in ("n1", "n2", "n3"))]
    for name, before in doors:
        rules = FIREWALL.format(before=before, controller=made.gateway)
        said = fleet.say("sandbox", "ssh", "--name", fleet.name, name, rules)
        assert said.code == 0, said.text
    shut = direct.say("status", "-i", direct.inventory)
    assert shut.code == 4, shut.text

    # As with ssh, the machines on the way have their keys from ssh_config.
    config = fleet.write(
        "ssh_config",
        f"Host *\n  IdentityFile {made.key_file}\n  UserKnownHostsFile {made.known_hosts}\n",
    )
    jump = f"-F {config} -J root@{first},root@{second}"
    blind = inventory(made, fleet, "direct", jump)
    unseen = blind.say("status", "-i", blind.inventory)
    assert unseen.code not in {0, 4}, (
        "the API ports are shut, and SSH alone shows no leader: " + unseen.text
    )
    through = inventory(made, fleet, "ssh", jump)
    far, _ = leader_drill(through)
    pinged = through.say("ping", "-i", through.inventory, "n3")
    assert "n3  connected in 0" in pinged.text
    assert f" s via {first}, {second}, " in pinged.text, pinged.text

    # The same as somebody who must become root, on the hosts and not on the bastions.
    text = through.inventory.read_text().replace(
        "ansible_user: root", "ansible_user: admin\n    ansible_become: true"
    )
    as_admin = Fleet(fleet.name, fleet.folder, fleet.write("become.yml", text))
    leader_drill(as_admin)

    assert near["verdict"] == far["verdict"] == "pass"
    for summary in (near, far):
        assert summary["failovers"]
        for failover in summary["failovers"]:
            lo, hi = failover["seconds_after_exit"]
            low, high = failover["predicted"]
            assert lo <= high
            assert hi >= low
            assert hi - lo < 1.0
    assert [one["class"] for one in near["exits"]] == [one["class"] for one in far["exits"]]
    for kind, summary in (("direct", near), ("bastions", far)):
        print(kind, [(f["group"], f["seconds_after_exit"]) for f in summary["failovers"]])  # noqa: T201
