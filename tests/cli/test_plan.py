"""A plan shows every step of a drill, without any host there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from raftfleet.cli import run
from raftfleet.cli.catalogue import FULL, drills
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


@pytest.mark.parametrize("name", [*drills(), FULL])
def test_every_drill_can_be_planned_and_leaves_nothing_behind(
    hosts: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rows = planned(hosts, capsys, name)
    assert rows
    assert all(re.fullmatch(r"\d+ s", row[3]) for row in rows)
    assert not (hosts.parent / "runs").exists()


@pytest.mark.parametrize("name", drills())
def test_each_step_tells_host_command_undo_worst_case_and_quorum_margin(
    hosts: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    down: set[str] = set()
    kills = 0
    for _, host, does, worst, margin, undo in planned(hosts, capsys, name, "-e", "rounds=1"):
        if does.startswith("kill -"):
            down.add(host)
            kills += 1
            assert int(worst.removesuffix(" s")) >= 25
            stays = "stays down" if name == "c-shutdown" else f"{host} is started again at the end"
            assert stays in undo
        if does.startswith("cd /opt/robustmq && exec ./bin/broker-server"):
            down.discard(host)
        if does.startswith("write "):
            assert undo == "removed at the end, unless keep_data is set"
        if " times a second" in does:
            assert "500 entries at most while a node is away" in does
        assert margin == f"{1 - len(down):+d}"
    assert kills
    assert down == ({"n1", "n2", "n3"} if name == "c-shutdown" else set())


def test_a_node_that_misses_more_than_the_budget_is_told(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = planned(hosts, capsys, "snapshot-rejoin", "-e", "wiped=true", "-e", "count=900")
    acts = [(row[1], row[2]) for row in rows if re.match(r"kill|empty|write 9|cd", row[2])]
    assert [host for host, _ in acts] == ["n3", "n3", "n1, n2", "n3"]
    assert "only with our marker in it" in acts[1][1]
    assert acts[2][1] == "write 900 of kind create, past the entry budget"


def test_writes_that_would_exceed_the_budget_are_refused_on_paper_too(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play = hosts.parent / "many.yml"
    play.write_text(
        "- hosts: raft\n  gather_facts: false\n  drill: {id: many, expects: [writes-survive]}\n"
        "  tasks:\n    - raft_stop: {node: follower}\n    - raft_write: {count: 501}\n"
    )
    assert run(["drill", str(play), "--plan", "-i", str(hosts)]) == 2
    assert "would exceed the entry budget, of which 500 are left" in capsys.readouterr().out


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


def test_a_drill_that_would_change_a_node_outside_of_the_limit_is_told_before(
    hosts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(hosts, capsys, "d-rolling", "-l", "n2", code=2)
    assert run(["drill", "d-rolling", "--plan", "-i", str(hosts), "-l", "n2,n3"]) == 2
    assert "it would fail: raft_stop: n1 would be changed, outside of --limit" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("name", ["start.yml", "stop.yml", "clean.yml"])
def test_what_acts_on_every_node_keeps_to_the_limit(
    hosts: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = str(shipped("playbooks", name))
    whole = planned(hosts, capsys, path)
    limited = planned(hosts, capsys, path, "-l", "n2")
    assert {row[1] for row in limited} <= {"n2", "all"}
    assert name == "start.yml" or {row[1] for row in whole} >= {"n1", "n2", "n3"}
