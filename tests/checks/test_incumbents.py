"""What the two drills people have used so far get wrong, each planted and judged right.

S: the shell script, U: the product's own test program. The script's missing lock and its calls
without a deadline (S9) and the program's loopback only (U6) cannot be told from a journal: the
table in docs/ names their tests, which run on hosts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.checks import Severity, Verdict, judge
from raftfleet.errors import ExitCode
from raftfleet.journal import events as ev
from raftfleet.journal.values import GroupStatus, Incarnation, Interval, Timing
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from raftfleet.checks import Judgement

REPOSITORY = Path(__file__).parents[2]
TABLE = REPOSITORY / "docs" / "known-defects-of-drills.md"
DEFECTS = [*(f"S{n}" for n in range(1, 13)), *(f"U{n}" for n in range(1, 7))]
GROUPS = ("metadata", "offset", "data")
SLOW = Timing("openraft-0.9", 0.5, 10.0, 20.0, leader_lease=20.0, tick=0.75)


def story(
    *expects: str, groups: tuple[str, ...] = ("data",), timing: Timing | None = None
) -> Story:
    told = Story(groups=groups, timing=timing) if timing else Story(groups=groups)
    return told.running().drill(*expects)


def verdict(told: Story, **end: list[str]) -> Verdict:
    return judge(told.end(**end).journal()).verdict  # type: ignore[arg-type]  # only ever missing=


def messages(judgement: Judgement, severity: Severity) -> list[str]:
    return [f.message for drill in judgement.drills for f in drill.of(severity)]


def test_every_defect_has_its_tests_in_the_table() -> None:
    rows = dict(re.findall(r"^\| ([SU]\d+) \|(.*)$", TABLE.read_text(), re.MULTILINE))
    assert list(rows) == DEFECTS
    for row in rows.values():
        named = re.findall(r"`(tests/[a-z_0-9/]+\.py)::(\w+)`", row)
        assert named
        for path, test in named:
            assert f"def {test}(" in (REPOSITORY / path).read_text(), test


def test_s1_an_index_that_goes_back_between_two_rounds_is_found() -> None:
    told = story("applied-monotonic").say("n2", last_applied=20).let(30)
    assert verdict(told.say("n2", last_applied=19).let(1)) is Verdict.FAIL


def test_s2_nodes_that_do_not_answer_have_not_converged() -> None:
    told = story("converges")
    told.silent |= set(told.nodes)
    assert verdict(told.let(10)) is Verdict.INCONCLUSIVE


def test_s2_no_groups_are_no_agreement() -> None:
    told = Story(groups=()).running().drill("converges", "membership-agrees").let(2)
    judged = judge(told.end().journal())
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "no Raft group was seen" in messages(judged, Severity.GAP)


def test_s2_one_node_that_is_left_agrees_with_nobody() -> None:
    told = story("converges").stop("n2").stop("n3").let(2)
    assert verdict(told) is Verdict.INCONCLUSIVE


def test_s3_nothing_written_is_nothing_survived() -> None:
    told = story("writes-survive").writer("n1").write("k", "1", "refused").let(1).read()
    assert verdict(told) is Verdict.INCONCLUSIVE


def test_s4_one_step_that_fails_fails_the_run() -> None:
    told = story("exits-graceful").stop("n3", took=20.2, lines=["shutdown_requested"]).let(1)
    judged = judge(told.start("n3").let(1).end().journal())
    assert (judged.verdict, judged.exit_code) == (Verdict.FAIL, ExitCode.DRILL_FAILED)


def test_s5_what_an_earlier_life_logged_still_counts() -> None:
    told = story("logs-clean").lines("n3", "state is broken", rule="defect", first=0.1, last=0.1)
    assert verdict(told.let(1).stop("n3").let(1).start("n3").let(1)) is Verdict.FAIL


def test_s5_a_log_that_was_emptied_on_the_way_is_a_gap() -> None:
    told = story("logs-clean").let(1)
    lost = "it was 900 bytes long and was emptied"
    told.record(ev.LogMissing(node="n3", path="/srv/n3/log", reason=lost))
    assert verdict(told) is Verdict.INCONCLUSIVE


def test_s6_exits_and_failovers_are_measured_not_rounded() -> None:
    told = story("leader-moves").stop("n1", took=0.24).let(4).elect("n2", term=2).let(1)
    judged = judge(told.end().journal())
    (exit_,) = judged.exits
    (failover,) = judged.failovers
    assert exit_.latency is not None
    assert exit_.latency.width < 0.01
    assert 0.24 in exit_.latency
    assert failover.elected is not None
    assert failover.elected.width < 0.05


def test_s7_an_unknown_write_that_took_effect_is_no_failure_and_is_told() -> None:
    told = story("writes-survive").writer("n2").write("k", "1", via="n2")
    told.write("j", "1", "unknown", via="n2").let(1)
    for store in told.stored.values():
        store["j"] = "1"
    judged = judge(told.read().end().journal())
    assert judged.verdict is Verdict.PASS
    assert any("1 recovered" in text for text in messages(judged, Severity.NOTE))


def test_s8_the_exit_of_another_process_is_not_the_nodes() -> None:
    told = story("membership-agrees").let(1)
    stranger = Incarnation(4711, 99, 1)
    at = Interval(told.now, told.now)
    told.record(ev.NodeExited(node="n2", incarnation=stranger, at=at, status=0))
    assert told.recorder.picture.standing("n2") == "alive"
    assert verdict(told.let(1)) is Verdict.PASS


def test_s8_a_dead_node_that_another_process_stands_in_for_is_found() -> None:
    told = story("bystanders-alive").let(1)
    told.lives["n2"] = Incarnation(4711, 99, 1)
    told.found("n2")
    assert verdict(told.let(1)) is Verdict.FAIL


def test_s10_keys_of_an_earlier_run_do_no_harm() -> None:
    told = story("writes-survive", "stores-equal").writer("n1")
    for store in told.stored.values():
        store["left-over"] = "7"
    told.write("left-over-2", "1", "unknown").write("k", "1").let(1)
    assert verdict(told.read()) is Verdict.PASS


def test_s11_each_group_the_victim_led_must_move_and_no_other() -> None:
    told = Story(groups=GROUPS).running().elect("n3", "offset", term=2).let(1)
    told.drill("leader-moves").stop("n1").let(4).elect("n2", "metadata", term=2).let(10)
    judged = judge(told.end().journal())
    assert judged.verdict is Verdict.FAIL
    assert [f.group for f in judged.drills[0].of(Severity.VIOLATION)] == ["data"]


def test_s12_known_lines_pass_in_their_window_and_a_missing_log_does_not() -> None:
    def told() -> Story:
        made = story("logs-clean").stop("n3")
        made.lines("n1", "cannot reach n3", rule="dead-peer", level="ERROR", peer="n3", last=5)
        return made.let(6).start("n3").let(3)

    assert verdict(told()) is Verdict.PASS
    assert verdict(told(), missing=["n1"]) is Verdict.INCONCLUSIVE


def test_u1_an_unreadable_log_is_not_clean() -> None:
    assert verdict(story("logs-clean").let(1), missing=["n2"]) is Verdict.INCONCLUSIVE


def test_u2_failed_and_then_passed_is_failed() -> None:
    told = story("exits-graceful").stop("n3", took=5).let(1).start("n3").let(1).end()
    told.drill("exits-graceful").stop("n3").let(1).start("n3").let(1)
    judged = judge(told.end().journal())
    assert [drill.verdict for drill in judged.drills] == [Verdict.FAIL, Verdict.PASS]
    assert judged.verdict is Verdict.FAIL


def under_writes(behind: int) -> Story:
    """All nodes apply on and on, a little apart; ``n3`` by this many entries."""
    told = story("converges")
    for step in range(100):
        at = 20 + step
        told.say("n1", last_log=at, last_applied=at).say("n2", last_log=at, last_applied=at - 1)
        told.say("n3", last_log=at, last_applied=max(10, at - behind)).let(0.1)
    return told


def test_u3_convergence_needs_no_equal_indices_under_live_writes() -> None:
    assert verdict(under_writes(2)) is Verdict.PASS
    assert verdict(under_writes(60)) is Verdict.FAIL


def test_u4_a_dip_in_any_group_at_any_time_is_found() -> None:
    told = story("applied-monotonic", groups=GROUPS).let(1)
    told.say("n3", "offset", last_applied=9).let(0.02).say("n3", "offset", last_applied=10)
    assert verdict(told.let(1)) is Verdict.FAIL


@pytest.mark.parametrize(("after", "expected"), [(36, Verdict.PASS), (43, Verdict.FAIL)])
def test_u5_a_failover_is_held_against_the_timing_not_a_round_number(
    after: float, expected: Verdict
) -> None:
    told = story("failover-in-interval", timing=SLOW).stop("n1").let(after)
    assert verdict(told.elect("n2", term=2).let(1)) is expected


def test_the_same_journal_without_the_planted_defect_passes() -> None:
    told = story("applied-monotonic").say("n2", last_applied=20).let(30)
    journal = told.say("n2", last_applied=19).let(1).end().journal()

    def healed(event: ev.Event) -> ev.Event | None:
        dip = isinstance(event, ev.StatusSeen) and event.groups.get("data", GroupStatus())
        return None if dip and dip.last_applied == 19 else event

    assert judge(doctored(journal, healed)).verdict is Verdict.PASS
