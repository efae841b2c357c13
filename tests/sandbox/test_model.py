from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest
import yaml

from raftfleet.errors import SandboxError
from raftfleet.sandbox.model import (
    MOST_HOSTS,
    Phase,
    Sandbox,
    SandboxHost,
    check_request,
    design,
    link_prefix,
)


def designed(name: str = "sbx-paper", hosts: int = 3) -> Sandbox:
    return design(name, hosts, 64, "10.77.9.0/24", "this-boot", 1)


def test_hosts_are_numbered_from_one_and_addressed_from_eleven() -> None:
    made = designed()
    assert [(h.name, h.index, h.address) for h in made.hosts] == [
        ("n1", 1, "10.77.9.11"),
        ("n2", 2, "10.77.9.12"),
        ("n3", 3, "10.77.9.13"),
    ]
    assert made.gateway == "10.77.9.1"
    assert made.phase is Phase.MAKING


def test_the_largest_sandbox_fits_its_subnet_and_the_kernels_interface_names() -> None:
    made = designed("a" * 40, MOST_HOSTS)
    network = ipaddress.ip_network(made.subnet)
    assert all(ipaddress.ip_address(host.address) in network for host in made.hosts)
    assert made.hosts[-1].address != str(network.broadcast_address)
    assert all(len(name) <= 15 for name in (made.bridge, *(host.link for host in made.hosts)))


def test_interfaces_of_different_sandboxes_have_different_names() -> None:
    names = ["sbx-a", "sbx-b", "raftfleet", "raftfleet-1"]
    assert len({link_prefix(name) for name in names}) == len(names)


def test_no_two_clocks_of_a_sandbox_read_alike() -> None:
    made = designed(hosts=MOST_HOSTS)
    offsets = [0]
    for host in made.hosts:
        assert host.boottime_offset > host.monotonic_offset
        offsets += [host.monotonic_offset, host.boottime_offset]
    ordered = sorted(offsets)
    assert all(b - a > 86_400 for a, b in pairwise(ordered))


def test_clock_offsets_follow_from_the_name() -> None:
    assert designed("sbx-a").hosts == designed("sbx-a").hosts
    assert designed("sbx-a").hosts[0].monotonic_offset != designed("b").hosts[0].monotonic_offset


def test_the_inventory_is_what_ansible_reads() -> None:
    made = designed(hosts=2)
    assert yaml.safe_load(made.inventory()) == {
        "all": {
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": "/run/raftfleet/sandbox/sbx-paper/id_ed25519",
                "ansible_ssh_common_args": "-o UserKnownHostsFile="
                "/run/raftfleet/sandbox/sbx-paper/known_hosts",
            },
            "children": {
                "raft": {
                    "hosts": {
                        "n1": {"ansible_host": "10.77.9.11", "raft_node_id": 1},
                        "n2": {"ansible_host": "10.77.9.12", "raft_node_id": 2},
                    }
                }
            },
        }
    }


def test_one_word_for_ssh_is_shell_text_and_several_are_one_program() -> None:
    made = designed()
    assert made.ssh_argv("n2")[-1] == "root@10.77.9.12"
    assert made.ssh_argv("n2", ["echo $HOME"])[-2:] == ["root@10.77.9.12", "echo $HOME"]
    assert made.ssh_argv("n2", ["echo", "$HOME it's"])[-1] == "echo '$HOME it'\"'\"'s'"


def test_an_unknown_host_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SandboxError, match="no host 'm1'"):
        designed().host("m1")
    with pytest.raises(SandboxError, match="its hosts: n1, n2, n3"):
        designed().host("web")


def test_a_host_that_was_never_started_is_not_alive_and_has_no_pid() -> None:
    host = SandboxHost("n1", 1, "10.77.9.11", "rf-1-1", 1, 2)
    assert not host.alive
    with pytest.raises(SandboxError, match="never started"):
        _ = host.root


@pytest.mark.parametrize("name", ["", "-x", "A", "a/b", "..", "a b", "a" * 41, "a\n", ".new-a"])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(SandboxError, match="cannot name a sandbox"):
        check_request(name, 3, 64)


@pytest.mark.parametrize(("hosts", "disk_mb"), [(0, 64), (-1, 64), (MOST_HOSTS + 1, 64), (3, 3)])
def test_sizes_that_cannot_be_made_are_refused(hosts: int, disk_mb: int) -> None:
    with pytest.raises(SandboxError, match="asked for"):
        check_request("sbx-a", hosts, disk_mb)


def test_ordinary_requests_pass() -> None:
    for hosts in (1, 3, MOST_HOSTS):
        check_request("raftfleet", hosts, 512)
