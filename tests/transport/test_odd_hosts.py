"""Hosts that are odd: their login shells, sudo, homes, missing programs, one session only.

A real sshd on a sandbox host, and a user of its own for every oddity.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError, TaskError, UnreachableError
from raftfleet.sandbox.tools import require_machine
from raftfleet.transport import Command, Exited, SshOptions, TimedOut, make_transport
from raftfleet.transport.probe import Health, concerns, probe
from tests.transport.lab import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.sandbox import Sandbox
    from raftfleet.transport import Transport

pytestmark = pytest.mark.hosts
PATIENCE = 30.0
ODD = "it's $HOME `id`\n\\ two ! lines * é"


@dataclass
class Odd:
    """A sandbox host to which users are added."""

    made: Sandbox
    opened: list[Transport] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def do(self, text: str) -> str:
        """Run shell text there as root, through OpenSSH and not through ours."""
        argv = self.made.ssh_argv("n1", [text])
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{text!r}: {done.stderr}"
        return done.stdout.strip()

    def user(self, shell: str = "/bin/bash", **files: str) -> str:
        """Add a user with a login shell and files in the home directory."""
        name = f"odd{next(self.numbers)}"
        self.do(
            f"useradd -m -s {shell} {name} && usermod -p '*' {name} && cd /home/{name} && "
            f"mkdir .ssh && cp /root/.ssh/authorized_keys .ssh/ && chown -R {name}: .ssh"
        )
        home = self.made.host("n1").root / "home" / name
        for file, text in files.items():
            (home / f".{file}").write_text(text)
            self.do(f"chown {name}: /home/{name}/.{file}")
        return name

    def sudoers(self, text: str) -> None:
        rules = self.made.host("n1").root / "etc/sudoers.d/odd"
        rules.write_text(text)
        rules.chmod(0o440)

    def door(self, user: str, port: int = 22) -> Transport:
        host = self.made.host("n1")
        options = SshOptions(
            address=host.address, port=port, user=user, key_file=self.made.key_file
        )
        self.opened.append(make_transport("n1", options))
        return self.opened[-1]


@pytest.fixture(scope="module")
def host() -> Iterator[Odd]:
    try:
        require_machine()
    except SandboxError as missing:
        pytest.skip(str(missing))
    name = f"door-odd-{os.getpid()}"
    with sandbox.running(name, 1, disk_mb=64) as made:
        yield Odd(made)


@pytest.fixture
def odd(host: Odd) -> Iterator[Odd]:
    yield host
    while host.opened:
        host.opened.pop().close()


def works(transport: Transport, folder: PurePosixPath) -> None:
    """Everything that a transport does, with arguments and contents that are hard to quote."""
    outcome = transport.run(
        Command('printf "%s" "$A"; cat; echo oops >&2; exit 3', env={"A": ODD}),
        timeout=PATIENCE,
        stdin=b"in\n",
    )
    assert isinstance(outcome, Exited)
    assert (outcome.status, outcome.out, outcome.err) == (3, f"{ODD}in\n", "oops\n")
    kept = transport.run(Command("echo once; exit 4", resumable=True), timeout=PATIENCE)
    assert isinstance(kept, Exited)
    assert (kept.status, kept.out) == (4, "once\n")
    data = os.urandom(300_000)
    target = folder / "it's a file"
    assert transport.put(data, target, mode=0o640, timeout=PATIENCE).changed
    assert not transport.put(data, target, mode=0o640, timeout=PATIENCE).changed
    with transport.open(Command("seq 3"), timeout=PATIENCE) as stream:
        assert list(stream.lines(timeout=PATIENCE)) == [b"1", b"2", b"3"]
    hang = transport.run(Command("sleep 600"), timeout=1.0)
    assert isinstance(hang, TimedOut)
    assert hang.ended_remote


# Login shells


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "tcsh", "ksh"])
def test_the_login_shell_does_not_matter(odd: Odd, shell: str) -> None:
    path = shutil.which(shell)
    assert path, f"{shell} is not installed; .ci/run installs it"
    name = odd.user(path)
    transport = odd.door(name)
    works(transport, PurePosixPath("/home") / name)
    assert transport.run(Command("echo $SHELL"), timeout=PATIENCE).out == f"{path}\n"


def test_what_bashrc_prints_is_left_out_and_named_by_ping(odd: Odd) -> None:
    name = odd.user(bashrc='echo "Welcome \033[31m to n1"; echo complaint >&2\n')
    transport = odd.door(name)
    works(transport, PurePosixPath("/home") / name)
    health = probe(transport, become=None)
    assert health.preamble.splitlines()[0].startswith("Welcome")
    assert [one for one in concerns(health) if "prints before every command" in one]


def test_a_slow_login_shell_is_measured_and_named(odd: Odd) -> None:
    slow = probe(odd.door(odd.user(bashrc="sleep 0.3\n")), become=None)
    quick = probe(odd.door(odd.user()), become=None)
    assert slow.shell_cost >= 0.29
    assert quick.shell_cost < slow.shell_cost - 0.2
    (said,) = [one for one in concerns(slow) if "login shell costs" in one]
    assert said.endswith("ms a command: ~/.bashrc runs under sshd")
    assert said.split()[3].isdecimal()
    assert slow.command >= slow.shell_cost - 0.02


@pytest.mark.parametrize(
    ("shell", "bashrc", "said"),
    [
        ("/usr/sbin/nologin", "", "not available"),
        ("/bin/bash", "echo go away; exit 7\n", "go away"),
    ],
)
def test_a_login_shell_that_runs_nothing_is_named(
    odd: Odd, shell: str, bashrc: str, said: str
) -> None:
    transport = odd.door(odd.user(shell, **({"bashrc": bashrc} if bashrc else {})))
    for call in (
        lambda: transport.run(Command("true"), timeout=PATIENCE),
        lambda: transport.run(Command("true", resumable=True), timeout=PATIENCE),
        lambda: transport.put(b"x", PurePosixPath("/tmp/x"), mode=0o600, timeout=PATIENCE),
        lambda: probe(transport, become=None),
    ):
        with pytest.raises(UnreachableError, match=rf"n1: the login shell .*{said}") as info:
            call()
        assert info.value.hint


# sudo


@pytest.fixture
def admin(odd: Odd) -> str:
    """A user whom sudo lets become root without a password, as Debian 12 has it: use_pty."""
    assert shutil.which("sudo"), "sudo is not installed; .ci/run installs it"
    name = odd.user()
    odd.sudoers(f"Defaults use_pty\n{name} ALL=(ALL) NOPASSWD: ALL\n")
    return name


def test_root_is_become_for_commands_and_files(odd: Odd, admin: str, tmp_path: Path) -> None:
    odd.do("mkdir -m 700 -p /srv/private")
    transport = odd.door(admin)
    command = Command('id -un; echo "$A"; cat', env={"A": ODD}, become="root")
    for resumable in (False, True):
        command = Command(command.line, env=command.env, become="root", resumable=resumable)
        outcome = transport.run(command, timeout=PATIENCE, stdin=b"a\0b\xff\n")
        assert outcome.stdout == f"root\n{ODD}\n".encode() + b"a\0b\xff\n"
    data, target = os.urandom(3_000_000), PurePosixPath("/srv/private/file")
    with pytest.raises(TaskError, match="Permission denied"):
        transport.put(data, target, mode=0o600, timeout=PATIENCE)
    assert transport.put(data, target, mode=0o640, timeout=PATIENCE, become="root").changed
    assert odd.do("stat -c '%U %a' /srv/private/file") == "root 640"
    assert odd.do("ls -A /srv/private") == "file"
    transport.get(target, tmp_path / "back", timeout=PATIENCE, become="root")
    assert (tmp_path / "back").read_bytes() == data


def test_what_root_runs_is_ended_at_the_deadline(odd: Odd, admin: str) -> None:
    transport = odd.door(admin)
    for resumable in (False, True):
        command = Command("sleep 7654 & sleep 7654", become="root", resumable=resumable)
        outcome = transport.run(command, timeout=1.0)
        assert isinstance(outcome, TimedOut)
        assert outcome.ended_remote
        assert "sleep 7654" not in odd.do("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


def test_another_user_than_root_is_become(odd: Odd, admin: str) -> None:
    other = odd.user()
    outcome = odd.door(admin).run(
        Command('id -un; echo "$HOME"', become=other, resumable=True), timeout=PATIENCE
    )
    assert outcome.out == f"{other}\n/home/{other}\n"


@pytest.mark.parametrize(
    ("rule", "user", "said", "hint"),
    [
        ("{name} ALL=(ALL) ALL", "root", "a password is required", "NOPASSWD"),
        ("", "root", "a password is required", "NOPASSWD"),
        ("{name} ALL=(www-data) NOPASSWD: ALL", "root", "password is required", "NOPASSWD"),
        (
            "Defaults:{name} requiretty\n{name} ALL=(ALL) NOPASSWD: ALL",
            "root",
            "tty",
            "requiretty",
        ),
        ("{name} ALL=(ALL) NOPASSWD: ALL", "nobody-here", "unknown user", "become_user"),
    ],
    ids=["a password", "no rule", "another user's rule", "requiretty", "unknown user"],
)
def test_why_somebody_cannot_be_become_is_said(
    odd: Odd, rule: str, user: str, said: str, hint: str
) -> None:
    name = odd.user()
    odd.sudoers(rule.format(name=name) + "\n")
    transport = odd.door(name)
    for resumable in (False, True):
        with pytest.raises(TaskError, match=f"n1: cannot become {user}: .*{said}") as info:
            transport.run(Command("true", become=user, resumable=resumable), timeout=PATIENCE)
        assert hint in str(info.value.hint)
    with pytest.raises(TaskError, match=f"n1: cannot become {user}"):
        transport.put(b"x", PurePosixPath("/x"), mode=0o600, timeout=PATIENCE, become=user)
    assert said in probe(transport, become=user).become_fails
    assert transport.run(Command("true"), timeout=PATIENCE).ok


def test_a_host_without_sudo_is_named(odd: Odd, admin: str) -> None:
    odd.do("mv /usr/bin/sudo /usr/bin/not-sudo")
    try:
        with pytest.raises(TaskError, match=r"n1: cannot become root: .*not found") as info:
            odd.door(admin).run(Command("true", become="root"), timeout=PATIENCE)
        assert "install sudo" in str(info.value.hint)
        # Whoever is that user already needs none.
        assert odd.door("root").run(Command("true", become="root"), timeout=PATIENCE).ok
    finally:
        odd.do("mv /usr/bin/not-sudo /usr/bin/sudo")


# Places and programs


@pytest.mark.parametrize("home", ["missing", "read-only"])
def test_no_home_directory_is_needed(odd: Odd, home: str) -> None:
    name = odd.user()
    # Its keys must lie where sshd finds them all the same.
    odd.do(
        f"mkdir -p /etc/keys && cp /root/.ssh/authorized_keys /etc/keys/{name} && "
        f"chmod 644 /etc/keys/{name} && "
        "grep -q etc/keys /etc/ssh/sshd_config || { "
        "echo 'AuthorizedKeysFile /etc/keys/%u .ssh/authorized_keys' >>/etc/ssh/sshd_config; "
        # sshd starts itself anew: until it listens on another socket it refuses who knocks.
        """listening() { awk '$2 ~ /:0016$/ && $4 == "0A" { print $10 }' /proc/net/tcp; }; """
        "old=$(listening); kill -HUP $(pgrep -o -x sshd); "
        'for i in $(seq 400); do new=$(listening); [ -n "$new" ] && [ "$new" != "$old" ] && break; '
        "sleep 0.05; done; }"
    )
    gone = f"rm -rf /home/{name}" if home == "missing" else f"chown -R root: /home/{name}"
    odd.do(gone)
    transport = odd.door(name)
    odd.do(f"install -d -o {name} /srv/{name}")
    works(transport, PurePosixPath("/srv") / name)
    health = probe(transport, become=None)
    assert not health.home
    assert [one for one in concerns(health) if "home directory" in one]
    assert odd.do("stat -c '%U %a' /var/tmp/raftfleet-$(id -u " + name + ")/commands") == (
        f"{name} 700"
    )


def test_a_folder_for_records_that_is_somebody_elses_is_not_used(odd: Odd) -> None:
    name = odd.user()
    odd.do(
        f"chown root: /home/{name} && mkdir -p -m 777 /var/tmp/raftfleet-$(id -u {name})/commands"
    )
    outcome = odd.door(name).run(Command("true", resumable=True), timeout=PATIENCE)
    assert isinstance(outcome, Exited)
    assert outcome.status == 125
    assert "belongs to somebody else" in outcome.err


def test_nothing_is_run_from_a_noexec_tmp(odd: Odd) -> None:
    name = odd.user()
    odd.do("mount -t tmpfs -o size=4m,mode=1777,noexec none /tmp")
    try:
        transport = odd.door(name)
        works(transport, PurePosixPath("/home") / name)
        health = probe(transport, become=None)
        assert not health.tmp_runs
        assert [one for one in concerns(health) if "noexec" in one]
        assert odd.do("ls -A /tmp") == ""
    finally:
        odd.do("umount /tmp")


def test_programs_that_are_missing_are_named(odd: Odd) -> None:
    hidden = ("python3", "perl", "openssl")
    moves = [
        (path, f"{path}.hidden") for one in hidden if (path := shutil.which(one, path="/usr/bin"))
    ]
    for path, away in moves:
        odd.do(f"mv {path} {away}")
    try:
        name = odd.user()
        transport = odd.door(name)
        works(transport, PurePosixPath("/home") / name)
        health = probe(transport, become=None)
        assert not health.programs & set(hidden)
        assert [one for one in concerns(health) if "neither python3 nor perl" in one]
    finally:
        for path, away in moves:
            odd.do(f"mv {away} {path}")


# sshd


@pytest.fixture
def strange_sshd(odd: Odd) -> Iterator[int]:
    """A second sshd on the host, with a banner and room for one session only."""
    root = odd.made.host("n1").root
    (root / "etc/banner").write_text("No trespassing!\n" * 200)
    odd.do(
        "sed 's/^Port .*/Port 2222/' /etc/ssh/sshd_config >/etc/ssh/strange && "
        "printf 'MaxSessions 1\nBanner /etc/banner\nPidFile /run/strange.pid\n' >>/etc/ssh/strange && "
        "/usr/sbin/sshd -f /etc/ssh/strange -E /var/log/strange.log"
    )
    yield 2222
    odd.do("kill $(cat /run/strange.pid)")


def test_one_session_at_a_time_is_enough(odd: Odd, strange_sshd: int) -> None:
    transport = odd.door("root", strange_sshd)
    outcome = transport.run(Command("echo one"), timeout=PATIENCE)
    assert (outcome.out, outcome.preamble) == ("one\n", b"")
    data = os.urandom(500_000)
    assert transport.put(data, PurePosixPath("/root/f"), mode=0o600, timeout=PATIENCE).changed
    health = probe(transport, become=None)
    assert health.one_session
    assert [one for one in concerns(health) if "MaxSessions is 1" in one]
    assert not probe(odd.door("root"), become=None).one_session
    # Others wait for their turn.
    command = Command("sleep 0.2; echo two")
    assert at_once(4, lambda _: transport.run(command, timeout=PATIENCE).out) == ["two\n"] * 4
    assert transport.run(Command("echo x; exit 5", resumable=True), timeout=PATIENCE).out == "x\n"


def test_a_healthy_host_raises_no_concern(odd: Odd) -> None:
    health = probe(odd.door("root"), become="root")
    assert isinstance(health, Health)
    assert list(concerns(health)) == []
    assert health.clock is not None
    assert health.clock[0] <= 0.01
    assert health.clock[1] >= -0.01
    assert health.as_json()["host"] == "n1"
