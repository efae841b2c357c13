"""What is said to a shell means the same to every shell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftfleet.errors import UsageError
from raftfleet.transport import Command, shell

NASTY = st.text(st.sampled_from([*"abc '\"\\\n!$`%;&|<>(){}[]*?~#\t-é"]), max_size=20)


def through(login_shell: str, command: Command) -> subprocess.CompletedProcess[bytes]:
    line = shell.login_line(command, "token")
    first = shell.preface(command)
    return subprocess.run([login_shell, "-c", line], input=first, capture_output=True, check=False)


@pytest.mark.parametrize("login_shell", ["bash", "dash"])
@settings(max_examples=40, deadline=None)
@given(value=NASTY, word=NASTY)
def test_any_text_survives_the_login_shell(login_shell: str, value: str, word: str) -> None:
    quoted = "'" + word.replace("'", "'\\''") + "'"
    done = through(login_shell, Command(f'printf "%s|%s" "$A" {quoted}', env={"A": value}))
    said = done.stdout.partition(b"\n")
    assert said[0].startswith(shell.mark("token"))
    assert said[2].decode() == f"{value}|{word}"
    assert done.stderr.partition(b"\n")[2] == b""


@given(value=NASTY, word=NASTY)
def test_nothing_that_shells_read_differently_is_said(value: str, word: str) -> None:
    line = shell.login_line(Command(f"echo {word}", env={"A": value}), "token").decode()
    # Inside single quotes fish reads \\ and \', csh reads ! and takes no newline; octal is safe.
    assert "\n" not in line
    assert "!" not in line
    assert re.sub(r"\\0[0-7]{3}", "", line).count("\\") == 0
    assert "rf-token" not in line


def test_the_mark_names_the_process_group() -> None:
    line = shell.login_line(Command("echo $PPID"), "token")
    with subprocess.Popen(
        ["bash", "-c", line],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        out, _ = process.communicate(timeout=30)
    assert out.splitlines()[0] == b"rf-token %d" % process.pid


def test_a_login_shell_that_forks_still_names_the_group() -> None:
    line = shell.login_line(Command("true"), "token").decode()
    with subprocess.Popen(
        ["bash", "-c", f"({line}); exit 0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        out, _ = process.communicate(timeout=30)
    assert out.splitlines()[0] == b"rf-token %d" % process.pid


def test_a_command_beyond_the_limit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(UsageError, match="too long for one argument"):
        shell.login_line(Command("x" * 130_000), "token")
    with pytest.raises(UsageError, match="too long for one argument"):
        shell.inner(Command("x" * 130_000))


@pytest.mark.parametrize("command", [Command("a\0b"), Command("a", env={"A": "\0"})])
def test_a_nul_character_is_refused(command: Command) -> None:
    with pytest.raises(UsageError, match="NUL"):
        shell.inner(command)


@pytest.mark.parametrize("group", [-5, 0, 1])
def test_no_group_but_a_commands_is_ever_ended(group: int) -> None:
    with pytest.raises(ValueError, match="no process group"):
        shell.ending(group)


def end(group: int) -> bytes:
    line = ["/bin/sh", "-c", shell.ending(group)]
    return subprocess.run(line, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    "script",
    [
        "sleep 600",
        "trap '' TERM; while :; do sleep 600; done",
        "sleep 600 & sleep 600 & wait",
        "kill -STOP $$",
    ],
)
def test_a_group_is_ended_whole(script: str) -> None:
    with subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True) as process:
        try:
            assert end(process.pid) == b"gone\n"
        finally:
            process.kill()
        assert process.wait(10) in {-signal.SIGTERM, -signal.SIGKILL}


def test_only_that_group_is_ended() -> None:
    with (
        subprocess.Popen(["sleep", "600"], start_new_session=True) as victim,
        subprocess.Popen(["sleep", "600"], start_new_session=True) as bystander,
    ):
        assert end(victim.pid) == b"gone\n"
        assert bystander.poll() is None
        bystander.kill()


def test_a_stopped_process_may_clean_up_before_it_ends(tmp_path: Path) -> None:
    script = f"trap 'echo clean >{tmp_path}/said; exit 0' TERM; kill -STOP $$; sleep 600 & wait"
    with subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert end(process.pid) == b"gone\n"
    assert (tmp_path / "said").read_text() == "clean\n"


def test_a_zombie_counts_as_gone() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert end(process.pid) == b"gone\n"


def test_what_cannot_be_ended_is_said_to_be_alive(tmp_path: Path) -> None:
    # A kill that does nothing stands for a process in the kernel that no signal reaches.
    script = "kill() { :; }\n" + shell.ending(os.getpgrp())
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout == b"alive\n"


def test_paths_are_never_taken_for_options(tmp_path: Path) -> None:
    target = PurePosixPath("-f")
    for line in (
        shell.sending(
            target,
            size=0,
            digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            mode=0o600,
            name="x",
        ),
        shell.same(target, size=0, digest="x", mode=0o600),
        shell.fetching(target, offset=0),
    ):
        subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, check=True, input=b"", capture_output=True
        )
    assert [path.name for path in tmp_path.iterdir()] == ["-f"]


def test_a_relative_folder_is_entered_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "-").mkdir()
    command = Command("pwd", cwd=PurePosixPath("-"), env={"CDPATH": "/", "OLDPWD": "/"})
    script = ["/bin/sh", "-c", shell.inner(command), "sh", command.line]
    first = shell.preface(command)
    done = subprocess.run(script, input=first, capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout.decode() == f"{tmp_path}/-\n"


@pytest.mark.parametrize("become", [None, "root"])
def test_the_environment_is_no_argument_that_others_see(become: str | None) -> None:
    command = Command("true", env={"TOKEN": "canary"}, become=become)
    assert b"canary" not in shell.login_line(command, "token")
    assert "canary" not in shell.inner(command)
    assert b"canary" in shell.preface(command)
    assert "canary" in shell.inner(command, spelled=True)
    assert shell.preface(Command("true")) == b""


@pytest.mark.parametrize("openssl", [True, False])
def test_a_host_without_openssl_hashes_all_the_same(
    tmp_path: Path, openssl: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("stat", "sha256sum", "chmod"):
        (tools / name).symlink_to(f"/usr/bin/{name}" if name != "chmod" else "/bin/chmod")
    monkeypatch.setenv("PATH", str(tools) + (":/usr/bin" if openssl else ""))
    (tmp_path / "empty").touch()
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for expected, wanted in ((b"same\n", digest), (b"differs 0\n", digest.upper())):
        line = shell.same(PurePosixPath(tmp_path / "empty"), size=0, digest=wanted, mode=0o600)
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True)
        assert done.stdout == expected
