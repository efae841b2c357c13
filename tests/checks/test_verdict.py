"""The verdict: worst wins, evidence is counted, and nothing passes by accident."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from raftfleet.checks import CHECKS, EVIDENCE, Severity, Verdict, judge, judgement_json
from raftfleet.errors import ExitCode
from raftfleet.journal import Journal
from raftfleet.journal import events as ev
from raftfleet.journal.values import Role
from raftfleet.testing.journal import Story, doctored

ALL = tuple(CHECKS)


def good() -> Story:
    """Stop the leader, let another take over, bring the old one back: everything in order."""
    told = Story().running().everybody_listed()
    told.drill(*ALL, evidence={"stops": 1, "leader_stops": 1, "starts": 1})
    told.writer("n2").writes(1, via="n2").stop("n1").writes(5, "unknown", via="n2")
    told.elect("n2", term=2).writes(1, via="n2")
    told.start("n1", role=Role.FOLLOWER, leader="n2", term=2).writes(9, via="n2")
    told.writer_stops("n2").let(0.5).read()
    for name in told.nodes:
        told.listing(name)
    return told


def verdict(journal: Journal) -> Verdict:
    return judge(journal).verdict


def gaps(journal: Journal) -> list[str]:
    judged = judge(journal)
    found = [*judged.findings, *(f for drill in judged.drills for f in drill.findings)]
    return [f.message for f in found if f.severity is Severity.GAP]


def test_a_drill_in_which_all_is_well_passes_with_every_check_expected() -> None:
    judged = judge(good().end().journal())
    assert [f for d in judged.drills for f in d.findings if f.severity is not Severity.NOTE] == []
    assert judged.verdict is Verdict.PASS
    assert judged.exit_code is ExitCode.PASSED


def test_a_violation_fails_and_a_gap_is_inconclusive_and_both_fail() -> None:
    slow = good().stop("n3", took=3).end().journal()
    blind = good().end(missing=["n1"]).journal()
    both = good().stop("n3", took=3).end(missing=["n1"]).journal()
    assert [verdict(j) for j in (slow, blind, both)] == [
        Verdict.FAIL,
        Verdict.INCONCLUSIVE,
        Verdict.FAIL,
    ]
    assert judge(slow).exit_code is ExitCode.DRILL_FAILED
    assert judge(blind).exit_code is ExitCode.INCONCLUSIVE


def test_what_a_drill_does_not_expect_is_a_note() -> None:
    told = Story().running().drill("membership-agrees").stop("n3", took=3).let(1)
    judged = judge(told.end().journal())
    assert judged.verdict is Verdict.PASS
    notes = [f for f in judged.drills[0].findings if f.check == "exits-graceful"]
    assert [f.severity for f in notes] == [Severity.NOTE]
    assert "does not expect" in notes[0].message


def test_a_warning_counts_only_where_it_is_forbidden() -> None:
    def told(forbids: tuple[str, ...]) -> Journal:
        made = Story().running().drill("membership-agrees", forbids=forbids)
        made.stop("n3").let(1).start("n3").let(1).elect("n3", term=2).let(1)
        return made.end().journal()

    assert verdict(told(())) is Verdict.PASS
    assert verdict(told(("leader-undisturbed",))) is Verdict.FAIL


def test_a_gap_of_a_check_that_is_forbidden_to_speak_up_stays_a_gap() -> None:
    told = Story().running().drill("membership-agrees", forbids=("logs-clean",)).let(1)
    assert verdict(told.end(missing=["n1"]).journal()) is Verdict.INCONCLUSIVE


def test_a_last_line_that_was_never_finished_is_told_unless_it_is_being_written() -> None:
    whole = good().end().journal()

    def told(journal: Journal) -> list[tuple[Severity, str]]:
        return [(one.severity, one.message) for one in judge(journal).findings]

    text = "the last line of the journal was never finished (9 bytes)"
    torn = Journal(whole.records, torn=b'{"event":')
    assert told(torn) == [(Severity.NOTE, text)]
    assert verdict(torn) is Verdict.PASS
    assert told(Journal(whole.records, torn=b'{"event":', live=True)) == []
    assert told(whole) == []


def test_a_check_that_this_version_lacks_is_a_gap() -> None:
    journal = Story().running().drill("membership-agrees", "from-tomorrow").let(1).end().journal()
    assert verdict(journal) is Verdict.INCONCLUSIVE
    assert gaps(journal) == ["this version of raftfleet has no check from-tomorrow"]


@pytest.mark.parametrize("name", sorted(EVIDENCE))
def test_too_little_of_any_evidence_is_a_gap_by_name(name: str) -> None:
    told = Story().running().drill("membership-agrees", evidence={name: 1000}).let(1)
    (text,) = gaps(told.end().journal())
    assert re.fullmatch(rf"{name}: \d+ of the 1000 that the drill needs", text)


def test_evidence_nobody_can_count_is_a_gap() -> None:
    told = Story().running().drill("membership-agrees", evidence={"miracles": 1}).let(1)
    assert gaps(told.end().journal()) == ["nothing counts miracles, of which the drill needs 1"]


def test_evidence_is_counted() -> None:
    told = good().resist("n3", waited=1).let(1).stop("n3", "KILL", status=-9, lines=[])
    told.fault("pause", "n2").let(0.2).undo("pause", "n2").let(1)
    (drill,) = judge(told.end().journal()).drills
    counts = drill.evidence
    assert {name: counts[name] for name in EVIDENCE} == {
        "acknowledged_writes": 110,
        "acknowledged_before": 10,
        "acknowledged_during": 100,
        "acknowledged_after": 0,
        "failovers": 1,
        "faults": 1,
        "follower_stops": 1,
        "groups_seen": 1,
        "kills": 1,
        "leader_returns": 0,
        "leader_stops": 1,
        "log_lines": 9,
        "nodes_read": 3,
        "nodes_seen": 3,
        "partitions": 0,
        "pauses": 1,
        "starts": 1,
        "stops": 2,
        "watched_percent": 100,
    }
    assert counts["polls"] > 1000


def test_what_was_down_before_the_drill_was_away_from_its_beginning() -> None:
    told = Story().running().stop("n3").let(1).drill("rejoins").writer("n2")
    told.writes(2, via="n2").start("n3").writes(3, via="n2")
    (drill,) = judge(told.end().journal()).drills
    kinds = ("acknowledged_before", "acknowledged_during", "acknowledged_after")
    assert [drill.evidence[kind] for kind in kinds] == [0, 20, 30]


def test_a_run_that_was_killed_in_a_drill_is_cut_short() -> None:
    told = Story().running().drill("membership-agrees").let(2)
    journal = told.journal(ended=False)
    assert verdict(journal) is Verdict.INCONCLUSIVE
    assert any("run cut short" in text for text in gaps(journal))


def test_a_run_that_was_killed_after_its_drill_is_cut_short_too() -> None:
    judged = judge(good().end().journal(ended=False))
    assert judged.drills[0].verdict is Verdict.PASS
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.exit_code is ExitCode.INCONCLUSIVE


def test_a_run_judged_before_its_end_by_its_own_controller_is_judged_as_later() -> None:
    told = good().end()
    live = judgement_json(judge(told.recorder.journal()))
    told.record(ev.VerdictGiven(drill="told", verdict="pass"))
    assert judgement_json(judge(told.journal())) == live


def test_a_drill_that_was_aborted_is_inconclusive_and_says_why() -> None:
    told = Story().running().drill("membership-agrees").let(1).end(aborted="no steady state")
    journal = told.journal()
    assert gaps(journal) == ["the drill did not run to its end: no steady state"]


@pytest.mark.parametrize(
    ("qualified", "expected"),
    [({}, 1), ({"ignored": True}, 0), ({"item": "a"}, 0), ({"rescued": True}, 0)],
)
def test_a_task_that_failed_leaves_the_drill_inconclusive_by_its_name(
    qualified: dict[str, Any], expected: int
) -> None:
    told = good()
    told.record(ev.TaskStarted(task=7, name="See to it", module="assert"))
    said = {"msg": "it is not so\nat all"}
    told.record(
        ev.TaskResult(task=7, host="n1", status="failed", seconds=0, result=said, **qualified)
    )
    journal = told.end().journal()
    named = ["the task 'See to it' failed on n1: it is not so"]
    assert gaps(journal) == named[:expected]
    assert verdict(journal) is (Verdict.INCONCLUSIVE if expected else Verdict.PASS)


@pytest.mark.parametrize(
    ("status", "inconclusive"),
    [
        ("ok", False),
        ("changed", False),
        ("skipped", False),
        ("failed", True),
        ("unreachable", True),
    ],
)
def test_only_a_task_that_failed_or_reached_no_host_is_a_gap(
    status: str, inconclusive: bool
) -> None:
    told = good()
    told.record(ev.TaskResult(task=7, host="n1", status=status, seconds=0))
    journal = told.end().journal()
    assert bool(gaps(journal)) is inconclusive
    assert verdict(journal) is (Verdict.INCONCLUSIVE if inconclusive else Verdict.PASS)


def test_an_aborted_drill_says_once_why_and_not_that_it_was_not_watched() -> None:
    told = Story().running().drill("membership-agrees", watch=10).stop("n3").let(4).say("n1")
    texts = gaps(told.end(aborted="no steady state").journal())
    assert texts == ["the drill did not run to its end: no steady state"]


def test_lines_missing_from_one_drill_are_no_gap_of_another() -> None:
    told = Story().running()
    for _ in range(3):
        told.drill("membership-agrees").let(3)
        told.record(ev.DrillEnded(drill="told"))
    journal = told.end().journal()
    spans = journal.spans()
    for place, span in enumerate(spans):
        at = span.start + 2
        holed = Journal(journal.records[:at] + journal.records[at + 1 :])
        told_of = [
            any("are missing" in finding.message for finding in drill.findings)
            for drill in judge(holed).drills
        ]
        assert told_of == [number == place for number in range(3)]


def test_missing_lines_of_the_journal_are_a_gap() -> None:
    journal = good().end().journal()
    holed = Journal(journal.records[:30] + journal.records[33:])
    assert any("events 31 to 33 are missing" in text for text in gaps(holed))


def test_a_run_without_a_drill_proves_nothing_but_asks_for_nothing_either() -> None:
    judged = judge(Story().running().journal())
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.exit_code is ExitCode.PASSED
    killed = judge(Story().running().journal(ended=False))
    assert killed.exit_code is ExitCode.INCONCLUSIVE


def test_with_every_node_unreachable_nothing_passes() -> None:
    told = Story()
    for name in told.nodes:
        told.found(name)
    told.drill("membership-agrees", "one-leader-per-term").let(5)
    journal = told.end().journal()
    assert verdict(journal) is Verdict.INCONCLUSIVE
    assert {"no node answered during the drill", "no Raft group was seen"} <= set(gaps(journal))


def test_a_group_that_no_node_showed_is_a_gap() -> None:
    def hidden(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.StatusSeen):
            return event
        return replace(event, groups={g: s for g, s in event.groups.items() if g != "meta"})

    told = Story(groups=("data", "meta")).running().drill("terms-monotonic").let(2).say("n1")
    assert gaps(doctored(told.end().journal(), hidden)) == ["meta: no node showed this group"]


def test_without_a_description_of_the_cluster_nothing_passes() -> None:
    def undescribed(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.ClusterDescribed) else event

    journal = doctored(good().end().journal(), undescribed)
    assert verdict(journal) is Verdict.INCONCLUSIVE


def test_watching_that_ended_too_early_is_a_gap() -> None:
    told = Story().running().drill("membership-agrees", watch=10).stop("n3").let(4).say("n1")
    assert gaps(told.end().journal()) == ["watched for 4.0 s of 10 s after the last action"]


# --- coverage --------------------------------------------------------------------------------


def watched(told: Story) -> list[str]:
    return [
        text for text in gaps(told.say("n1").end().journal()) if "heard" in text or "how" in text
    ]


def test_a_node_that_is_up_and_silent_is_a_gap() -> None:
    told = Story().running().drill("terms-monotonic").let(2)
    told.silent.add("n2")
    told.record(ev.StatusMissed(node="n2", since=told.now, reason="timed out"))
    told.let(4)
    assert watched(told) == ["n2 was up and not heard for 4.0 s"]


@pytest.mark.parametrize(("state", "said"), [("T", ": its process was stopped"), ("S", "")])
def test_what_kept_a_silent_node_from_answering_is_told(state: str, said: str) -> None:
    told = Story().running().drill("terms-monotonic").let(2)
    told.silent.add("n2")
    told.record(ev.StatusMissed(node="n2", since=told.now, reason="timed out"))
    told.let(1)
    told.record(
        ev.NodeBusy(node="n2", incarnation=told.lives["n2"], since=told.now - 1, cpu=0, state=state)
    )
    told.let(3)
    assert watched(told) == [f"n2 was up and not heard for 4.0 s{said}"]


def test_a_blink_is_not() -> None:
    told = Story().running().drill("terms-monotonic").let(1.5)
    told.record(ev.StatusMissed(node="n2", since=told.now, reason="timed out"))
    told.let(0.4).say("n2").let(3)
    assert watched(told) == []


def test_nodes_that_stop_are_down_or_start_may_be_silent() -> None:
    told = Story().running().drill("terms-monotonic")
    told.silent.add("n3")
    told.stop("n3", took=3).let(5).spawn("n3").let(5)
    told.silent.discard("n3")
    assert watched(told.say("n3").ready("n3").let(3)) == []


def test_a_crashed_node_may_be_silent_from_its_crash_on() -> None:
    told = Story().running().drill("terms-monotonic").gone("n3", status=1).let(5)
    assert watched(told) == []


def test_an_observer_that_was_away_is_a_gap() -> None:
    told = Story().running().drill("terms-monotonic").let(2)
    told.clock.advance(6)
    assert watched(told) == ["nothing says how the nodes were watched for 6.0 s"]


def test_a_node_left_out_of_the_ticks_is_a_gap() -> None:
    def forgetful(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.CoverageSampled) or event.t < 1003:
            return event
        return replace(event, polls={n: p for n, p in event.polls.items() if n != "n3"}, gap={})

    told = Story().running().drill("terms-monotonic").let(6).say("n1").end()
    assert watched_in(told.journal()) == []
    journal = doctored(told.recorder.journal(), forgetful)
    assert watched_in(journal) == ["n3 was up and not heard for 6.0 s"]


def test_a_long_gap_within_ticks_is_a_gap() -> None:
    def long_gap(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.CoverageSampled) and event.t > 1005:
            return replace(event, gap={**event.gap, "n3": 1.5})
        return event

    told = Story().running().drill("terms-monotonic").let(6).say("n1").end()
    journal = doctored(told.journal(), long_gap)
    assert watched_in(journal) == ["n3 was up and not heard for 1.5 s"]


def watched_in(journal: Journal) -> list[str]:
    return [text for text in gaps(journal) if "heard" in text or "how" in text]


# --- summary ---------------------------------------------------------------------------------


def test_the_summary_is_plain_json_with_everything_promised() -> None:
    told = good().stop("n2").let(8).end()
    summary = judgement_json(judge(told.journal()))
    again = json.loads(json.dumps(summary, allow_nan=False))
    assert again == summary
    assert set(summary) >= {"verdict", "findings", "failovers", "exits", "outages", "evidence"}
    first, second = again["failovers"]
    assert (first["victim"], first["group"], first["new_leader"]) == ("n1", "data", "n2")
    assert first["term"] == [1, 2]
    assert first["cause"] == "stop"
    assert first["predicted"] == [3.75, 6.75]
    assert first["censored"] is False
    assert first["seconds_after_exit"][0] == pytest.approx(5, abs=0.05)
    assert second["seconds_after_exit"][1] is None
    assert second["censored"] is True
    (through, overall) = again["outages"]
    assert (through["via"], overall["via"]) == ("n2", None)
    assert overall["cause"] == "stop of n1"
    assert overall["seconds"] == pytest.approx(5.3, abs=0.2)
    assert overall["to"] == pytest.approx(overall["from"] + overall["seconds"])
    assert first["counted_from"] == "exit"
    assert [(e["node"], e["class"], e["status"]) for e in again["exits"]] == [
        ("n1", "graceful", 0),
        ("n2", "graceful", 0),
    ]
    keys = {"check", "severity", "node", "group", "t", "message", "cause"}
    assert keys <= set(again["findings"][0])
    assert again["findings"][0]["severity"] == "violation"


def test_what_was_not_exercised_is_no_failover_in_the_summary() -> None:
    told = Story().running().drill("leader-moves").stop("n1").let(1).start("n1").let(1)
    summary = json.loads(json.dumps(judgement_json(judge(told.end().journal()))))
    assert summary["failovers"] == []
    assert summary["drills"][0]["not_exercised"] == [
        {"victim": "n1", "group": "data", "term": 1, "why": "not exercised"}
    ]


def test_a_node_whose_data_were_removed_was_down_and_may_be_silent() -> None:
    told = Story().running().drill("membership-agrees").let(1)
    told.record(ev.NodeWiped(node="n3", paths=()))
    told.up.discard("n3")
    assert gaps(told.let(10).end().journal()) == []
