from __future__ import annotations

import ipaddress
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SandboxError
from raftfleet.sandbox import network, reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.sandbox import Sandbox


ORPHAN = f"sbx-orphan-{os.getpid()}"


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[ipaddress.IPv4Network]:
    there: list[ipaddress.IPv4Network] = []
    monkeypatch.setattr(network, "_destinations", lambda _: there)
    return there


@pytest.mark.usefixtures("routes")
def test_a_sandbox_made_again_gets_its_old_subnet() -> None:
    first = network.free_subnet("sbx-a", set(), keep=-1)
    assert first == network.free_subnet("sbx-a", set(), keep=-1)
    assert ipaddress.IPv4Network(first).subnet_of(network.REALM)


@pytest.mark.usefixtures("routes")
def test_every_subnet_is_given_out_once_and_then_no_more() -> None:
    taken: set[str] = set()
    for _ in range(256):
        subnet = network.free_subnet("sbx-a", taken, keep=-1)
        assert subnet not in taken
        taken.add(subnet)
    with pytest.raises(SandboxError, match="no free /24"):
        network.free_subnet("sbx-a", taken, keep=-1)


def test_subnets_that_the_machine_has_routes_to_are_left_alone(
    routes: list[ipaddress.IPv4Network],
) -> None:
    favourite = ipaddress.IPv4Network(network.free_subnet("sbx-a", set(), keep=-1))
    for route in (favourite, ipaddress.IPv4Network(f"{favourite[40]}/32"), favourite.supernet()):
        routes[:] = [route]
        assert network.free_subnet("sbx-a", set(), keep=-1) != str(favourite)
    routes[:] = [ipaddress.IPv4Network("10.0.0.0/8")]
    assert network.free_subnet("sbx-a", set(), keep=-1) == str(favourite)


def test_a_network_that_owns_all_our_addresses_is_named(
    routes: list[ipaddress.IPv4Network],
) -> None:
    routes.append(network.REALM)
    with pytest.raises(SandboxError, match=r"routes to 10\.77\.0\.0/16"):
        network.free_subnet("sbx-a", set(), keep=-1)


@pytest.fixture
def orphan() -> Iterator[str]:
    """A route whose sandbox is gone without a trace."""
    subnet = "10.77.255.128/25"
    route = ["unreachable", subnet, *network._mark(ORPHAN).split()]
    subprocess.run(["ip", "route", "add", *route], check=True)
    yield subnet
    subprocess.run(["ip", "route", "del", *route], check=False, capture_output=True)


@pytest.mark.hosts
def test_routes_are_found_by_the_sandboxs_name_alone(orphan: str) -> None:
    assert network.remove_routes(f"{ORPHAN}-b", keep=1) == []
    assert network.remove_routes(ORPHAN, keep=1) == [orphan]
    assert network.remove_routes(ORPHAN, keep=1) == []


@pytest.mark.hosts
def test_a_subnet_with_a_route_to_it_is_not_free(orphan: str) -> None:
    assert orphan in map(str, network._destinations(keep=1))


@pytest.mark.hosts
def test_removing_interfaces_that_are_not_there_is_fine() -> None:
    assert network.links("sbx-never-made") == []
    network.remove_links("sbx-never-made", keep=1)


def test_every_address_has_a_mac_address_of_its_own() -> None:
    macs = {network._mac(str(address)) for address in ipaddress.ip_network("10.77.3.0/24")}
    assert len(macs) == 256
    assert network._mac("10.77.3.11") == "02:77:0a:4d:03:0b"


@pytest.mark.hosts
def test_packets_for_hosts_whose_bridge_is_gone_do_not_leave_this_machine(trio: Sandbox) -> None:
    address = trio.hosts[0].address

    def way() -> str:
        argv = ["ip", "route", "get", address]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert f"dev {trio.bridge}" in way()
    subprocess.run(["ip", "link", "set", trio.bridge, "down"], check=True)
    try:
        assert way() == "RTNETLINK answers: No route to host\n"
    finally:
        subprocess.run(["ip", "link", "set", trio.bridge, "up"], check=True)
        reach.await_sshd(trio)


@pytest.mark.hosts
def test_a_lost_arp_request_is_repeated_soon_on_both_sides(trio: Sandbox) -> None:
    times = f"/proc/sys/net/ipv4/neigh/{trio.bridge}/retrans_time_ms"
    assert 0 < int(Path(times).read_text(encoding="ascii")) <= 40  # 30, in whole jiffies
    argv = trio.ssh_argv("n1", ["cat", "/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms"])
    shown = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    assert 0 < int(shown.stdout) <= 40


@pytest.mark.hosts
def test_the_bridges_address_does_not_change_with_its_ports(trio: Sandbox) -> None:
    shown = Path("/sys/class/net", trio.bridge, "address").read_text(encoding="ascii").strip()
    assert shown == network._mac(trio.gateway)
