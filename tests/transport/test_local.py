"""What only this machine can get wrong: descriptors, children, processes of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import TaskError
from raftfleet.transport import Command, Exited, LocalOptions, Signalled, TimedOut, make_transport
from tests.transport.sshd import processes

if TYPE_CHECKING:
    from raftfleet.transport import Transport

PATIENCE = 30.0


@pytest.fixture
def local() -> Transport:
    return make_transport("here", LocalOptions())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[int]:
    return {pid for pid, parent, _ in processes() if parent == os.getpid()}


def test_nothing_stays_open(local: Transport, tmp_path: Path) -> None:
    local.run(Command("true"), timeout=PATIENCE)
    before, threads, born = descriptors(), threading.active_count(), children()
    for _ in range(5):
        local.run(Command("cat"), timeout=PATIENCE, stdin=bytes(1_000_000))
        local.run(Command("sleep 600"), timeout=0.1)
        local.put(b"x", PurePosixPath(tmp_path / "f"), mode=0o600, timeout=PATIENCE)
        with local.open(Command("echo x; sleep 600"), timeout=PATIENCE) as stream:
            next(iter(stream.lines(timeout=PATIENCE)))
    assert descriptors() == before
    assert threading.active_count() == threads
    assert children() == born


def test_a_command_runs_in_a_session_of_its_own(local: Transport) -> None:
    line = 'read -r a b c d group session rest </proc/self/stat; echo "$session"'
    session = int(local.run(Command(line), timeout=PATIENCE).out)
    assert session != os.getsid(0)


def test_a_child_that_stopped_itself_is_ended(local: Transport) -> None:
    outcome = local.run(Command("kill -STOP $$"), timeout=0.3)
    assert isinstance(outcome, TimedOut)
    assert outcome.ended_remote


def test_a_child_that_closed_its_output_is_waited_for(local: Transport) -> None:
    outcome = local.run(Command("exec >&- 2>&-; sleep 0.3; exit 7"), timeout=PATIENCE)
    assert isinstance(outcome, Exited)
    assert outcome.status == 7


def test_a_real_time_signal_is_given_by_number(local: Transport) -> None:
    outcome = local.run(Command("kill -40 $$"), timeout=PATIENCE)
    assert isinstance(outcome, Signalled)
    assert outcome.signal == "40"


def test_a_port_is_returned_as_it_is(local: Transport) -> None:
    endpoint = local.forward("127.0.0.1", 1234, timeout=PATIENCE)
    assert (endpoint.host, endpoint.port) == ("127.0.0.1", 1234)
    endpoint.close()


def test_a_missing_folder_is_named(local: Transport, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=f"here: cannot send {tmp_path}/no/f"):
        local.put(b"x", PurePosixPath(tmp_path / "no/f"), mode=0o600, timeout=PATIENCE)


def fake_sudo(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    (folder / "sudo").write_text(f"#!/bin/sh\n{line}\n")
    (folder / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_user_whom_sudo_refuses_is_said_as_over_ssh(
    local: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_sudo(tmp_path, monkeypatch, "echo 'sudo: a password is required' >&2; exit 1")
    command = Command("id -un", become="nobody")
    for act in (local.run, local.open):
        with pytest.raises(TaskError, match="here: cannot become nobody: sudo: a password") as e:
            act(command, timeout=PATIENCE)
        assert "NOPASSWD" in str(e.value)


def test_a_command_of_whom_we_became_fails_as_itself(
    local: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_sudo(tmp_path, monkeypatch, 'echo welcome >&2; shift 5; exec "$@"')
    failing = Command("cat; echo sudo: not sudo >&2; exit 1", become="nobody")
    outcome = local.run(failing, timeout=PATIENCE, stdin=b"in")
    assert isinstance(outcome, Exited)
    said = (outcome.status, outcome.out, outcome.err, outcome.preamble)
    assert said == (1, "in", "sudo: not sudo\n", b"welcome\n")
