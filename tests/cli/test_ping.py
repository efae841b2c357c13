"""`raftfleet ping` against a real sshd and a door nobody answers."""

from __future__ import annotations

import getpass
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.cli import run
from raftfleet.transport.probe import Health, concerns
from tests.transport.sshd import Sshd, free_port, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.fixture
def inventory(place: Path) -> Iterator[Path]:
    """A host that answers, one whose login shell is slow and talks, and one that is not there."""
    if reason := missing():
        pytest.skip(reason)
    for name in ("good", "odd"):
        (place / name).mkdir()
    shell = place / "odd/shell"
    shell.write_text(
        "#!/bin/sh\nprintf 'Hello \\033[31m\\n'; sleep 0.2\neval \"$SSH_ORIGINAL_COMMAND\"\n"
    )
    shell.chmod(0o755)
    with Sshd(place / "good") as good, Sshd(place / "odd", forced=str(shell)) as odd:
        path = place / "hosts.yml"
        path.write_text(
            f"""
all:
  vars: {{ansible_host: 127.0.0.1, ansible_user: {getpass.getuser()}}}
  children:
    raft:
      hosts:
        good: {{ansible_port: {good.port}, ansible_ssh_private_key_file: {good.key_file}}}
        odd: {{ansible_port: {odd.port}, ansible_ssh_private_key_file: {odd.key_file}}}
    gone:
      hosts:
        away: {{ansible_port: {free_port()}, ansible_ssh_private_key_file: {odd.key_file}}}
"""
        )
        yield path


def ping(capsys: pytest.CaptureFixture[str], words: str) -> tuple[int, str]:
    code = run(["ping", *shlex.split(words)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_hosts_that_answer_are_measured(
    inventory: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ping(capsys, f"-i {inventory} raft")
    assert code == 0
    assert "2 of 2 hosts answer" in said
    (good,) = [line for line in said.splitlines() if line.startswith("good ")]
    assert "connected in " in good
    assert "command " in good
    assert "exits exact (" in good
    # What hosts say is shown, and never obeyed by the terminal.
    assert "\x1b" not in said
    assert (
        r"odd: its login shell prints before every command (it is left out): Hello \x1b[31m" in said
    )
    assert "odd: login shell costs 2" in said
    assert not list(place.glob("runs*"))


def test_a_host_that_does_not_answer_is_named_with_reason_and_hint(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ping(capsys, f"-i {inventory}")
    assert code == 4
    assert "2 of 3 hosts answer" in said
    assert "unreachable: away (" in said
    assert "refused" in said
    assert "  hint: " in said


def test_a_pattern_without_a_host_is_wrong_usage(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ping(capsys, f"-i {inventory} rafd")
    assert code == 5
    assert "did you mean raft?" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            'ansible_ssh_common_args: "-o ProxyJmp=edge"',
            "n2: ansible_ssh_common_args: -o ProxyJmp is not supported",
        ),
        ("ansible_port: {{ 70000 }}", "n2: ansible_port: '70000' is not a port"),
        ("ansible_password: c0rrect", "n2: ansible_password: logging in with a password"),
        ("ansible_connection: winrm", "n2: ansible_connection: winrm is not supported"),
    ],
)
def test_what_no_host_can_be_reached_with_is_refused_before_any_is(
    place: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    line = line.replace("{{ 70000 }}", "'{{ 70000 }}'")
    (place / "hosts.yml").write_text(
        "raft:\n  hosts:\n    n1: {ansible_host: 192.0.2.1}\n    n2:\n      " + line + "\n"
    )
    (place / "play.yml").write_text("- {hosts: n1, tasks: [{command: id}]}\n")
    for words in (["ping", "-i", "hosts.yml"], ["play", "play.yml", "-i", "hosts.yml"]):
        assert run(words) == 5
        said = capsys.readouterr().err
        assert says in said
        assert "c0rrect" not in said
        assert said.startswith("error: hosts.yml:5:") or "n2: ansible_connection" in said
    assert not (place / "runs").exists()


def test_a_variable_that_only_a_run_can_say_is_left_for_then(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "hosts.yml").write_text("n1: {hosts: {n1: {ansible_port: '{{ from_the_play }}'}}}\n")
    (place / "play.yml").write_text(
        "- {hosts: n1, gather_facts: false, vars: {from_the_play: 22}, tasks: [{debug: }]}\n"
    )
    assert run(["play", "play.yml", "-i", "hosts.yml"]) == 0, capsys.readouterr()


def test_json_has_a_line_for_every_host(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ping(capsys, f"-i {inventory} --output jsonl")
    assert code == 4
    found: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    assert [one["reachable"] for one in found].count(True) == 2
    (odd,) = [one for one in found if one.get("host") == "odd"]
    assert odd["shell_cost"] >= 0.19
    (lost,) = [one for one in found if not one["reachable"]]
    assert lost["host"] == "away"
    assert "away" in lost["reason"]


def test_every_concern_is_a_sentence_with_its_consequence() -> None:
    health = Health(
        host="n1",
        connect=0.1,
        command=0.1,
        command_min=0.1,
        user="db",
        shell="/bin/bash",
        shell_cost=0.097,
        preamble="\nHi\n",
        home=False,
        tmp_runs=False,
        one_session=True,
        clock=(-3.1, -2.9),
        become="root",
        become_fails="n1: cannot become root: sudo: a password is required",
    )
    said = list(concerns(health))
    assert said[0] == "login shell costs 97 ms a command: ~/.bashrc runs under sshd"
    assert "its wall clock is 3.0 s behind ours" in said
    assert len(said) == 9
