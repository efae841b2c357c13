"""Which keys are tried, in which order: agents, passphrases, certificates, too many keys."""

from __future__ import annotations

import getpass
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import AuthenticationError, UnreachableError
from raftfleet.transport import Command
from raftfleet.transport.keyfiles import public_half
from tests.transport.agent import Agent
from tests.transport.sshd import Sshd, missing, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.transport import Transport
    from tests.transport.conftest import MakeTransport

PATIENCE = 30.0
TRUE = Command("true")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys, and no agent."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    with Agent(tmp_path / "agent") as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        yield agent


def attempts(server: Sshd) -> list[str]:
    """What the server says about each key it was shown."""
    log = (server.folder / "sshd.log").read_text()
    words = ("Failed publickey", "Accepted publickey")
    return [line for line in log.splitlines() if line.startswith(words)]


def let_in(transport: Transport) -> bool:
    return transport.run(TRUE, timeout=PATIENCE).ok


def lock(key: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", key], check=True)
    return key


def sign(authority: Path, key: Path, *words: str) -> Path:
    public = key.with_name(f"{key.name}.pub")
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "test", *words, public], check=True)
    return key.with_name(f"{key.name}-cert.pub")


# Agents and passphrases


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
@pytest.mark.parametrize("beside", [True, False])
def test_the_agent_opens_a_key_file_with_a_passphrase(
    sshd: Sshd, ssh: MakeTransport, agent: Agent, kind: str, beside: bool
) -> None:
    for number in range(7):
        agent.add(new_key(sshd.folder / f"other{number}"))
    key = new_key(sshd.folder / kind, kind)
    (sshd.folder / "authorized_keys").write_bytes(key.with_suffix(".pub").read_bytes())
    agent.add(lock(key), passphrase="secret")
    if not beside:
        # The private key's own file tells which key it is.
        key.with_suffix(".pub").unlink()
    assert let_in(ssh(key_file=key))
    assert len(attempts(sshd)) == 1


def test_the_public_half_chooses_a_key_of_the_agent(
    sshd: Sshd, ssh: MakeTransport, agent: Agent
) -> None:
    agent.add(new_key(sshd.folder / "other"))
    agent.add(sshd.key_file)
    public = sshd.key_file.with_suffix(".pub")
    assert let_in(ssh(key_file=None, identities=(public,), identities_only=True))
    assert let_in(ssh(key_file=public))
    assert len(attempts(sshd)) == 2


def test_a_passphrase_nobody_knows_is_asked_for_with_the_command(
    sshd: Sshd, ssh: MakeTransport, agent: Agent
) -> None:
    key = lock(new_key(sshd.folder / "locked"))
    with pytest.raises(AuthenticationError, match="and the SSH agent does not hold it") as info:
        let_in(ssh(key_file=key))
    assert info.value.hint == f"ssh-add {key}"
    with pytest.raises(AuthenticationError, match="holds only the public half") as info:
        let_in(ssh(key_file=key.with_suffix(".pub")))
    assert info.value.hint == f"ssh-add {key}"
    agent.add(key, passphrase="secret")


def test_keys_that_were_named_come_before_those_of_the_agent(
    sshd: Sshd, ssh: MakeTransport, agent: Agent
) -> None:
    for number in range(8):
        agent.add(new_key(sshd.folder / f"other{number}"))
    absent, given = sshd.folder / "absent", sshd.key_file
    assert let_in(ssh(key_file=None, identities=(absent, given)))
    assert len(attempts(sshd)) == 1


def test_more_keys_than_the_server_takes_are_said_to_be(
    sshd: Sshd, ssh: MakeTransport, agent: Agent
) -> None:
    for number in range(8):
        agent.add(new_key(sshd.folder / f"other{number}"))
    agent.add(sshd.key_file)
    with pytest.raises(
        AuthenticationError, match="it ended the connection: Too many authentication failures"
    ) as info:
        let_in(ssh(key_file=None))
    assert "MaxAuthTries" in str(info.value)
    assert "IdentitiesOnly" in str(info.value)
    # A refusal is not tried again.
    assert len(attempts(sshd)) <= 7


def test_only_the_keys_that_were_named_are_tried(
    sshd: Sshd, ssh: MakeTransport, agent: Agent
) -> None:
    agent.add(sshd.key_file)
    other = new_key(sshd.folder / "other")
    with pytest.raises(AuthenticationError, match=f"tried {other}"):
        let_in(ssh(key_file=None, identities=(other,), identities_only=True))
    assert let_in(ssh(key_file=None, identities=(other,)))


