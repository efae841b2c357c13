"""Drills are found by what their playbooks declare, and a full run keeps its order."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from raftfleet.cli import run
from raftfleet.cli.catalogue import drills, full_run, playbook_of, steps_of
from raftfleet.cli.reading import syntax
from raftfleet.errors import UsageError
from raftfleet.shipped import shipped

NAMED = {
    "a-remove", "b-rejoin", "c-shutdown", "crash", "d-rolling", "e-stress", "f-state-machine",
    "fast-restart", "quorum-loss", "snapshot-rejoin",
}  # fmt: skip


def test_every_playbook_that_declares_a_drill_is_one_and_has_a_line() -> None:
    known = drills()
    assert known.keys() >= NAMED
    assert not {"start", "clean", "deploy"} & known.keys()
    assert all(line and not line.startswith("#") for line in known.values())


@pytest.mark.parametrize("path", sorted(shipped("playbooks").glob("*.yml")), ids=lambda p: p.stem)
def test_every_playbook_that_ships_can_be_read(path: Path) -> None:
    syntax([path])


def test_a_full_run_is_a_b_d_e_c_f_and_starts_what_c_left_down() -> None:
    steps = full_run(rounds=2)
    assert [step.path.stem for step in steps] == [
        "a-remove", "a-remove", "b-rejoin", "d-rolling", "e-stress", "c-shutdown", "start",
        "f-state-machine",
    ]  # fmt: skip
    assert [step.extra["victim"] for step in steps[:2]] == ["follower", "leader"]
    assert {step.path.stem for step in steps if "rounds" in step.extra} == {
        "e-stress",
        "f-state-machine",
    }


def test_only_asked_for_is_the_cluster_wiped() -> None:
    assert next(step.path.stem for step in steps_of(["full"], None, clean=False)) == "start"
    assert [step.path.stem for step in steps_of(["crash"], 3, clean=False)] == ["crash"]
    begun = steps_of(["crash"], None, clean=True)
    assert [step.path.stem for step in begun] == ["clean", "start", "crash"]


def test_a_drill_nobody_knows_is_told_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        playbook_of("e-stres")
    assert "e-stress" in str(refused.value)
    assert playbook_of("own/drill.yml") == Path("own/drill.yml")


def test_the_list_needs_no_inventory(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--list"]) == 0
    said = capsys.readouterr().out
    assert {line.split()[0] for line in said.splitlines()} >= NAMED


def test_wiping_a_part_of_a_cluster_is_refused(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("raft: {hosts: {n1: {}}}\n")
    code = run(["drill", "crash", "-i", str(hosts), "--clean", "-l", "n1"])
    assert code == 5


@pytest.mark.parametrize("name", drills())
def test_every_drill_states_the_evidence_that_its_verdict_needs(name: str) -> None:
    (play,) = yaml.safe_load(playbook_of(name).read_text(encoding="utf-8"))
    declared = play["drill"]
    evidence = set(declared["evidence"])
    assert evidence >= {"groups_seen", "watched_percent", "log_lines"}
    assert evidence & {"stops", "kills", "starts"}
    if "writes-survive" in declared["expects"]:
        assert evidence >= {"acknowledged_after", "nodes_read"}
    if "leader-moves" in declared["expects"]:
        assert evidence >= {"leader_stops", "acknowledged_before", "acknowledged_during"}
