"""What only SSH can get wrong: sessions, threads, output, half-done transfers."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from paramiko.common import MSG_NEWKEYS

from raftfleet.errors import (
    HostKeyError,
    TaskError,
    UnreachableError,
)
from raftfleet.transport import Command, Exited, Signalled, TimedOut
from raftfleet.transport.ssh import SshTransport
from tests.transport.lab import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transport.conftest import MakeTransport
    from tests.transport.sshd import Sshd

PATIENCE = 30.0
TRUE = Command("true")


def is_reset(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, PATIENCE) as peer:
            peer.recv(1)
    except ConnectionError:
        return True
    return False


class Interrupt(BaseException):
    """What Ctrl-C raises, without pytest taking it for one."""


def test_one_connection_serves_more_threads_than_it_has_sessions(ssh: MakeTransport) -> None:
    transport = ssh()

    def work(number: int) -> bytes:
        return transport.run(Command(f"sleep 0.1; echo {number}"), timeout=60).stdout

    assert at_once(24, work) == [f"{number}\n".encode() for number in range(24)]


def test_several_threads_send_and_fetch_at_once(ssh: MakeTransport, folder: Path) -> None:
    transport = ssh()

    def work(number: int) -> bool:
        data = os.urandom(500_000)
        target = PurePosixPath(folder / f"file{number}")
        transport.put(data, target, mode=0o600, timeout=60)
        transport.get(target, folder / f"back{number}", timeout=60)
        return (folder / f"back{number}").read_bytes() == data

    assert at_once(12, work) == [True] * 12


def busy(transport: SshTransport, folder: Path, seconds: float) -> list[object]:
    """Send, fetch, run and stream from several threads for a while; return what went wrong."""
    end = time.monotonic() + seconds
    data = os.urandom(4_000_000)

    def work(number: int) -> object:
        while time.monotonic() < end:
            if number == 0:
                target = PurePosixPath(folder / "file")
                transport.put(os.urandom(8) + data, target, mode=0o600, timeout=60)
                transport.get(target, folder / "back", timeout=60)
            elif number == 1:
                with transport.open(Command("seq 1 2000"), timeout=60) as stream:
                    count = sum(1 for _ in stream.lines(timeout=60))
                if count != 2000:
                    return count
            else:
                outcome = transport.run(Command("exit 3"), timeout=60, stdin=data[: number * 99])
                if not isinstance(outcome, Exited) or outcome.status != 3:
                    return outcome
        return None

    return [result for result in at_once(5, work) if result is not None]


def test_short_commands_beside_long_transfers_keep_the_connection(
    ssh: MakeTransport, folder: Path
) -> None:
    # Commands that end while their input is being closed: sshd hangs up on EOF after CLOSE.
    transport = ssh()
    assert isinstance(transport, SshTransport)
    transport.connect(timeout=PATIENCE)
    link = transport._link
    assert busy(transport, folder, 4.0) == []
    assert transport._link is link
    assert link is not None
    assert link.alive


def test_new_keys_are_exchanged_in_the_middle_of_everything(
    ssh: MakeTransport, folder: Path
) -> None:
    transport = ssh()
    assert isinstance(transport, SshTransport)
    transport.connect(timeout=PATIENCE)
    assert transport._link is not None
    link = transport._link
    carrier: Any = link._transport
    exchanges: list[float] = []
    finish = carrier._handler_table[MSG_NEWKEYS]

    def count(message: object) -> None:
        exchanges.append(time.monotonic())
        finish(message)

    carrier._handler_table[MSG_NEWKEYS] = count
    carrier.packetizer.REKEY_BYTES = 1_000_000
    assert busy(transport, folder, 4.0) == []
    assert len(exchanges) > 5
    assert transport._link is link
    assert link.alive


def test_two_names_of_one_machine_can_send_the_same_file_at_once(
    ssh: MakeTransport, folder: Path
) -> None:
    data = os.urandom(5_000_000)
    transports = [ssh(f"h{number}") for number in range(4)]
    target = PurePosixPath(folder / "file")
    results = at_once(
        4, lambda number: transports[number].put(data, target, mode=0o600, timeout=60).size
    )
    assert results == [5_000_000] * 4
    assert Path(target).read_bytes() == data
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_sessions_in_use_make_others_wait_until_their_deadline(ssh: MakeTransport) -> None:
    transport = ssh()
    streams = [transport.open(Command("sleep 600"), timeout=PATIENCE) for _ in range(8)]
    assert isinstance(transport.run(TRUE, timeout=0.3), TimedOut)
    # Ending a command must be possible even then.
    streams[0].close()
    assert isinstance(streams[0].outcome(timeout=1), Signalled)
    assert transport.run(TRUE, timeout=PATIENCE).ok
    for stream in streams:
        stream.close()


def test_a_connection_keeps_one_thread_and_none_after_close(ssh: MakeTransport) -> None:
    before = threading.active_count()
    transport = ssh()
    for _ in range(5):
        transport.run(Command("cat"), timeout=PATIENCE, stdin=bytes(3_000_000))
    assert threading.active_count() == before + 1
    with transport.open(Command("echo x; sleep 600"), timeout=PATIENCE):
        endpoint = transport.forward("127.0.0.1", 1, timeout=PATIENCE)
        assert threading.active_count() == before + 2
        assert is_reset((endpoint.host, endpoint.port))
    transport.close()
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_nothing_that_connected_in_vain_stays_behind(sshd: Sshd, ssh: MakeTransport) -> None:
    before = threading.active_count()
    for strict in (True, True):
        with pytest.raises(HostKeyError):
            ssh(strict=strict).connect(timeout=PATIENCE)
    sshd.freeze()
    with pytest.raises(UnreachableError):
        ssh().connect(timeout=0.5)
    sshd.thaw()
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_an_open_that_came_too_late_frees_its_session(sshd: Sshd, ssh: MakeTransport) -> None:
    transport = ssh()
    assert transport.run(TRUE, timeout=PATIENCE).ok
    assert isinstance(transport, SshTransport)
    link = transport._link
    for _ in range(12):  # sshd has ten sessions
        sshd.freeze()
        assert isinstance(transport.run(TRUE, timeout=0.1), TimedOut)
        sshd.thaw()
        assert transport.run(TRUE, timeout=PATIENCE).ok
    assert transport._link is link


def test_a_host_that_stays_silent_gets_a_new_connection(
    sshd: Sshd, ssh: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raftfleet.transport.link.SILENCE", 0.5)
    transport = ssh()
    assert isinstance(transport, SshTransport)
    assert transport.run(TRUE, timeout=PATIENCE).ok  # all that sshd says at first has been heard
    old = transport._link
    sshd.freeze()
    threading.Timer(1.5, sshd.thaw).start()
    assert transport.run(TRUE, timeout=PATIENCE).ok
    assert transport._link is not old


def test_output_is_collected_in_linear_time(ssh: MakeTransport) -> None:
    transport = ssh()
    transport.connect(timeout=PATIENCE)

    def seconds(megabytes: int) -> float:
        began = time.monotonic()
        command = Command(f"head -c {megabytes}000000 /dev/zero")
        assert transport.run(command, timeout=120).truncated
        return time.monotonic() - began

    small = min(seconds(8) for _ in range(3))
    assert seconds(160) < 20 * small * 4


def test_many_lines_in_small_writes_all_arrive(ssh: MakeTransport) -> None:
    with ssh().open(Command("seq 1 30000; seq 1 30000 >&2"), timeout=PATIENCE) as stream:
        lines = list(stream.lines(timeout=PATIENCE))
        assert lines == [str(number).encode() for number in range(1, 30001)]
        assert stream.outcome(timeout=PATIENCE).stderr.count(b"\n") == 30000


def test_a_background_child_that_holds_the_output_is_waited_for(ssh: MakeTransport) -> None:
    outcome = ssh().run(Command("(sleep 0.5; echo late) & echo soon"), timeout=PATIENCE)
    assert outcome.stdout == b"soon\nlate\n"


def test_a_detached_child_is_neither_waited_for_nor_ended(ssh: MakeTransport, folder: Path) -> None:
    pid_file = folder / "pid"
    detach = f"setsid -f sh -c 'echo $$ >{pid_file}; exec sleep 600' </dev/null >/dev/null 2>&1"
    transport = ssh()
    outcome = transport.run(Command(f"{detach}; sleep 600"), timeout=1.0)
    assert isinstance(outcome, TimedOut)
    assert outcome.ended_remote
    pid = int(pid_file.read_text())
    os.kill(pid, 15)  # raises if it was ended


def test_an_exception_while_sending_ends_the_command(ssh: MakeTransport, folder: Path) -> None:
    transport = ssh()

    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise Interrupt

    with pytest.raises(Interrupt):
        transport.put(
            bytes(8_000_000),
            PurePosixPath(folder / "f"),
            mode=0o644,
            timeout=60,
            progress=interrupt,
        )
    deadline = time.monotonic() + PATIENCE
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(folder.iterdir()) == []
    assert transport.run(TRUE, timeout=PATIENCE).ok


def test_a_source_that_grows_while_it_is_sent_is_not_put_in_place(
    ssh: MakeTransport, tmp_path: Path, folder: Path
) -> None:
    source = tmp_path / "log"
    source.write_bytes(bytes(4_000_000))

    def grow(done: int, total: int) -> None:  # noqa: ARG001
        with source.open("ab") as file:
            file.write(b"x" * 32704) if done < 5_000_000 else None

    with pytest.raises(TaskError, match="what arrived is not what was sent"):
        ssh().put(source, PurePosixPath(folder / "f"), mode=0o644, timeout=60, progress=grow)
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_missing_or_in_the_way_is_named(ssh: MakeTransport, folder: Path) -> None:
    transport = ssh()
    with pytest.raises(TaskError, match=f"h1: cannot send {folder}/no/file") as info:
        transport.put(b"x", PurePosixPath(folder / "no/file"), mode=0o644, timeout=PATIENCE)
    assert info.value.hint == "create the folder first"
    with pytest.raises(TaskError, match=f"h1: cannot send {folder} .*overwrite directory"):
        transport.put(b"x", PurePosixPath(folder), mode=0o644, timeout=PATIENCE)
    assert list(folder.iterdir()) == []
    assert [path.name for path in folder.parent.glob("another*")] == ["another"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a disk of limited size needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.hosts
def test_a_full_disk_is_named_and_nothing_is_left_on_it(
    ssh: MakeTransport, small_disk: Path
) -> None:
    target = PurePosixPath(small_disk / "file")
    Path(target).write_bytes(b"old")
    transport = ssh()
    with pytest.raises(TaskError, match=f"h1: cannot send {target} .*No space left") as info:
        transport.put(bytes(5_000_000), target, mode=0o644, timeout=PATIENCE)
    assert info.value.hint
    assert "full" in info.value.hint
    assert [path.name for path in small_disk.iterdir()] == ["file"]
    assert Path(target).read_bytes() == b"old"
    assert transport.put(bytes(1000), target, mode=0o644, timeout=PATIENCE).changed
