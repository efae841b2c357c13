"""Getting a connection: host keys, credentials, throttling, retries."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko
import pytest
from paramiko.common import AUTH_FAILED

from raftfleet.errors import (
    AuthenticationError,
    HostKeyError,
    UnreachableError,
)
from raftfleet.transport import Command
from raftfleet.transport.ssh import SshTransport
from tests.transport.lab import at_once
from tests.transport.sshd import Sshd, free_port, new_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.transport.conftest import MakeTransport

PATIENCE = 30.0
TRUE = Command("true")


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
    with pytest.raises(AuthenticationError, match="there was no key to try"):
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


class _Gatekeeper(paramiko.ServerInterface):
    """A server that gets stuck, or drops the connection, while somebody logs in."""

    def __init__(self, transport: paramiko.Transport, *, drops: bool) -> None:
        self._transport = transport
        self._drops = drops
        self.asked = 0
        self.over = threading.Event()

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        self.asked += 1
        if self._drops:
            self._transport.sock.close()
        else:
            self.over.wait(PATIENCE)
        return AUTH_FAILED


@pytest.mark.parametrize("drops", [True, False])
def test_trouble_while_logging_in_is_no_refusal(
    sshd: Sshd, ssh: MakeTransport, drops: bool
) -> None:
    keepers: list[_Gatekeeper] = []
    served: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    transport = paramiko.Transport(door.accept()[0])
                    transport.add_server_key(paramiko.PKey.from_path(sshd.host_key))
                    keepers.append(_Gatekeeper(transport, drops=drops))
                    served.append(transport)
                    transport.start_server(threading.Event(), keepers[-1])

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(UnreachableError, match="h1") as info:
            ssh(port=door.getsockname()[1]).connect(timeout=2.0)
        assert not isinstance(info.value, AuthenticationError)
        done.set()
        thread.join(PATIENCE)
    assert sum(keeper.asked for keeper in keepers) >= 1
    for keeper, transport in zip(keepers, served, strict=True):
        keeper.over.set()
        transport.close()
        transport.join(PATIENCE)


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


def test_no_more_than_eight_knock_at_one_door_at_once(ssh: MakeTransport) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as mute:
        mute.settimeout(0.1)
        options = {"port": mute.getsockname()[1]}
        transports = [ssh(f"h{number}", **options) for number in range(20)]
        done = threading.Event()
        knocking: list[socket.socket] = []

        def let_wait() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    knocking.append(mute.accept()[0])

        door = threading.Thread(target=let_wait)
        door.start()
        early: list[int] = []
        look = threading.Timer(1.0, lambda: early.append(len(knocking)))
        look.start()
        results = at_once(20, lambda number: transports[number].connect(timeout=3.0))
        look.join()
        done.set()
        door.join(PATIENCE)
    assert [type(result) for result in results] == [UnreachableError] * 20
    assert early == [8]
    for client in knocking:
        client.close()


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


def carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_the_connection_uses_what_processors_do_fast(ssh: MakeTransport) -> None:
    transport = ssh()
    transport.connect(timeout=PATIENCE)
    assert isinstance(transport, SshTransport)
    assert transport._link is not None
    carrier: Any = transport._link._transport
    assert {carrier.local_cipher, carrier.remote_cipher} == {"aes128-gcm@openssh.com"}