def test_another_agent_may_be_named(
    sshd: Sshd, ssh: MakeTransport, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK")
    agent.add(sshd.key_file)
    assert let_in(ssh(key_file=None, agent=str(agent.socket)))
    with pytest.raises(AuthenticationError, match="no key to try"):
        let_in(ssh(key_file=None, agent="none"))
    with pytest.raises(AuthenticationError, match="agent at /nowhere was not asked: No such file"):
        let_in(ssh(key_file=None, agent="/nowhere"))


def test_an_agent_that_does_not_sign_is_said_not_to(
    sshd: Sshd, ssh: MakeTransport, agent: Agent
) -> None:
    # It would ask somebody for every signature, and cannot.
    agent.add("-c", sshd.key_file)
    with pytest.raises(AuthenticationError, match="the SSH agent refused to sign"):
        let_in(ssh(key_file=sshd.key_file.with_suffix(".pub")))


def test_an_agent_that_hangs_costs_only_the_deadline(ssh: MakeTransport, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen()
        with pytest.raises(UnreachableError):
            ssh(key_file=None, agent=str(tmp_path / "mute")).connect(timeout=1.0)


def test_the_usual_key_files_are_tried(sshd: Sshd, ssh: MakeTransport, home: Path) -> None:
    (home / ".ssh/id_ed25519").write_bytes(sshd.key_file.read_bytes())
    lock(new_key(home / ".ssh/id_rsa", "rsa"))
    assert let_in(ssh(key_file=None))


# Certificates


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Sshd, Path]]:
    """A server that knows no key but an authority's, and that authority."""
    if reason := missing():
        pytest.skip(reason)
    (tmp_path / "certified").mkdir()
    authority = new_key(tmp_path / "authority")
    trusts = f"TrustedUserCAKeys {authority}.pub\nSetEnv SHLVL=3\n"
    with Sshd(tmp_path / "certified", environment=trusts) as server:
        (server.folder / "authorized_keys").write_text("")
        yield server, authority


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_beside_its_key_lets_us_in(
    certified: tuple[Sshd, Path], ssh: MakeTransport, kind: str
) -> None:
    server, authority = certified
    key = new_key(server.folder / kind, kind)
    here = {"port": server.port, "known_hosts": None, "key_file": key}
    with pytest.raises(AuthenticationError):
        let_in(ssh(**here))
    sign(authority, key, "-n", getpass.getuser())
    assert let_in(ssh(**here))
    assert "CERT" in attempts(server)[-1]


def test_a_certificate_may_lie_elsewhere(
    certified: tuple[Sshd, Path], ssh: MakeTransport, agent: Agent, tmp_path: Path
) -> None:
    server, authority = certified
    key = new_key(server.folder / "key")
    elsewhere = sign(authority, key, "-n", getpass.getuser()).rename(tmp_path / "certificate")
    here = {"port": server.port, "known_hosts": None, "certificates": (elsewhere,)}
    assert let_in(ssh(**here, key_file=key))
    agent.add(key)
    assert let_in(ssh(**here, key_file=None))


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("named", [True, False])
def test_an_agent_may_hold_the_certificate(
    certified: tuple[Sshd, Path], ssh: MakeTransport, agent: Agent, kind: str, named: bool
) -> None:
    server, authority = certified
    key = new_key(server.folder / "key", kind)
    certificate = sign(authority, key, "-n", getpass.getuser())
    agent.add(key)
    certificate.unlink()
    key.unlink()
    here = {"port": server.port, "known_hosts": None}
    named_file = key.with_suffix(".pub") if named else None
    assert let_in(ssh(**here, key_file=named_file))
    assert "CERT" in attempts(server)[-1]


def test_a_certificate_for_somebody_else_is_refused_by_name(
    certified: tuple[Sshd, Path], ssh: MakeTransport
) -> None:
    server, authority = certified
    key = new_key(server.folder / "key")
    sign(authority, key, "-n", "somebody-else")
    with pytest.raises(AuthenticationError, match=r"with key-cert\.pub \(ssh-ed25519-cert-v01"):
        let_in(ssh(port=server.port, known_hosts=None, key_file=key))


# Key files


def test_the_public_half_is_found_without_the_passphrase(tmp_path: Path) -> None:
    for kind in ("ed25519", "rsa", "ecdsa"):
        key = lock(new_key(tmp_path / kind, kind))
        public = public_half(key.with_suffix(".pub"))
        assert public is not None
        assert public_half(key) == public
        key.with_suffix(".pub").unlink()
        assert public_half(key) == public
    (tmp_path / "nonsense").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n!\n")
    assert public_half(tmp_path / "nonsense") is None
    assert public_half(tmp_path / "absent") is None
