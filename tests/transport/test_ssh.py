"""What only SSH can get wrong: connections, keys, sessions, login shells, threads."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import (
    AuthenticationError,
    HostKeyError,
    RaftfleetError,
    TaskError,
    UnreachableError,
)
from raftfleet.transport import Command, Exited, Signalled, TimedOut, make_transport
from raftfleet.transport.ssh import SshTransport
from tests.transport.sshd import Sshd, free_port, missing, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transport.conftest import MakeTransport

PATIENCE = 30.0
TRUE = Command("true")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "another"
    folder.mkdir()
    return folder


def at_once(count: int, work: object) -> list[object]:
    """Call something from several threads that start together."""
    results: list[object] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)  # type: ignore[operator]
        except RaftfleetError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


# Host keys


def test_an_unknown_host_key_is_remembered_once(sshd: Sshd, ssh: MakeTransport) -> None:
    for _ in range(2):
        transport = ssh()
        transport.connect(timeout=PATIENCE)
        transport.close()
    kind, key = (sshd.folder / "host_key.pub").read_text().split()[:2]
    assert sshd.known_hosts.read_text() == f"[127.0.0.1]:{sshd.port} {kind} {key}\n"


def test_hosts_that_meet_for_the_first_time_at_once_write_one_line(
    sshd: Sshd, ssh: MakeTransport
) -> None:
    transports = [ssh(f"h{number}") for number in range(12)]
    results = at_once(12, lambda number: transports[number].connect(timeout=60))
    assert results == [None] * 12
    assert len(sshd.known_hosts.read_text().splitlines()) == 1


def test_strict_refuses_an_unknown_host_key(sshd: Sshd, ssh: MakeTransport) -> None:
    with pytest.raises(HostKeyError, match=r"h1 shows a host key that is not in .*SHA256:") as info:
        ssh(strict=True).connect(timeout=PATIENCE)
    assert info.value.hint
    assert "accept-new" in info.value.hint
    assert not sshd.known_hosts.exists()


def test_strict_accepts_a_known_host_key(ssh: MakeTransport) -> None:
    ssh().connect(timeout=PATIENCE)
    ssh(strict=True).connect(timeout=PATIENCE)


@pytest.mark.parametrize("strict", [False, True])
def test_a_changed_host_key_is_refused_with_the_line_and_the_cure(
    sshd: Sshd, ssh: MakeTransport, tmp_path: Path, strict: bool
) -> None:
    other = new_key(tmp_path / "other_key").with_suffix(".pub").read_text()
    name = f"[127.0.0.1]:{sshd.port}"
    sshd.known_hosts.write_text(f"# ours\nelse.where {other}{name} {other}")
    before = sshd.known_hosts.read_text()
    with pytest.raises(HostKeyError, match=f"{sshd.known_hosts}, line 3") as info:
        ssh(strict=strict).connect(timeout=PATIENCE)
    assert info.value.hint
    cure = info.value.hint.partition("ssh-keygen")
    assert sshd.known_hosts.read_text() == before
    subprocess.run("ssh-keygen" + cure[2], shell=True, check=True, capture_output=True)
    ssh().connect(timeout=PATIENCE)


def test_a_changed_key_of_another_kind_is_refused_too(
    sshd: Sshd, ssh: MakeTransport, tmp_path: Path
) -> None:
    other = new_key(tmp_path / "ecdsa_key", "ecdsa").with_suffix(".pub").read_text()
    sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {other}")
    with pytest.raises(HostKeyError, match="another host key"):
        ssh().connect(timeout=PATIENCE)


def test_a_hashed_entry_is_recognised(sshd: Sshd, ssh: MakeTransport) -> None:
    ssh().connect(timeout=PATIENCE)
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", sshd.known_hosts], check=True, capture_output=True
    )
    assert sshd.known_hosts.read_text().startswith("|1|")
    ssh(strict=True).connect(timeout=PATIENCE)


def test_without_known_hosts_nothing_is_written(sshd: Sshd, ssh: MakeTransport) -> None:
    ssh(known_hosts=None).connect(timeout=PATIENCE)
    assert not sshd.known_hosts.exists()


# Logging in


def test_a_missing_key_file_is_named(ssh: MakeTransport, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match=f"h1: the key file {tmp_path}/no does not exist"):
        ssh(key_file=tmp_path / "no").run(TRUE, timeout=PATIENCE)


def test_a_file_that_is_no_key_is_named(ssh: MakeTransport, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a key\n")
    with pytest.raises(AuthenticationError, match=f"{tmp_path}/text holds no private key"):
        ssh(key_file=tmp_path / "text").run(TRUE, timeout=PATIENCE)


def test_a_key_with_a_passphrase_asks_for_an_agent(ssh: MakeTransport, tmp_path: Path) -> None:
    key = new_key(tmp_path / "locked")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", key], check=True)
    with pytest.raises(AuthenticationError, match="needs a passphrase") as info:
        ssh(key_file=key).run(TRUE, timeout=PATIENCE)
    assert "ssh-add" in str(info.value)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_wrong_key_is_named_with_what_was_tried(
    ssh: MakeTransport, tmp_path: Path, kind: str
) -> None:
    key = new_key(tmp_path / "wrong", kind)
    with pytest.raises(AuthenticationError, match=rf"h1 \(.*\) did not let us in; tried {key} \("):
        ssh(key_file=key).run(TRUE, timeout=PATIENCE)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_kinds_of_keys_are_let_in(sshd: Sshd, ssh: MakeTransport, kind: str) -> None:
    key = new_key(sshd.folder / kind, kind)
    (sshd.folder / "authorized_keys").write_bytes(key.with_suffix(".pub").read_bytes())
    assert ssh(key_file=key).run(TRUE, timeout=PATIENCE).ok


def test_without_a_key_file_the_agent_is_asked(
    sshd: Sshd, ssh: MakeTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(AuthenticationError, match=r"tried the keys of the SSH agent and ~/\.ssh"):
        ssh(key_file=None).run(TRUE, timeout=PATIENCE)
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "agent").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", sshd.key_file], check=True)
        assert ssh(key_file=None).run(TRUE, timeout=PATIENCE).ok
    finally:
        agent.terminate()
        agent.wait(10)


# Connecting


def test_a_refused_connection_names_host_and_address(ssh: MakeTransport) -> None:
    port = free_port()
    with pytest.raises(UnreachableError, match=rf"h1 \(.*127.0.0.1:{port}\).*refused") as info:
        ssh(port=port).run(TRUE, timeout=PATIENCE)
    assert info.value.hint


def test_a_name_nobody_knows_is_said_to_be_one(ssh: MakeTransport) -> None:
    with pytest.raises(UnreachableError, match=r"the name no-such-host\.invalid is not known"):
        ssh(address="no-such-host.invalid").run(TRUE, timeout=PATIENCE)


def test_a_server_that_says_nothing_costs_only_the_deadline(ssh: MakeTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="no answer within 1 s"):
            ssh(port=mute.getsockname()[1]).connect(timeout=1.0)
        assert time.monotonic() - began < 10


def test_a_server_that_is_no_sshd_is_unreachable(ssh: MakeTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer() -> None:
            for _ in range(3):
                client, _ = web.accept()
                with client:
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(UnreachableError, match="h1"):
            ssh(port=web.getsockname()[1]).connect(timeout=PATIENCE)
        thread.join(PATIENCE)


def test_the_connect_timeout_of_the_options_bounds_every_call(ssh: MakeTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport = ssh(port=mute.getsockname()[1], connect_timeout=0.5)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"within 0\.5 s"):
            transport.run(TRUE, timeout=300)
        assert time.monotonic() - began < 10


def test_more_connect_at_once_than_sshd_takes(sshd: Sshd, ssh: MakeTransport) -> None:
    # sshd drops some of more than ten that have not logged in (MaxStartups 10:30:100).
    transports = [ssh(f"h{number}") for number in range(40)]
    results = at_once(40, lambda number: transports[number].run(TRUE, timeout=120).ok)
    assert results == [True] * 40
    assert sshd.known_hosts.exists()


def test_a_connection_dropped_while_connecting_is_tried_again(
    sshd: Sshd, ssh: MakeTransport
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        dropped: list[int] = []

        def relay() -> None:
            client, _ = door.accept()
            client.close()
            dropped.append(1)
            client, _ = door.accept()
            with client, socket.create_connection(("127.0.0.1", sshd.port)) as server:
                back = threading.Thread(target=carry, args=(server, client))
                back.start()
                carry(client, server)
                back.join()

        thread = threading.Thread(target=relay, daemon=True)
        thread.start()
        transport = ssh(port=door.getsockname()[1])
        assert transport.run(TRUE, timeout=PATIENCE).ok
        assert dropped == [1]
        transport.close()
        thread.join(PATIENCE)


def is_reset(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, PATIENCE) as peer:
            peer.recv(1)
    except ConnectionError:
        return True
    return False


class Interrupt(BaseException):
    """What Ctrl-C raises, without pytest taking it for one."""


def carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


# Sessions, threads, output


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
    transport.connect(timeout=PATIENCE)
    old = transport._link
    sshd.freeze()
    assert isinstance(transport.run(TRUE, timeout=1.0), TimedOut)
    threading.Timer(0.5, sshd.thaw).start()
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


# Login shells


@pytest.fixture
def forced(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Sshd]:
    """An sshd that runs a script of ours in place of the login shell."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path / "sshd"
    folder.mkdir()
    (folder / "shell").write_text(f"#!/bin/bash\n{request.param}\n")
    (folder / "shell").chmod(0o755)
    with Sshd(folder, forced=str(folder / "shell")) as server:
        yield server


