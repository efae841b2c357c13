"""Facts from answers of other machines than this one."""

from __future__ import annotations

from typing import Any

import pytest

from raftfleet.modules.facts import read_facts

ROCKY = """NAME="Rocky Linux"
VERSION="9.3 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.3"
"""
UBUNTU = """PRETTY_NAME="Ubuntu 22.04.4 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.4 LTS (Jammy Jellyfish)"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
"""
DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
ALPINE = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID='3.19.1'\n"
STRANGE = "NAME=Wonder\nID=wonder\nID_LIKE='ubuntu debian'\n"


@pytest.mark.parametrize(
    ("release", "debian", "name", "version", "major", "code", "family"),
    [
        (ROCKY, "", "Rocky", "9.3", "9", "Blue Onyx", "RedHat"),
        (UBUNTU, "bookworm/sid\n", "Ubuntu", "22.04", "22", "jammy", "Debian"),
        (DEBIAN, "12.11\n", "Debian", "12.11", "12", "bookworm", "Debian"),
        (DEBIAN, "trixie/sid\n", "Debian", "12", "12", "bookworm", "Debian"),
        (ALPINE, "", "Alpine", "3.19.1", "3", "NA", "Alpine"),
        (STRANGE, "", "Wonder", "NA", "NA", "NA", "Debian"),
    ],
)
def test_distributions(
    release: str, debian: str, name: str, version: str, major: str, code: str, family: str
) -> None:
    found = read_facts(f"\0distribution\0{release}\1{debian}")
    assert found["distribution"] == name
    assert found["distribution_version"] == version
    assert found["distribution_major_version"] == major
    assert found["distribution_release"] == code
    assert found["os_family"] == family


def cpu(threads: int, *, sockets: int, siblings: int, cores: int) -> dict[str, Any]:
    text = "".join(
        f"processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: X\n"
        f"physical id\t: {number * sockets // threads}\nsiblings\t: {siblings}\ncpu cores\t: {cores}\n"
        for number in range(threads)
    )
    return read_facts(f"\0cpu\0{text}\1{threads}\n")


def test_sockets_cores_and_threads() -> None:
    found = cpu(16, sockets=2, siblings=8, cores=4)
    assert found["processor_count"] == 2
    assert found["processor_cores"] == 4
    assert found["processor_threads_per_core"] == 2
    assert found["processor_vcpus"] == 16
    assert found["processor"][:4] == ["0", "GenuineIntel", "X", "1"]


def test_a_processor_that_tells_no_socket() -> None:
    found = read_facts("\0cpu\0processor\t: 0\nprocessor\t: 1\n\0")
    assert (found["processor_count"], found["processor_cores"]) == (2, 1)
    assert (found["processor_vcpus"], found["processor_nproc"]) == (2, 2)


ADDRESSES = """1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever
2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever
2: eth0    inet 10.0.0.6/24 scope global secondary eth0\\       valid_lft forever
2: eth0    inet6 fe80::1/64 scope link \\       valid_lft forever
3: tun0    inet 10.8.0.2 peer 10.8.0.1/32 scope global tun0\\       valid_lft forever
4: veth1@if9    inet 172.17.0.1/16 scope global veth1\\       valid_lft forever
"""
DEVICES = """eth0\t\t52:54:00:00:00:01\t1500\tup\t1\t0x1103\t1000
lo\t\t00:00:00:00:00:00\t65536\tunknown\t772\t0x9\t
"""


def test_interfaces_and_the_way_into_the_world() -> None:
    way = "8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0 \\    cache"
    found = read_facts(f"\0devices\0{DEVICES}\0addresses\0{ADDRESSES}\1{way}\1")
    assert found["all_ipv4_addresses"] == ["10.0.0.5", "10.0.0.6", "10.8.0.2", "172.17.0.1"]
    assert found["all_ipv6_addresses"] == ["fe80::1"]
    assert found["eth0"]["ipv4_secondaries"][0]["address"] == "10.0.0.6"
    assert found["eth0"]["promisc"] is True
    assert "macaddress" not in found["lo"]
    assert found["tun0"]["ipv4"]["prefix"] == "32"
    assert found["veth1"]["ipv4"]["netmask"] == "255.255.0.0"
    assert found["default_ipv6"] == {}
    assert found["default_ipv4"] == {
        "address": "10.0.0.5",
        "alias": "eth0",
        "broadcast": "10.0.0.255",
        "gateway": "10.0.0.1",
        "interface": "eth0",
        "macaddress": "52:54:00:00:00:01",
        "mtu": 1500,
        "netmask": "255.255.255.0",
        "network": "10.0.0.0",
        "prefix": "24",
        "type": "ether",
    }


def test_mounts_with_odd_names_keep_their_sizes() -> None:
    table = (
        "/dev/sda1 /mnt/with\\040space ext4 rw 0 2\nproc /proc proc rw 0 0\nnas:/x /n nfs rw 0 0\n"
    )
    found = read_facts(f"\0mounts\0{table}\x014096 100 40 50 20 /mnt/with space\n")["mounts"]
    assert [entry["mount"] for entry in found] == ["/mnt/with space", "/n"]
    assert found[0]["size_total"] == 409600
    assert found[0]["inode_used"] == 30
    assert "size_total" not in found[1]  # a server that did not answer


@pytest.mark.parametrize(
    ("seen", "manager"),
    [
        ("systemd\nsystemd\n", "systemd"),
        ("sh\nsystemd\n", "systemd"),
        ("init\nopenrc\nsysvinit\n", "openrc"),
        ("sh\noffline\nsysvinit\n", "systemd"),
        ("init\nsysvinit\n", "sysvinit"),
        ("runit-init\n", "runit"),
        ("bash\n", "service"),
    ],
)
def test_what_starts_services(seen: str, manager: str) -> None:
    assert read_facts(f"\0service_mgr\0{seen}")["service_mgr"] == manager


@pytest.mark.parametrize(
    ("signs", "kind", "role"),
    [
        ("", "NA", "NA"),
        ("container=lxc\n", "lxc", "guest"),
        ("container=systemd-nspawn\n", "container", "guest"),
        ("/.dockerenv\nsys_vendor=QEMU\n", "docker", "guest"),
        ("product_name=VMware Virtual Platform\n", "VMware", "guest"),
        ("sys_vendor=Amazon EC2\n", "kvm", "guest"),
        ("kvm \n", "kvm", "host"),
    ],
)
def test_kinds_of_machine(signs: str, kind: str, role: str) -> None:
    found = read_facts(f"\0virtualization\0{signs}")
    assert (found["virtualization_type"], found["virtualization_role"]) == (kind, role)


def test_selinux_with_its_configuration() -> None:
    found = read_facts("\0selinux\0" + "1\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
    assert found["selinux"] == {
        "status": "enabled",
        "mode": "enforcing",
        "config_mode": "enforcing",
        "type": "targeted",
    }
