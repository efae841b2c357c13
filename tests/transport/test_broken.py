"""Connections that break or die in silence, on a real sshd behind a router of our own."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import TaskError, UnreachableError
from raftfleet.transport import Command, Exited, Lost, TimedOut
from tests.transport.lab import at_once
from tests.transport.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transport.conftest import MakeTransport
    from tests.transport.sshd import Sshd

PATIENCE = 40.0
TRUE = Command("true")


@pytest.fixture
def router(sshd: Sshd) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", sshd.port) as proxy:
        yield proxy


@pytest.fixture
def forgetful(sshd: Sshd) -> Iterator[Proxy]:
    """A router that forgets a flow that was idle for a second."""
    with Proxy("127.0.0.1", sshd.port, forgets=1.0) as proxy:
        yield proxy


def counting(folder: Path, then: str) -> str:
    """A command that leaves a line each time it is begun."""
    return f"echo x >>{folder}/begun; {then}"


def begun(folder: Path) -> int:
    return len((folder / "begun").read_text().split())


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be counted does not."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


# Idle connections


def idle(seconds: float) -> None:
    """Let a connection be idle: the router counts real time."""
    time.sleep(seconds)


def test_keepalives_hold_an_idle_connection_open(ssh: MakeTransport, forgetful: Proxy) -> None:
    transport = ssh(port=forgetful.port, keepalive=0.3)
    assert transport.run(TRUE, timeout=PATIENCE).ok
    idle(3.0)
    assert transport.run(TRUE, timeout=PATIENCE).ok
    assert forgetful.accepted == 1


def test_a_connection_forgotten_while_idle_is_made_anew_for_the_next_command(
    ssh: MakeTransport, forgetful: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftfleet.transport.link.SILENCE", 1.0)
    transport = ssh(port=forgetful.port, keepalive=0)
    assert transport.run(TRUE, timeout=PATIENCE).ok
    idle(2.0)
    began = time.monotonic()
    assert transport.run(Command("echo back"), timeout=PATIENCE).out == "back\n"
    assert time.monotonic() - began < 10
    assert forgetful.accepted == 2


def test_a_connection_that_dies_under_a_command_is_noticed_by_keepalives(
    ssh: MakeTransport, router: Proxy
) -> None:
    # The router acknowledges what it throws away, so the kernel notices nothing.
    transport = ssh(port=router.port, keepalive=0.3)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.5, router.forget).start()
    began = time.monotonic()
    outcome = transport.run(Command("sleep 600"), timeout=PATIENCE)
    assert isinstance(outcome, Lost)
    assert "answered none of 3 keepalives" in outcome.reason
    assert time.monotonic() - began < 10
    assert transport.run(TRUE, timeout=PATIENCE).ok


def test_a_host_that_only_takes_long_is_not_given_up(
    ssh: MakeTransport, router: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftfleet.transport.link.SILENCE", 0.5)
    transport = ssh(port=router.port, keepalive=0.2)
    assert transport.run(Command("sleep 3; echo slow"), timeout=PATIENCE).out == "slow\n"
    assert router.accepted == 1


# Commands


@pytest.mark.parametrize("how", ["reset", "forget"])
def test_a_resumable_command_is_done_once_and_its_outcome_fetched(
    ssh: MakeTransport, router: Proxy, folder: Path, how: str
) -> None:
    transport = ssh(port=router.port, keepalive=0.2)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.6, getattr(router, how)).start()
    line = counting(folder, "sleep 2; cat; echo oops >&2; exit 9")
    began = time.monotonic()
    outcome = transport.run(Command(line, resumable=True), timeout=PATIENCE, stdin=b"in\n")
    assert isinstance(outcome, Exited)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (9, b"in\n", b"oops\n")
    assert begun(folder) == 1
    assert router.accepted == 2
    assert began <= outcome.began < began + 0.6


def test_a_command_that_is_not_resumable_is_lost_and_not_repeated(
    ssh: MakeTransport, router: Proxy, folder: Path
) -> None:
    transport = ssh(port=router.port)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.6, router.reset).start()
    outcome = transport.run(Command(counting(folder, "sleep 2")), timeout=PATIENCE)
    assert isinstance(outcome, Lost)
    assert begun(folder) == 1


CUTS = [
    *((200 + number * 12_000, 200_000) for number in range(18)),  # under the input
    *((2_000 + number * 170, 10) for number in range(40)),  # under all there is around it
]


def test_a_connection_cut_anywhere_does_nothing_twice(
    ssh: MakeTransport, router: Proxy, folder: Path
) -> None:
    """Cut after every so many bytes: while logging in, asking, sending input, and at the end."""
    transport = ssh(port=router.port)
    (folder / "begun").touch()
    cuts = 0
    for limit, size in CUTS:

        def cut(flow: object, limit: int = limit) -> None:
            nonlocal cuts
            if getattr(flow, "passed", 0) > limit:
                cuts += 1
                router.watch = lambda _: None
                router.reset()

        router.watch = cut
        transport.close()
        before = begun(folder)
        line = counting(folder, "cksum; exit 3")
        command = Command(line, resumable=True)
        outcome = transport.run(command, timeout=PATIENCE, stdin=os.urandom(size))
        assert isinstance(outcome, Exited), outcome
        assert outcome.status == 3
        assert outcome.out.split()[1] == str(size)
        assert begun(folder) == before + 1
    assert cuts > 35


def test_a_deadline_ends_a_resumed_command_too(
    ssh: MakeTransport, router: Proxy, folder: Path
) -> None:
    transport = ssh(port=router.port)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.5, router.reset).start()
    line = f"echo $$ >{folder}/pid; " + counting(folder, "sleep 600 & sleep 600")
    outcome = transport.run(Command(line, resumable=True), timeout=2.5)
    assert isinstance(outcome, TimedOut)
    assert (outcome.after, outcome.ended_remote) == (2.5, True)
    assert begun(folder) == 1
    pid = int((folder / "pid").read_text())
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_a_command_that_dies_with_its_connection_is_lost_and_said_to_be(
    ssh: MakeTransport, router: Proxy, folder: Path
) -> None:
    # As where the host's logind ends everything of a user who logs out.
    transport = ssh(port=router.port)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.6, router.reset).start()
    line = counting(folder, "sleep 1; kill -s KILL 0")
    outcome = transport.run(Command(line, resumable=True), timeout=PATIENCE)
    assert isinstance(outcome, Lost)
    assert "ended together with its connection" in outcome.reason
    assert begun(folder) == 1


def test_a_record_that_went_with_a_restart_is_not_taken_for_a_command_never_begun(
    ssh: MakeTransport, router: Proxy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To the host it looks as if its first process were younger than our first attempt.
    monkeypatch.setattr("raftfleet.transport.recorded._AGE", 10_000_000_000)
    transport = ssh(port=router.port)
    transport.connect(timeout=PATIENCE)
    forget = 'rm -rf "$(dirname "$(readlink /proc/$$/fd/1)")"'
    threading.Timer(0.6, router.reset).start()
    line = counting(folder, f"{forget}; sleep 1")
    outcome = transport.run(Command(line, resumable=True), timeout=PATIENCE)
    assert isinstance(outcome, Lost)
    assert "restarted meanwhile" in outcome.reason
    assert begun(folder) == 1


def test_a_host_that_stays_away_is_lost_and_names_both_reasons(
    ssh: MakeTransport, router: Proxy, folder: Path
) -> None:
    transport = ssh(port=router.port, connect_timeout=0.5)
    transport.connect(timeout=PATIENCE)

    def away() -> None:
        router.watch = lambda _: router.reset()
        router.reset()

    threading.Timer(0.5, away).start()
    outcome = transport.run(Command(counting(folder, "sleep 30"), resumable=True), timeout=PATIENCE)
    assert isinstance(outcome, Lost)
    assert "; then h1 " in outcome.reason
    assert begun(folder) == 1
    pid = Path(f"{folder}/begun")
    assert pid.exists()


def test_records_go_with_the_next_command(ssh: MakeTransport) -> None:
    transport = ssh()
    where = "for d in /run/raftfleet/commands /var/lib/raftfleet/commands $HOME/.raftfleet/commands"
    count = f"{where}; do ls $d 2>/dev/null; done"
    before = set(transport.run(Command(count), timeout=PATIENCE).out.split())
    for _ in range(20):
        assert transport.run(Command("echo", resumable=True), timeout=PATIENCE).ok
    left = set(transport.run(Command(count), timeout=PATIENCE).out.split()) - before
    assert len(left) <= 2  # the last one, and one that is just being removed


def test_several_threads_have_records_of_their_own(ssh: MakeTransport) -> None:
    transport = ssh()

    def work(number: int) -> str:
        command = Command(f"sleep 0.1; echo {number}; cat", resumable=True)
        return transport.run(command, timeout=PATIENCE, stdin=b"%d" % number).out

    assert at_once(12, work) == [f"{number}\n{number}" for number in range(12)]


# Files


@pytest.mark.parametrize("how", ["reset", "forget"])
def test_a_file_is_gone_on_with_after_every_cut(
    ssh: MakeTransport, router: Proxy, folder: Path, how: str
) -> None:
    transport = ssh(port=router.port, keepalive=0.2)
    data = os.urandom(20_000_000)
    cuts = [15_000_000, 9_000_000, 3_000_000]
    sent = 0

    def cut(flow: object) -> None:
        nonlocal sent
        if cuts and getattr(flow, "passed", 0) > 4_000_000:
            sent += cuts.pop()
            getattr(router, how)()

    router.watch = cut
    target = PurePosixPath(folder / "file")
    assert transport.put(data, target, mode=0o600, timeout=PATIENCE).changed
    assert Path(target).read_bytes() == data
    assert router.accepted == 4
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_two_names_of_one_machine_whose_connections_break_do_not_mix_their_parts(
    ssh: MakeTransport, router: Proxy, folder: Path
) -> None:
    data = os.urandom(8_000_000)
    target = PurePosixPath(folder / "file")
    transports = [ssh(f"h{number}", port=router.port) for number in range(3)]
    cuts = 2

    def cut(flow: object) -> None:
        nonlocal cuts
        if cuts and getattr(flow, "passed", 0) > 3_000_000:
            cuts -= 1
            router.reset()

    router.watch = cut
    results = at_once(
        3, lambda number: transports[number].put(data, target, mode=0o600, timeout=PATIENCE).size
    )
    assert results == [8_000_000] * 3
    assert Path(target).read_bytes() == data
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_a_part_that_nobody_comes_back_for_is_removed_by_the_host(
    ssh: MakeTransport, router: Proxy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftfleet.transport.shell.LINGER", 1)
    transport = ssh(port=router.port, connect_timeout=0.3)

    def away(flow: object) -> None:
        if getattr(flow, "passed", 0) > 2_000_000:
            router.watch = lambda _: router.reset()
            router.reset()

    router.watch = away
    with pytest.raises(UnreachableError, match=rf"h1: connection lost, cannot send {folder}"):
        transport.put(bytes(9_000_000), PurePosixPath(folder / "f"), mode=0o600, timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(folder.iterdir()) == []


# Closing


@pytest.mark.parametrize("what", ["command", "put"])
def test_what_is_closed_from_here_is_not_taken_up_again(
    ssh: MakeTransport, router: Proxy, folder: Path, what: str
) -> None:
    transport = ssh(port=router.port)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.4, transport.close).start()
    began = time.monotonic()
    if what == "command":
        command = Command("trap '' TERM; sleep 600", resumable=True)
        assert not transport.run(command, timeout=PATIENCE).ok
    else:
        with pytest.raises((UnreachableError, TaskError)):
            transport.put(
                bytes(50_000_000),
                PurePosixPath(folder / "f"),
                mode=0o600,
                timeout=PATIENCE,
                progress=lambda _done, _total: time.sleep(0.001),
            )
    assert time.monotonic() - began < 10
    assert router.accepted == 1


def test_a_tunnel_may_take_as_long_as_it_likes(
    ssh: MakeTransport, router: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The host itself must connect, and where packets are dropped that takes long.
    monkeypatch.setattr("raftfleet.transport.link.SILENCE", 0.3)
    transport = ssh(port=router.port)
    endpoint = transport.forward("127.0.0.1", 1, timeout=2.0)
    transport.connect(timeout=PATIENCE)
    threading.Timer(0.1, router.hold).start()
    idle(0.3)
    with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as peer:
        idle(1.0)
        router.release()
        with pytest.raises(ConnectionResetError):
            peer.recv(1)
    assert transport.run(TRUE, timeout=PATIENCE).ok
    assert router.accepted == 1
