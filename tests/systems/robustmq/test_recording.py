"""Recordings become journals that are judged as they must be, also when they are doctored."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SourceError, UsageError
from raftfleet.systems import read_recording

from .made import make_recording
from .recordings import NAMES, REAL, SHARED, Doctor, checker, judged, needed, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TURNED = {1: 2, 2: 3, 3: 1}


# --- real ones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_a_real_recording_is_judged_as_its_recorder_says(name: str) -> None:
    folder = needed(name)
    want = json.loads((folder / "expect.json").read_text())
    assert list(checker().differences(want, judged(folder))) == []


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_another_node_may_be_the_victim(name: str, tmp_path: Path) -> None:
    doctor = Doctor.at(needed(name), tmp_path / "turned").renumbered(TURNED)
    want = json.loads((REAL / name / "expect.json").read_text())
    for one in [*want["violations"], *want["exits"]]:
        one["node"] = one["node"] and TURNED[one["node"]]
    for one in want["failovers"]:
        one["new_leader"] = TURNED[one["new_leader"]]
    assert list(checker().differences(want, doctor.judged())) == []


def test_the_command_line_gives_the_same(tmp_path: Path) -> None:
    folder = needed("leader-crash")
    program = [sys.executable, str(SHARED / "check.py"), "--cmd", f"{sys.executable} -m raftfleet"]
    done = subprocess.run(
        [*program, str(folder)], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "1 passed, 0 failed\n"


def test_late_harm_is_measured_and_put_down_to_the_fault() -> None:
    found = judged(needed("follower-partitioned"))
    overall = [outage for outage in found["outages"] if outage["via"] is None]
    assert [(round(o["seconds"]), o["cause"]) for o in overall] == [
        (18, "partition of n2, over 30.0 s before")
    ]
    disturbed = [f for f in found["findings"] if f["check"] == "leader-undisturbed"]
    assert {(f["group"], f["cause"]) for f in disturbed} == {
        (group, "partition of n2") for group in ("data_0", "metadata_0", "offset_0")
    }


@pytest.mark.parametrize(
    ("name", "cause"), [("leader-paused", "pause"), ("leader-partitioned", "partition")]
)
def test_failovers_of_an_isolated_leader_are_measured(name: str, cause: str) -> None:
    found = judged(needed(name))["failovers"]
    assert {f["group"] for f in found} == {"data_0", "metadata_0", "offset_0"}
    for one in found:
        assert (one["cause"], one["counted_from"], one["place"]) == (
            cause,
            "last contact",
            "inside",
        )


def test_unknown_writes_that_came_true_are_recovered() -> None:
    notes = [f["message"] for f in judged(needed("quorum-loss"))["findings"]]
    assert "8 writes had an unknown outcome, which is followed up: 8 recovered" in notes


@pytest.mark.parametrize(
    "name", ["follower-stop-rejoin", "leader-crash", "leader-paused", "quorum-loss", "full-restart"]
)
def test_the_log_rules_let_pass_what_a_healthy_product_writes(name: str, tmp_path: Path) -> None:
    doctor = Doctor.at(needed(name), tmp_path / "r").expects("logs-clean")
    found = doctor.judged()
    assert said(found, "violation") | said(found, "gap") == set()


def test_the_log_rules_find_the_empty_snapshot(tmp_path: Path) -> None:
    doctor = Doctor.at(needed("snapshot-rejoin"), tmp_path / "r").expects("logs-clean")
    assert said(doctor.judged(), "violation") == {("logs-clean", "n3")}


# --- a made one, whole --------------------------------------------------------------------------


def test_a_recording_in_which_all_is_well_passes_every_check(tmp_path: Path) -> None:
    found = judged(make_recording(tmp_path / "r"))
    assert [f for f in found["findings"] if f["severity"] != "note"] == []
    assert found["verdict"] == "pass"
    assert {(f["group"], f["new_leader"], tuple(f["term"])) for f in found["failovers"]} == {
        (group, "n2", (1, 2)) for group in ("metadata_0", "offset_0", "data_0")
    }
    assert [(e["node"], e["class"]) for e in found["exits"]] == [("n1", "graceful")]


# --- the made one, doctored ---------------------------------------------------------------------


def no_compare(doctor: Doctor) -> None:
    doctor.without(lambda event: event["kind"] != "compare")


def no_log(doctor: Doctor) -> None:
    doctor.log(1).unlink()


def truncated_log(doctor: Doctor) -> None:
    path = doctor.log(1)
    path.write_bytes(path.read_bytes()[:-20])


def empty_log(doctor: Doctor) -> None:
    doctor.log(1).write_bytes(gzip.compress(b""))


def cut_log(doctor: Doctor) -> None:
    path = doctor.log(1)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(lines[0]))


def no_lists(doctor: Doctor) -> None:
    doctor.without(lambda event: event["kind"] != "broker_node_list")


@pytest.mark.parametrize(
    ("change", "gaps"),
    [
        (no_compare, {"stores-equal", "writes-survive", "cache-agrees"}),
        (no_log, {"logs-clean", "exits-graceful", "rejoins"}),
        (truncated_log, {"logs-clean", "exits-graceful", "rejoins"}),
        (empty_log, {"logs-clean", "exits-graceful", "rejoins"}),
        (cut_log, {"logs-clean", "exits-graceful", "rejoins"}),
        (no_lists, {"node-list-complete"}),
    ],
)
def test_what_is_missing_leaves_its_checks_without_evidence(
    tmp_path: Path, change: Callable[[Doctor], object], gaps: set[str]
) -> None:
    doctor = Doctor.at(make_recording(tmp_path / "r"), tmp_path / "doctored")
    change(doctor)
    found = doctor.judged()
    assert found["verdict"] == "inconclusive"
    assert {check for check, _ in said(found, "gap")} == gaps


def lost_write(doctor: Doctor) -> None:
    for event in doctor.of("compare"):
        event["result"]["3"] |= {"acked_missing_in_store": 1, "acked_missing_sample": ["w-17"]}


def diverged_store(doctor: Doctor) -> None:
    for event in doctor.of("compare"):
        event["result"]["2"]["store"] = 7


def term_back(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if line["node"] == 3 and line["t2"] > 70:
            line["status"]["data_0"] = {**line["status"]["data_0"], "current_term": 1}


def applied_back(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if line["node"] == 2 and line["t2"] == 40:
            applied = {"leader_id": {}, "index": 12}
            line["status"]["offset_0"] = {**line["status"]["offset_0"], "last_applied": applied}


def applied_past_the_log(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if line["node"] == 2 and line["t2"] == 40:
            line["status"]["offset_0"] = {**line["status"]["offset_0"], "last_log_index": 12}


def two_leaders(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if line["node"] == 3 and line["t2"] > 60:
            line["status"]["data_0"] = {**line["status"]["data_0"], "state": "Leader"}


def lost_voter(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if line["node"] == 3 and 30 <= line["t2"] <= 32:
            membership = {"membership": {"configs": [[2, 3]]}}
            status = {**line["status"]["data_0"], "membership_config": membership}
            line["status"]["data_0"] = status


def stays_behind(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if line["node"] == 3 and line["t2"] > 60:
            old = {"leader_id": {}, "index": 71}
            line["status"]["data_0"] = {**line["status"]["data_0"], "last_applied": old}


def slow_exit(doctor: Doctor) -> None:
    for event in doctor.of("exited"):
        event |= {"t": 24.0, "latency": 4.0}


def crashed(doctor: Doctor) -> None:
    for event in doctor.of("exited"):
        event["rc"] = 101


def never_listens(doctor: Doctor) -> None:
    doctor.without(lambda event: not (event["kind"] == "started" and event["t"] > 60))


def late_failover(doctor: Doctor) -> None:
    for line in doctor.statuses:
        if isinstance(line["status"], dict) and 53 <= line["t2"] < 62:
            line["status"] = {
                group: {**one, "current_term": 1, "current_leader": 1, "state": "Follower"}
                for group, one in line["status"].items()
            }


def joins_anew(doctor: Doctor) -> None:
    path = doctor.log(1)
    text = gzip.decompress(path.read_bytes())
    text = text.replace(
        b"Node 1 has persisted state, recovering existing cluster", b"Joining cluster via peer 2"
    )
    path.write_bytes(gzip.compress(text))


def defect_line(doctor: Doctor) -> None:
    path = doctor.log(2)
    text = gzip.decompress(path.read_bytes()).decode()
    line = text.splitlines()[-1].replace("all is well", "quit RaftCore::main on error")
    path.write_bytes(gzip.compress(f"{text}{line}\n".encode()))


@pytest.mark.parametrize(
    ("change", "check", "node"),
    [
        (lost_write, "writes-survive", "n3"),
        (diverged_store, "stores-equal", "n2"),
        (term_back, "terms-monotonic", "n3"),
        (applied_back, "applied-monotonic", "n2"),
        (applied_past_the_log, "applied-within-log", "n2"),
        (two_leaders, "one-leader-per-term", "n3"),
        (lost_voter, "membership-unchanged", "n3"),
        (stays_behind, "converges", "n3"),
        (slow_exit, "exits-graceful", "n1"),
        (crashed, "exits-graceful", "n1"),
        (never_listens, "starts", "n1"),
        (late_failover, "failover-in-interval", "n1"),
        (joins_anew, "rejoins", "n1"),
        (defect_line, "logs-clean", "n2"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_planted_defect_is_found_in_its_node(
    tmp_path: Path, change: Callable[[Doctor], object], check: str, node: str
) -> None:
    doctor = Doctor.at(make_recording(tmp_path / "r"), tmp_path / "doctored")
    change(doctor)
    found = doctor.judged()
    assert found["verdict"] == "fail"
    assert (check, node) in said(found, "violation")


def test_a_leader_that_is_back_too_soon_was_not_exercised(tmp_path: Path) -> None:
    doctor = Doctor.at(make_recording(tmp_path / "r"), tmp_path / "doctored")
    for line in doctor.statuses:
        if isinstance(line["status"], dict) and line["t2"] >= 53:
            node = line["node"]
            role = "Leader" if node == 1 else "Follower"
            line["status"] = {
                group: {**one, "current_term": 1, "current_leader": 1, "state": role}
                for group, one in line["status"].items()
            }
    found = doctor.judged()
    assert found["verdict"] == "inconclusive"
    assert ("leader-moves", "n1") in said(found, "gap")
    assert found["failovers"] == []


def test_an_unanswered_read_of_one_node_is_a_gap_of_that_node(tmp_path: Path) -> None:
    doctor = Doctor.at(make_recording(tmp_path / "r"), tmp_path / "doctored")
    doctor.of("compare")[0]["result"]["2"] = "TimeoutError: timed out"
    assert ("stores-equal", "n2") in said(doctor.judged(), "gap")


def test_the_recorders_own_conclusions_change_nothing(tmp_path: Path) -> None:
    doctor = Doctor.at(make_recording(tmp_path / "r"), tmp_path / "doctored")
    want = doctor.judged()
    lies: list[dict[str, Any]] = [
        {"t": 70.0, "kind": "failover-result", "victim": 3, "groups": {"data_0": {"new": 1}}},
        {"t": 70.0, "kind": "view", "views": {"1": "dead"}},
        {"t": 70.0, "kind": "exit-sample", "node": 3, "cls": "watchdog", "rc": 0},
    ]
    doctor.events[-1:-1] = lies
    assert doctor.judged() == want


# --- what cannot be read ------------------------------------------------------------------------


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        read_recording(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no recording that raftfleet knows"):
        read_recording(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("events.jsonl", b"", "events.jsonl:1:1: the first event must be the set-up"),
        ("events.jsonl", b'{"t": 1}\n', "events.jsonl:1:1"),
        ("events.jsonl", b'{"t":0,"kind":"setup","wall":1}\n', "the set-up wants nodes"),
        ("drill.json", b"{", "drill.json:1:1: this is no declaration of a drill"),
        ("drill.json", b'{"id": "x"}', "missing required field `expects`"),
        ("drill.json", b'{"id":"x","expects":[],"from_t":1,"watch":"long"}', "Expected `float`"),
        ("drill.json", b'{"id":"x","expects":[],"from_t":1e9}', "after the last event"),
        ("status.jsonl.gz", b"plain", "cannot be read"),
        (
            "status.jsonl.gz",
            gzip.compress(b"{}\n", mtime=0),
            "status.jsonl.gz:1:1: a status line wants",
        ),
        ("status.jsonl.gz", gzip.compress(b"[]\n", mtime=0), "this line is not an object"),
        (
            "status.jsonl.gz",
            gzip.compress(b'{"node":1,"t2":1,"status":{"g":[]}}\n', mtime=0),
            "status.jsonl.gz:1:1: this is no ClusterStatus",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_line(
    tmp_path: Path, file: str, content: bytes, words: str
) -> None:
    folder = make_recording(tmp_path / "r")
    (folder / file).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_recording(folder)
    assert words in str(caught.value)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    folder = make_recording(tmp_path / "r")
    lines = (folder / "events.jsonl").read_text().splitlines()
    (folder / "events.jsonl").write_text("\n".join([*lines[:3], "{oops", *lines[3:]]))
    with pytest.raises(SourceError, match=r"events\.jsonl:4:1: this line is not JSON"):
        read_recording(folder)


@pytest.mark.parametrize(
    ("kind", "key"), [("signal", "sig"), ("exited", "rc"), ("write", "name"), ("compare", "result")]
)
def test_an_event_that_lacks_something_is_named_with_its_line(
    tmp_path: Path, kind: str, key: str
) -> None:
    doctor = Doctor.at(make_recording(tmp_path / "r"), tmp_path / "doctored")
    event = doctor.of(kind)[0]
    del event[key]
    line = doctor.events.index(event) + 1
    with pytest.raises(SourceError, match=rf"events\.jsonl:{line}:1: .*{kind} wants {key}"):
        doctor.judged()


@pytest.mark.parametrize("missing", ["status.jsonl.gz", "drill.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = make_recording(tmp_path / "r")
    (folder / missing).unlink()
    with pytest.raises(SourceError, match=f"{missing} is missing"):
        read_recording(folder)
