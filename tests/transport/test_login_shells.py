"""What a login shell says or does is not the command's doing; becoming another user."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import (
    UnreachableError,
)
from raftfleet.transport import Command, Exited, TimedOut, make_transport
from tests.transport.sshd import Sshd, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transport.conftest import MakeTransport

PATIENCE = 30.0
TRUE = Command("true")


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
        assert (outcome.out, outcome.err) == ("x y /\n", "")
        assert outcome.preamble.decode() == f"sudo -n -H -u {user} --\n"  # not the command's
        hang = transport.run(Command("sleep 600", become=user), timeout=1.0)
        assert isinstance(hang, TimedOut)
        assert hang.ended_remote
        transport.close()


def test_becoming_who_one_is_needs_no_sudo(ssh: MakeTransport, sshd: Sshd) -> None:
    user = sshd.options().user
    outcome = ssh().run(Command("id -un", become=user), timeout=PATIENCE)
    assert outcome.out == f"{user}\n"
