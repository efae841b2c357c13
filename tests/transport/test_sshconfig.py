"""ssh_config as OpenSSH reads it: what ssh itself does is what raftfleet does."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import UnreachableError, UsageError
from raftfleet.transport import (
    Command,
    SshOptions,
    make_transport,
    options_from_variables,
    resolve,
    sshask,
)
from tests.transport.lab import at_once
from tests.transport.sshd import new_key

if TYPE_CHECKING:
    from raftfleet.transport.options import SshQuestion
    from tests.transport.sshd import Sshd

PATIENCE = 30.0
HOME = pwd.getpwuid(os.getuid()).pw_dir


def resolved(
    config: Path, host: str = "n1", timeout: float = 20, **variables: object
) -> SshOptions:
    common = f"-F {config} {variables.pop('args', '')}"
    options = options_from_variables(
        host,
        {"ansible_ssh_common_args": common, **variables},
        project_known_hosts=Path("/project/known_hosts"),
    )
    assert isinstance(options, SshOptions)
    return resolve(host, options, Deadline.after(timeout, SystemClock()))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def test_what_ssh_does_is_what_we_do(sshd: Sshd, config: Path, tmp_path: Path) -> None:
    """Include, Match, tokens, several keys: both connect to the same place with the same key."""
    me = pwd.getpwuid(os.getuid()).pw_name
    keys = tmp_path / f"keys-{me}"
    keys.mkdir()
    (keys / f"id_127.0.0.1_{sshd.port}").write_bytes(sshd.key_file.read_bytes())
    (keys / f"id_127.0.0.1_{sshd.port}").chmod(0o600)
    new_key(keys / "wrong")
    (tmp_path / "included").mkdir()
    (tmp_path / "included/10-names").write_text("Host n1 n2\n  HostName 127.0.0.1\n")
    (tmp_path / "included/20-ports").write_text(
        f'Match host 127.0.0.1 exec "test %n = n1"\n  Port {sshd.port}\n'
        "Match originalhost n2\n  Port 1\n"
    )
    config.write_text(
        f"Include {tmp_path}/included/*\n"
        f"Match user {me}\n  IdentityFile {keys}/wrong\n"
        f"Host *\n  IdentityFile {tmp_path}/keys-%r/id_%h_%p\n  IdentitiesOnly yes\n"
        "  Port 2\n  User nobody\n"
        f"Match user somebody-else\n  IdentityFile /none\n"
    )
    quiet = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    there = 'printf "%s %s" "$USER" "${SSH_CONNECTION##* }"'
    ssh = subprocess.run(
        ["ssh", "-F", config, *quiet, "-l", me, "n1", there],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    options = options_from_variables(
        "n1",
        {"ansible_user": me, "ansible_ssh_common_args": f"-F {config}"},
        project_known_hosts=tmp_path / "known_hosts",
    )
    transport = make_transport("n1", options)
    ours = transport.run(Command(there), timeout=PATIENCE)
    transport.close()
    assert ours.ok, ours
    assert ours.stdout == ssh.stdout == f"{me} {sshd.port}".encode()
    log = (sshd.folder / "sshd.log").read_text().splitlines()
    accepted = [line.split()[-1] for line in log if line.startswith("Accepted publickey")]
    assert len(accepted) == 2
    assert accepted[0] == accepted[1]
    assert resolved(config, "n2", ansible_user=me).port == 1


def test_the_first_value_wins_and_key_files_add_up(config: Path) -> None:
    config.write_text(
        "Host n1\n  User first\n  IdentityFile /a\n  ConnectTimeout 7\n"
        "Host *\n  User second\n  IdentityFile /b\n  ServerAliveInterval 3\n"
    )
    found = resolved(config)
    assert (found.user, found.connect_timeout, found.keepalive) == ("first", 7.0, 3.0)
    assert found.identities == (Path("/a"), Path("/b"))
    assert not found.identities_only
    given = resolved(config, ansible_user="ours", ansible_ssh_private_key_file="/own %h")
    assert given.user == "ours"
    assert given.key_file == Path("/own n1")
    assert given.identities_only


def test_what_the_inventory_says_takes_part_in_match(config: Path) -> None:
    config.write_text(
        "Match user deploy\n  Port 2201\nMatch user root\n  Port 2202\n"
        "Match host 10.0.0.*\n  ProxyJump gate\n"
    )
    assert resolved(config, ansible_user="deploy").port == 2201
    assert resolved(config, args="-l root").port == 2202
    assert resolved(config, ansible_host="10.0.0.7").jump is not None
    assert resolved(config, ansible_host="10.1.0.7").jump is None


def test_an_alias_may_be_the_host_or_its_address(config: Path) -> None:
    config.write_text("Host vault\n  HostName 10.9.8.7\n  HostKeyAlias Vault-Key\n")
    assert resolved(config, "vault").address == "10.9.8.7"
    found = resolved(config, "n1", ansible_host="vault")
    assert (found.address, found.host_key_alias) == ("10.9.8.7", "vault-key")


def test_tokens_and_the_environment_are_replaced(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYS", "/keys")
    monkeypatch.setenv("AGENT", "/run/agent")
    config.write_text(
        "Host n1\n  HostName h\n  Port 23\n  User r\n"
        "  IdentityFile ${KEYS}/%h-%n-%p-%r-100%%\n  IdentityFile ~/own\n  IdentityFile %d/it\n"
        "  CertificateFile ~/%i-%k\n  IdentityAgent $AGENT\n"
        "  UserKnownHostsFile /known/%h /known/more\n"
        "  ProxyCommand nc -x proxy %h %p as %r for %n\n"
    )
    found = resolved(config)
    assert found.identities == (
        Path("/keys/h-n1-23-r-100%"),
        Path(HOME, "own"),
        Path(HOME, "it"),
    )
    assert found.certificates == (Path(HOME, f"{os.getuid()}-n1"),)
    assert found.agent == "/run/agent"
    assert found.known_hosts == Path("/known/h")
    assert found.trusted[0] == Path("/known/more")
    assert found.proxy_command == "nc -x proxy h 23 as r for n1"


def test_an_agent_may_be_named_in_every_way(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    ways = {
        "none": "none",
        "SSH_AUTH_SOCK": None,
        "$ABSENT": "none",
        "~/agent": f"{HOME}/agent",
    }
    for number, (said, agent) in enumerate(ways.items()):
        file = config_of(config.with_name(f"config{number}"), f"IdentityAgent {said}")
        assert resolved(file).agent == agent


def config_of(path: Path, text: str) -> Path:
    path.write_text(f"{text}\n")
    return path


def test_a_jump_is_asked_for_with_its_own_settings(config: Path) -> None:
    config.write_text(
        "Host b1\n  HostName 10.0.0.1\n  User gate\n  Port 2200\n  IdentityFile /gate\n"
        "Host n1\n  ProxyJump admin@b1\n  IdentityFile /own\n  User own\n"
    )
    jump = resolved(config).jump
    assert jump is not None
    found = resolve("b1", jump, Deadline.after(20, SystemClock()))
    assert str(found) == "admin@10.0.0.1:2200"
    assert found.identities == (Path("/gate"),)
    assert found.known_hosts == Path("/project/known_hosts")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("KnownHostsCommand /bin/keys", "knownhostscommand /bin/keys, which is not supported"),
        ("RevokedHostKeys /etc/revoked", "revokedhostkeys"),
        ("PubkeyAuthentication no", "pubkeyauthentication"),
        ("IdentityFile /a/%C", "the token %C is not supported"),
        ("IdentityFile ${RAFTFLEET_ABSENT}/a", r"\$\{RAFTFLEET_ABSENT\} is not in the env"),
        ("Hostnam n1", "config.* line 1: Bad configuration option: hostnam"),
        ("Host *\n  ProxyJump n1", "jumphost loop via n1"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(
    config: Path, line: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=f"n1: .*{complaint}"):
        resolved(config_of(config, line))


def test_what_does_not_matter_is_ignored(config: Path) -> None:
    plain = resolved(config_of(config, "Host *"))
    noisy = (
        "Compression yes\nControlMaster auto\nControlPath ~/.ssh/%C\nControlPersist 60\n"
        "ForwardAgent yes\nLogLevel DEBUG\nSendEnv LANG\nLocalForward 8080 localhost:80\n"
        "RequestTTY force\nRemoteCommand tmux\nCiphers aes128-ctr\n"
    )
    assert resolved(config_of(config.with_name("noisy"), noisy)) == plain


def test_a_question_is_asked_once_however_many_want_to_know(config: Path, tmp_path: Path) -> None:
    config.write_text(f'Match exec "echo asked >> {tmp_path}/asked"\n  Port 7\n')
    assert at_once(8, lambda _: resolved(config).port) == [7] * 8
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert resolved(config, ansible_user="else").port == 7
    assert (tmp_path / "asked").read_text() == "asked\nasked\n"


def test_a_question_that_is_not_answered_costs_only_the_deadline(config: Path) -> None:
    config.write_text('Match exec "sleep 600"\n  Port 7\n')
    with pytest.raises(UnreachableError, match="n1: ssh -G n1 did not answer in time") as info:
        resolved(config, timeout=0.5)
    assert "Match exec" in str(info.value)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that ssh is asked about."""
    asked: list[str] = []
    real = sshask._ask

    def ask(host: str, question: SshQuestion, deadline: Deadline) -> sshask.Answer:
        asked.append(question.host)
        return real(host, question, deadline)

    monkeypatch.setattr(sshask, "_ask", ask)
    return asked