NOISY = """
echo "Welcome to $(hostname)!"; echo "no newline rf-" | tr -d '\\n'
echo "warning: setlocale" >&2; set -x
"""


@pytest.mark.parametrize(
    "forced",
    [
        pytest.param(NOISY + 'eval "$SSH_ORIGINAL_COMMAND"', id="noisy"),
        pytest.param(NOISY + 'bash -c "$SSH_ORIGINAL_COMMAND"; exit $?', id="noisy and forking"),
        pytest.param('exec dash -c "$SSH_ORIGINAL_COMMAND"', id="dash"),
        pytest.param('sleep 0.5; exec bash -c "$SSH_ORIGINAL_COMMAND"', id="slow"),
    ],
    indirect=True,
)
def test_what_the_login_shell_says_is_not_the_commands(forced: Sshd) -> None:
    transport = make_transport("h1", forced.options())
    line = "printf '%s\\n' \"it's $A\"; echo 'two\nlines!'; echo oops >&2; exit 3"
    outcome = transport.run(Command(line, env={"A": "\\o/"}), timeout=PATIENCE)
    assert isinstance(outcome, Exited)
    assert (outcome.status, outcome.out) == (3, "it's \\o/\ntwo\nlines!\n")
    assert outcome.err.splitlines()[0] == "oops"
    hang = transport.run(Command("sleep 600 & sleep 600"), timeout=2.0)
    assert isinstance(hang, TimedOut)
    assert hang.ended_remote
    transport.close()


