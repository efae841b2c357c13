"""A chain of real hosts, each of which lets in only the one before it."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from raftfleet import sandbox
from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import SandboxError, UnreachableError
from raftfleet.sandbox.tools import require_machine
from raftfleet.transport import (
    Command,
    Lost,
    SshOptions,
    hops,
    link,
    make_transport,
    options_from_variables,
    route,
)
from raftfleet.transport.ssh import SshTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raftfleet.sandbox import Sandbox, SandboxHost
    from raftfleet.transport import Transport

pytestmark = pytest.mark.hosts
PATIENCE = 30.0


@pytest.fixture(scope="module")
def hosts() -> Iterator[Sandbox]:
    """n1, n2 and n3; n2 answers only n1, and n3 only n2."""
    try:
        require_machine()
    except SandboxError as missing:
        pytest.skip(str(missing))
    name = f"ssh-{os.getpid()}"
    with sandbox.running(name, 3, disk_mb=64) as made:
        first, second, third = made.hosts
        only_from(second, first)
        only_from(third, second)
        yield made


def inside(host: SandboxHost, *argv: str, text: str = "") -> None:
    """Run a program of the machine in a host's network."""
    net = f"--net=/proc/{host.init_pid}/ns/net"
    subprocess.run(["nsenter", net, "--", *argv], input=text, text=True, check=True)


def only_from(host: SandboxHost, friend: SandboxHost) -> None:
    inside(
        host,
        "nft",
        "-f",
        "-",
        text="table inet raftfleet_test_ssh {\n chain input {\n"
        "  type filter hook input priority 0\n"
        f"  tcp dport 22 ip saddr != {friend.address} reject with tcp reset\n }}\n}}\n",
    )


@pytest.fixture
def config(hosts: Sandbox, tmp_path: Path) -> Path:
    """How the hosts are called, and that n3 lies behind n2 and n2 behind n1."""
    path = tmp_path / "config"
    path.write_text(
        "".join(f"Host {host.name}\n  HostName {host.address}\n" for host in hosts.hosts)
        + "Host n2\n  ProxyJump n1\nHost n3\n  ProxyJump n2\n"
        f"Host *\n  User root\n  IdentityFile {hosts.key_file}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {hosts.known_hosts}\n  StrictHostKeyChecking yes\n"
    )
    return path


@pytest.fixture
def reach(config: Path, tmp_path: Path) -> Iterator[Callable[..., Transport]]:
    made: list[Transport] = []

    def reach(host: str, args: str = "", **variables: object) -> Transport:
        said = {"ansible_ssh_common_args": f"-F {config} {args}", **variables}
        options = options_from_variables(host, said, project_known_hosts=tmp_path / "known_hosts")
        made.append(make_transport(host, options))
        return made[-1]

    before = set(threading.enumerate())
    yield reach
    for transport in made:
        transport.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()
    assert route._hops == {}


def name_of(transport: Transport) -> str:
    outcome = transport.run(Command("cat /proc/sys/kernel/hostname"), timeout=PATIENCE)
    assert outcome.ok, outcome
    return outcome.stdout.decode().strip()


def test_the_far_hosts_do_not_answer_us(hosts: Sandbox) -> None:
    for host in hosts.hosts[1:]:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host.address, 22), timeout=5)


def test_aliases_lead_through_the_chain(reach: Callable[..., Transport], tmp_path: Path) -> None:
    assert [name_of(reach(name)) for name in ("n3", "n2", "n1")] == ["n3", "n2", "n1"]
    # All keys were known already.
    assert not (tmp_path / "known_hosts").exists()


def test_the_machines_on_the_way_are_known_by_name(config: Path, tmp_path: Path) -> None:
    deadline = Deadline.after(PATIENCE, SystemClock())
    for host, args, way in (
        ("n3", "", ("n1", "n2")),
        ("n1", "", ()),
        ("n3", "-J n2", ("n1", "n2")),
    ):
        said = {"ansible_ssh_common_args": f"-F {config} {args}"}
        options = options_from_variables(host, said, project_known_hosts=tmp_path / "known_hosts")
        assert isinstance(options, SshOptions)
        assert hops(host, options, deadline) == way


