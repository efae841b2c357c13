"""A plan shows every step of a drill, without any host there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from raftfleet.cli import run
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = """
all:
  vars: {robustmq_binary: simulator, robustmq_era: head, ansible_user: nobody}
  children:
    raft:
      hosts:
        n1: {ansible_host: 192.0.2.1, raft_node_id: 1}
        n2: {ansible_host: 192.0.2.2, raft_node_id: 2}
        n3: {ansible_host: 192.0.2.3, raft_node_id: 3}
"""


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hosts.yml"
    path.write_text(INVENTORY)
    return path


def planned(
    hosts: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0
) -> list[list[str]]:
    """Return the columns of each step."""
    assert run(["drill", *words, "--plan", "-i", str(hosts)]) == code
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if re.match(r"^  \d+ +(all|n\d)", line)]
    return [re.split(r"  +", line.strip()) for line in lines]


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted(shipped("playbooks").glob("?-*.yml"))] + ["full"]
)
def test_every_drill_can_be_planned_and_leaves_nothing_behind(
    hosts: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rows = planned(hosts, capsys, name)
    assert rows
    assert all(re.fullmatch(r"\d+ s", row[3]) for row in rows)
    assert not (hosts.parent / "runs").exists()


def test_a_rolling_restart_stops_each_node_and_starts_it_before_the_next(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = planned(hosts, capsys, "d-rolling", "-e", "stop_grace=7")
    acts = [(row[1], row[3], row[4]) for row in rows if row[2].startswith("kill -INT")]
    assert acts == [("n1", "22 s", "+0"), ("n2", "22 s", "+0"), ("n3", "22 s", "+0")]
    starts = [row[1] for row in rows if "exec ./bin/broker-server" in row[2]]
    assert starts == ["n1", "n2", "n3"]


def test_rounds_are_planned_one_by_one(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = planned(hosts, capsys, "e-stress", "--rounds", "2")
    assert sum(row[2].startswith("kill") for row in rows) == 2 * 5


def test_what_the_guard_would_refuse_is_said_beforehand(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play = hosts.parent / "greedy.yml"
    play.write_text(
        "- hosts: raft\n  gather_facts: false\n  drill: {id: greedy, expects: [starts]}\n"
        "  tasks:\n    - raft_stop: {node: [n1, n2]}\n    - shell: rm -rf /tmp/x\n"
    )
    assert run(["drill", str(play), "--plan", "-i", str(hosts)]) == 2
    assert "would cost the quorum" in capsys.readouterr().out


def test_commands_of_ones_own_are_shown_and_not_run(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = hosts.parent / "made"
    play = hosts.parent / "own.yml"
    play.write_text(
        "- hosts: raft\n  gather_facts: false\n  drill: {id: own, expects: [starts]}\n"
        f"  tasks:\n    - shell: touch {made}\n"
        "    - pause: {seconds: 90}\n"
    )
    rows = planned(hosts, capsys, str(play))
    assert any(f"touch {made}" in row[2] for row in rows)
    assert any(row[2].startswith("pause") and row[3] == "90 s" for row in rows)
    assert not made.exists()