def test_one_answer_does_for_hosts_that_are_not_told_apart(
    config: Path, tmp_path: Path, questions: list[str]
) -> None:
    (tmp_path / "more").write_text("Host *\n  IdentityFile /a\n")
    config.write_text(f"User deploy\nInclude {tmp_path}/mor*\nHost *\n  Port 2222\n")
    found = [resolved(config, f"N{number}", ansible_user="root") for number in range(5)]
    assert [str(one) for one in found] == [f"root@n{number}:2222" for number in range(5)]
    assert found[0].identities == (Path("/a"),)
    assert len(questions) == 1


@pytest.mark.parametrize(
    "line",
    [
        "Host n1",
        "Host = n1",
        "Host * !n1",
        "Match host n1",
        "  mAtch all",
        "HostName %h.example",
        "UserKnownHostsFile /known/%h",
        "ProxyJump gate",
        "Include {folder}/telling",
        'Include "{folder}/telling"',
        "Include {folder}",
        "CanonicalizeHostname yes",
    ],
)
def test_hosts_that_may_be_told_apart_are_asked_about_one_by_one(
    config: Path, tmp_path: Path, questions: list[str], line: str
) -> None:
    (tmp_path / "telling").write_text("Host n1\n  Port 7\n")
    config.write_text(f"{line.format(folder=tmp_path)}\n  ConnectTimeout 9\n")
    with contextlib.suppress(UsageError):  # ssh cannot read a folder either
        for host in ("n1", "n2"):
            resolved(config, host)
    assert "raftfleet-any-host" not in questions
    assert questions


@pytest.mark.parametrize("args", ["-J b", "-o ProxyJump=b", "-o HostName=%h.example"])
def test_arguments_may_tell_hosts_apart_too(config: Path, questions: list[str], args: str) -> None:
    config.write_text("")
    for host in ("n1", "n2"):
        resolved(config, host, args=args)
    assert questions == ["n1", "n2"]
