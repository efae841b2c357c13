"""The way to a host: jumps that are shared and made anew, and commands that carry a connection."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import AuthenticationError, HostKeyError, UnreachableError, UsageError
from raftfleet.transport import Command, make_transport, options_from_variables, route
from tests.transport.lab import at_once
from tests.transport.sshd import Sshd, free_port, missing, new_key, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raftfleet.transport import Transport

    Reach = Callable[..., Transport]

PATIENCE = 30.0
TRUE = Command("true")
PEER = Command('printf %s "$SSH_CONNECTION"')


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Sshd, Sshd, Sshd]]:
    """Three sshd: the host, and two that lie before it."""
    if reason := missing():
        pytest.skip(reason)
    with contextlib.ExitStack() as stack:
        made = []
        for name in ("target", "b1", "b2"):
            (tmp_path / name).mkdir()
            made.append(stack.enter_context(Sshd(tmp_path / name)))
        yield made[0], made[1], made[2]


@pytest.fixture
def config(servers: tuple[Sshd, Sshd, Sshd], tmp_path: Path) -> Path:
    """An ssh_config that knows the three by name."""
    path = tmp_path / "config"
    blocks = [
        f"Host {name}\n  HostName 127.0.0.1\n  Port {server.port}\n"
        f"  IdentityFile {server.key_file}\n  IdentitiesOnly yes\n"
        for name, server in zip(("target", "b1", "b2"), servers, strict=True)
    ]
    path.write_text("".join(blocks))
    return path


@pytest.fixture
def reach(config: Path, tmp_path: Path) -> Iterator[Reach]:
    """Make transports as an inventory says; they leave no thread, no process, no connection."""
    made: list[Transport] = []
    before = set(threading.enumerate())

    def make(host: str = "target", args: str = "", **variables: object) -> Transport:
        said = {"ansible_ssh_common_args": f"-F {config} {args}", **variables}
        options = options_from_variables(host, said, project_known_hosts=tmp_path / "known_hosts")
        made.append(make_transport(host, options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive(), thread
    assert route._hops == {}


def said_by(transport: Transport, command: Command = PEER) -> str:
    outcome = transport.run(command, timeout=PATIENCE)
    assert outcome.ok, outcome
    return outcome.stdout.decode()


def children(name: str) -> list[int]:
    return [pid for pid, parent, found in processes() if parent == os.getpid() and found == name]


def logins(server: Sshd) -> int:
    return (server.folder / "sshd.log").read_text().count("Accepted publickey")


# Jumps


@pytest.mark.parametrize("how", ["-J b1", "-o ProxyJump=b1"])
def test_a_host_is_reached_through_another(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach, how: str
) -> None:
    transport = reach(args=how)
    assert said_by(transport).split()[3] == str(servers[0].port)
    assert logins(servers[1]) == 1


def test_several_jumps_follow_each_other(servers: tuple[Sshd, Sshd, Sshd], reach: Reach) -> None:
    assert said_by(reach(args="-J b1,b2"))
    assert [logins(server) for server in servers] == [1, 1, 1]


def test_an_alias_brings_its_own_jump(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach, config: Path
) -> None:
    config.write_text(f"Host b2\n  ProxyJump b1\nHost target\n  ProxyJump b2\n{config.read_text()}")
    assert said_by(reach())
    assert [logins(server) for server in servers] == [1, 1, 1]
    assert said_by(reach(args="-o ProxyJump=none"))
    assert [logins(server) for server in servers] == [2, 1, 1]


def test_every_host_key_on_the_way_is_remembered_and_checked(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach, tmp_path: Path
) -> None:
    first = reach(args="-J b1")
    assert said_by(first)
    first.close()
    names = [line.split()[0] for line in (tmp_path / "known_hosts").read_text().splitlines()]
    assert names == [f"[127.0.0.1]:{server.port}" for server in (servers[1], servers[0])]
    other = new_key(tmp_path / "other").with_suffix(".pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{servers[1].port} {other}")
    with pytest.raises(HostKeyError, match="target via b1: b1 shows another host key"):
        reach(args="-J b1").connect(timeout=PATIENCE)


def test_hosts_share_the_connection_to_their_jump(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach
) -> None:
    transports = [reach(f"h{number}", "-J b1", ansible_host="target") for number in range(12)]
    assert at_once(12, lambda number: transports[number].run(TRUE, timeout=60).ok) == [True] * 12
    assert logins(servers[1]) == 1
    assert logins(servers[0]) == 12
    for transport in transports[1:]:
        transport.close()
    assert said_by(transports[0])
    assert len(route._hops) == 1
    transports[0].close()
    assert route._hops == {}
    assert said_by(transports[3])
    assert logins(servers[1]) == 2


def test_a_jump_may_be_a_host_itself(servers: tuple[Sshd, Sshd, Sshd], reach: Reach) -> None:
    through, itself = reach(args="-J b1"), reach("b1")
    assert said_by(through)
    assert said_by(itself).split()[3] == str(servers[1].port)
    through.close()
    assert said_by(itself)


def test_a_jump_that_does_not_answer_is_named(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach
) -> None:
    servers[1].stop()
    with pytest.raises(
        UnreachableError, match=r"target via b1: b1 \(.*\) cannot be reached: connection refused"
    ):
        reach(args="-J b1").connect(timeout=PATIENCE)
    with pytest.raises(UnreachableError, match=r"target via b2 via b1: b1 \(.*\) cannot be reach"):
        reach(args="-J b1,b2").connect(timeout=PATIENCE)


def test_those_who_wait_for_a_jump_that_fails_all_hear_of_it(reach: Reach, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config.write_text(f"Host b1\n  HostName 127.0.0.1\n  Port {mute.getsockname()[1]}\n")
        transports = [reach(f"h{number}", "-J b1 -p 9") for number in range(10)]
        began = time.monotonic()
        results = at_once(10, lambda number: transports[number].connect(timeout=1.5))
        assert time.monotonic() - began < 10
    for number, result in enumerate(results):
        assert isinstance(result, UnreachableError)
        assert f"h{number}" in result.message
        assert "b1" in result.message


def test_a_jump_that_does_not_let_us_in_has_keys_of_its_own(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach, config: Path, tmp_path: Path
) -> None:
    wrong = new_key(tmp_path / "wrong")
    config.write_text(
        f"Host b1\n  HostName 127.0.0.1\n  Port {servers[1].port}\n"
        f"  IdentityFile {wrong}\n  IdentitiesOnly yes\n{config.read_text()}".replace(
            str(servers[1].key_file), str(wrong)
        )
    )
    right = str(servers[0].key_file)
    with pytest.raises(AuthenticationError, match=r"target via b1: b1 \(.*\) did not let") as info:
        reach(args="-J b1", ansible_ssh_private_key_file=right).connect(timeout=PATIENCE)
    assert "Host b1" in str(info.value)


def test_what_a_jump_cannot_reach_is_said_from_there(reach: Reach) -> None:
    port = free_port()
    with pytest.raises(
        UnreachableError, match=rf"target \(.*:{port}\) cannot be reached from b1: connect failed"
    ):
        reach(args=f"-J b1 -p {port}").connect(timeout=PATIENCE)


def test_a_jump_that_forbids_it_is_said_to(tmp_path: Path, reach: Reach, config: Path) -> None:
    (tmp_path / "closed").mkdir()
    with Sshd(tmp_path / "closed", environment="AllowTcpForwarding no\n") as closed:
        config.write_text(
            f"Host b3\n  HostName 127.0.0.1\n  Port {closed.port}\n  IdentityFile"
            f" {closed.key_file}\n{config.read_text()}"
        )
        with pytest.raises(UnreachableError, match="from b3: administratively prohibited") as info:
            reach(args="-J b3").connect(timeout=PATIENCE)
    assert "AllowTcpForwarding" in str(info.value)


def test_jumps_in_a_circle_end(reach: Reach, config: Path) -> None:
    config.write_text(f"Host b1\n  ProxyJump b2\nHost b2\n  ProxyJump b1\n{config.read_text()}")
    with pytest.raises(UsageError, match="round in a circle: b1 via b2 via b1"):
        reach(args="-J b1").connect(timeout=PATIENCE)


def test_a_jump_that_is_lost_is_noticed_and_made_anew(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach, tmp_path: Path
) -> None:
    transport = reach(args="-J b1")
    assert said_by(transport)
    lost: list[object] = []
    began_file = tmp_path / "began"
    command = Command(f"touch {began_file}; sleep 60")
    running = threading.Thread(target=lambda: lost.append(transport.run(command, timeout=PATIENCE)))
    running.start()
    deadline = time.monotonic() + PATIENCE
    while not began_file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    servers[1].cut()
    running.join(PATIENCE)
    assert time.monotonic() - began < 5
    assert "the connection to b1 was lost" in str(lost[0])
    assert said_by(transport)
    assert logins(servers[1]) == 2


def test_a_frozen_jump_costs_only_the_deadline_and_is_replaced(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach
) -> None:
    first = reach("h1", "-J b1", ansible_host="target")
    assert said_by(first)
    servers[1].freeze()
    try:
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            reach("h2", "-J b1", ansible_host="target").connect(timeout=1.0)
        assert time.monotonic() - began < 6
        outcome = first.run(TRUE, timeout=1.0)
        assert not outcome.ok
    finally:
        servers[1].thaw()
    assert said_by(first)


def test_a_large_file_goes_through_two_jumps(reach: Reach, tmp_path: Path) -> None:
    data = os.urandom(8_000_000)
    transport = reach(args="-J b1,b2")
    transport.put(data, tmp_path / "sent", mode=0o600, timeout=60)  # type: ignore[arg-type]
    assert (tmp_path / "sent").read_bytes() == data


def test_behind_different_jumps_one_address_has_two_names(reach: Reach, tmp_path: Path) -> None:
    for alias in ("left", "right"):
        assert said_by(reach(alias, f"-J b1 -o HostKeyAlias={alias}", ansible_host="target"))
    names = [line.split()[0] for line in (tmp_path / "known_hosts").read_text().splitlines()]
    assert names[1:] == ["left", "right"]


# Commands


def test_a_command_carries_the_connection_and_ends_with_it(
    servers: tuple[Sshd, Sshd, Sshd], reach: Reach, config: Path
) -> None:
    quiet = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    transport = reach(args=f"-o 'ProxyCommand=ssh -F {config} {quiet} -W [%h]:%p b1'")
    assert said_by(transport)
    assert logins(servers[1]) == 1
    assert len(children("ssh")) == 1
    transport.close()
    assert children("ssh") == []


def test_a_command_that_fails_is_quoted(reach: Reach) -> None:
    with pytest.raises(
        UnreachableError, match=r"ProxyCommand ended: no way to 127\.0\.0\.1"
    ) as info:
        reach(args="-o 'ProxyCommand=sh -c \"echo no way to %h >&2\"'").connect(timeout=PATIENCE)
    assert "it runs: sh -c" in str(info.value)
    with pytest.raises(UnreachableError, match=r"ProxyCommand ended: .*not found"):
        reach(args="-o ProxyCommand=no-such-program").connect(timeout=PATIENCE)


def test_a_command_that_hangs_costs_only_the_deadline(reach: Reach) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer within 1 s"):
        reach(args="-o 'ProxyCommand=sleep 600'").connect(timeout=1.0)
    assert time.monotonic() - began < 8
    assert children("sleep") == []


# Addresses


def test_an_ipv6_address_is_reached_with_and_without_brackets(
    reach: Reach, config: Path, tmp_path: Path
) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on the loopback interface")
    for name in ("six", "seven"):
        (tmp_path / name).mkdir()
    with (
        Sshd(tmp_path / "six", address="::1") as server,
        Sshd(tmp_path / "seven", address="::1") as before,
    ):
        config.write_text(
            f"Host *\n  IdentityFile {before.key_file}\n  IdentityFile {server.key_file}\n"
        )
        port = server.port
        for host in ("::1", "[::1]"):
            found = reach("n1", ansible_host=host, ansible_port=port)
            assert said_by(found).startswith("::1 ")
            assert said_by(
                reach("n1", f"-J [::1]:{before.port}", ansible_host=host, ansible_port=port)
            )
        assert logins(before) >= 1
        names = {line.split()[0] for line in (tmp_path / "known_hosts").read_text().splitlines()}
        assert names == {f"[::1]:{port}", f"[::1]:{before.port}"}


def test_the_address_family_is_kept_to(reach: Reach) -> None:
    with pytest.raises(UnreachableError):
        reach(args="-6").connect(timeout=PATIENCE)
    assert said_by(reach(args="-4 -b 127.0.0.2")).startswith("127.0.0.2 ")


def test_two_names_of_one_machine_do_not_meet(reach: Reach, tmp_path: Path) -> None:
    one, other = (reach(name, ansible_host="target") for name in ("n1", "n2"))
    assert said_by(one) != said_by(other)
    assert len((tmp_path / "known_hosts").read_text().splitlines()) == 1
    one.close()
    assert said_by(other)