@pytest.mark.parametrize(
    "forced", ["echo 'This account is currently not available.'; exit 1"], indirect=True
)
def test_a_login_shell_that_runs_nothing_is_no_failure_of_the_command(forced: Sshd) -> None:
    transport = make_transport("h1", forced.options())
    with pytest.raises(UnreachableError, match=r"h1: the login shell .*not available\.") as info:
        transport.run(TRUE, timeout=PATIENCE)
    assert info.value.hint
    with pytest.raises(UnreachableError, match=r"not available\."):
        transport.open(TRUE, timeout=PATIENCE)
    transport.close()


@pytest.mark.parametrize("forced", ['sleep 2; exec bash -c "$SSH_ORIGINAL_COMMAND"'], indirect=True)
def test_a_command_that_had_not_begun_at_its_deadline_never_runs(
    forced: Sshd, folder: Path
) -> None:
    transport = make_transport("h1", forced.options())
    outcome = transport.run(Command(f"touch {folder}/ran"), timeout=0.5)
    assert isinstance(outcome, TimedOut)
    assert transport.run(TRUE, timeout=PATIENCE).ok  # begins after the other would have
    assert list(folder.iterdir()) == []
    transport.close()


# Becoming another user


def fake_sudo(folder: Path) -> str:
    """A sudo that says what it was asked, for machines that have none."""
    (folder / "sudo").write_text('#!/bin/sh\necho "sudo $1 $2 $3 $4 $5" >&2; shift 5; exec "$@"\n')
    (folder / "sudo").chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("user", ["www-data", "o'dd"])
def test_becoming_goes_through_sudo_without_a_password(
    tmp_path: Path, folder: Path, user: str
) -> None:
    if reason := missing():
        pytest.skip(reason)
    (tmp_path / "sshd").mkdir()
    path = f"SetEnv SHLVL=3 PATH={fake_sudo(folder)}:/usr/bin:/bin\n"
    with Sshd(tmp_path / "sshd", environment=path) as sshd:
        transport = make_transport("h1", sshd.options())
        command = Command('echo "$A $PWD"', env={"A": "x y"}, cwd=PurePosixPath("/"), become=user)
        outcome = transport.run(command, timeout=PATIENCE)
        assert (outcome.out, outcome.err) == ("x y /\n", f"sudo -n -H -u {user} --\n")
        hang = transport.run(Command("sleep 600", become=user), timeout=1.0)
        assert isinstance(hang, TimedOut)
        assert hang.ended_remote
        transport.close()


def test_becoming_who_one_is_needs_no_sudo(ssh: MakeTransport, sshd: Sshd) -> None:
    user = sshd.options().user
    outcome = ssh().run(Command("id -un", become=user), timeout=PATIENCE)
    assert outcome.out == f"{user}\n"