def test_jumps_on_the_command_line_lead_through_the_chain(
    reach: Callable[..., Transport], hosts: Sandbox, config: Path
) -> None:
    text = config.read_text().replace("ProxyJump", "#")
    config.write_text(text)
    assert name_of(reach("n3", "-J n1,n2")) == "n3"
    with pytest.raises(UnreachableError, match=r"cannot be reached from n1: connect failed"):
        reach("n3", "-J n1").connect(timeout=PATIENCE)
    known = f"-o UserKnownHostsFile={hosts.known_hosts} -i {hosts.key_file} -l root"
    command = f"ssh -F {config} -J n1 {known} -W %h:%p n2"
    assert name_of(reach("n3", f"-o 'ProxyCommand={command}'")) == "n3"


def test_a_chain_that_breaks_in_the_middle_is_noticed_and_mended(
    reach: Callable[..., Transport], hosts: Sandbox
) -> None:
    transport = reach("n3")
    assert name_of(transport) == "n3"
    outcomes: list[object] = []
    stream = threading.Thread(
        target=lambda: outcomes.append(
            transport.run(Command("touch /tmp/began; sleep 60"), timeout=PATIENCE)
        )
    )
    stream.start()
    began_file = hosts.host("n3").root / "tmp/began"
    deadline = time.monotonic() + PATIENCE
    while not began_file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    # What serves n1's connections dies; what listens stays.
    inside_pid(hosts.host("n1"), "kill -9 $(pgrep -f '^sshd: root')")
    stream.join(PATIENCE)
    assert time.monotonic() - began < 5
    assert isinstance(outcomes[0], Lost)
    assert "was lost" in outcomes[0].reason
    assert name_of(transport) == "n3"


def test_a_host_that_is_gone_does_not_cost_the_others_their_bastion(
    reach: Callable[..., Transport], hosts: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bastion that waits in vain for one host has nothing to say, and is not dead for that."""
    monkeypatch.setattr(link, "SILENCE", 0.5)
    monkeypatch.setattr(link, "MOMENT", 0.5)
    there = reach("n3")
    assert name_of(there) == "n3"
    inside(
        hosts.host("n3"),
        *[
            "nft",
            "add",
            "rule",
            "inet",
            "raftfleet_test_ssh",
            "input",
            "tcp",
            "dport",
            "2299",
            "drop",
        ],
    )
    assert isinstance(there, SshTransport)
    before = there._link
    for _ in range(2):
        with pytest.raises(UnreachableError, match="n2 did not reach it in time"):
            reach("gone", ansible_host="n3", ansible_port=2299).connect(timeout=1.5)
    assert name_of(there) == "n3"
    assert there._link is before


def inside_pid(host: SandboxHost, line: str) -> None:
    """Run a line among a host's own processes."""
    pid = str(host.init_pid)
    subprocess.run(["nsenter", "-t", pid, "-m", "-p", "sh", "-c", line], check=True)


def test_many_hosts_behind_one_chain_share_it(
    reach: Callable[..., Transport], hosts: Sandbox
) -> None:
    def logins() -> list[int]:
        logs = [host.root / "var/log/sshd.log" for host in hosts.hosts]
        return [log.read_text().count("Accepted publickey") for log in logs]

    before = logins()
    transports = [reach(f"far{number}", ansible_host="n3") for number in range(6)]
    assert [name_of(transport) for transport in transports] == ["n3"] * 6
    more = [after - earlier for earlier, after in zip(before, logins(), strict=True)]
    assert more == [1, 1, 6]


def test_a_link_local_address_is_reached_by_its_scope(
    reach: Callable[..., Transport], hosts: Sandbox
) -> None:
    first = hosts.host("n1")
    inside(first, "ip", "-6", "addr", "replace", "fe80::77:2/64", "dev", "eth0", "nodad")
    ours = ["ip", "-6", "addr", "replace", "fe80::77:1/64", "dev", hosts.bridge, "nodad"]
    if subprocess.run(ours, capture_output=True, check=False).returncode:
        pytest.skip("no IPv6 on this machine")
    # The hosts' own sshd listens on IPv4; this one ends with the sandbox.
    listen = Command("/usr/sbin/sshd -o AddressFamily=inet6 -o ListenAddress=[::]:2222")
    assert reach("n1").run(listen, timeout=PATIENCE).ok
    address = f"fe80::77:2%{hosts.bridge}"
    transport = reach("n1", "-o HostKeyAlias=n1", ansible_host=address, ansible_port=2222)
    assert name_of(transport) == "n1"
