"""APIs behind firewalls and bastions, and several nodes on one host: the same playbooks, the same verdicts."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet import sandbox

from .conftest import REPOSITORY, Fleet, need_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    for words in (("a-remove",), ("a-remove", "-e", "victim=leader"), ("b-rejoin",)):
        said = one.say("drill", *words, "-i", path)
        assert said.code == 0, said.text
    assert one.say("drill", "c-shutdown", "-i", path).code == 0
    clean = one.say("play", REPOSITORY / "playbooks" / "clean.yml", "-i", path)
    assert clean.code == 0, clean.text
    left = one.say("sandbox", "ssh", "--name", one.name, "n4", "ls /opt/robustmq/*/data/meta")
    assert "_rocksdb" not in left.text
    assert left.text.count("/opt/robustmq/n") == 3, left.text


def test_a_drill_through_two_bastions_gives_what_a_direct_one_gives(
    five: tuple[Sandbox, Fleet],
) -> None:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed (nftables)")
    made, fleet = five
    direct = inventory(made, fleet, "direct")
    direct.up()
    near, _ = leader_drill(direct)

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
