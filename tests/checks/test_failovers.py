"""Failovers are measured per group, from the exit, and only when they really took place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from raftfleet.checks import Outcome, Severity, judge
from raftfleet.journal import events as ev
from raftfleet.journal.values import Role
from raftfleet.testing.journal import POLL, Story, doctored

if TYPE_CHECKING:
    from raftfleet.checks import Failover
    from raftfleet.journal import Journal

    from .conftest import Ask

EXPECTS = ("leader-moves", "failover-in-interval")
GROUPS = ("data", "meta", "offset")


def story(**options: object) -> Story:
    made = Story(groups=GROUPS, **options)  # type: ignore[arg-type]  # only ever a timing
    return made.running().drill(*EXPECTS)


def failovers(journal: Journal) -> list[Failover]:
    return list(judge(journal).failovers)


def follow(told: Story, node: str = "n1") -> Story:
    """The old leader comes back as a follower of whoever leads."""
    return told.start(node, role=Role.FOLLOWER, leader="n2", term=2).let(1)


def test_each_group_has_its_own_time_and_its_own_leader(ask: Ask) -> None:
    told = story().stop("n1").let(4).elect("n2", "meta", term=2)
    told.let(1).elect("n3", "data", term=2).let(0.5).elect("n2", "offset", term=2).let(1)
    journal = told.end().journal()
    found = {f.group: f for f in failovers(journal)}
    assert {g: f.new_leader for g, f in found.items()} == {
        "meta": "n2",
        "data": "n3",
        "offset": "n2",
    }
    for group, after in (("meta", 4.0), ("data", 5.0 + POLL), ("offset", 5.5 + 2 * POLL)):
        elected = found[group].elected
        assert elected is not None
        assert elected.lo - 1e-6 <= after <= elected.hi + 1e-6
        assert elected.width < 2 * POLL
        assert found[group].place == "inside"
    assert [ask(name, journal) for name in EXPECTS] == [[], []]


def test_agreement_comes_after_the_election_and_needs_a_majority() -> None:
    told = story().stop("n1").let(4)
    told.say("n2", "data", role=Role.LEADER, leader="n2", term=2).let(0.5)
    told.say("n3", "data", leader="n2", term=2).let(1)
    (one,) = [f for f in failovers(told.end().journal()) if f.group == "data"]
    assert one.elected is not None
    assert one.agreed is not None
    assert one.agreed.lo == pytest.approx(one.elected.lo + 0.5, abs=0.05)


def test_a_leader_nobody_else_names_is_elected_but_never_agreed() -> None:
    told = story().stop("n1").let(4)
    told.say("n2", "data", role=Role.LEADER, leader="n2", term=2).let(1)
    (one,) = [f for f in failovers(told.end().journal()) if f.group == "data"]
    assert one.outcome is Outcome.ELECTED
    assert one.agreed is not None
    assert one.agreed.hi == math.inf


def test_a_stopped_follower_moves_nothing(ask: Ask) -> None:
    journal = story().stop("n3").let(8).start("n3").let(1).end().journal()
    assert failovers(journal) == []
    assert ask("leader-moves", journal) == []
    assert [f.severity for f in ask("failover-in-interval", journal)] == [Severity.NOTE]


def test_a_leader_that_is_back_too_early_was_not_exercised(ask: Ask) -> None:
    journal = story().stop("n1").let(1).start("n1").let(8).end().journal()
    assert {f.outcome for f in failovers(journal)} == {Outcome.NOT_EXERCISED}
    for name in EXPECTS:
        found = ask(name, journal)
        assert {f.severity for f in found} == {Severity.GAP}
        assert {f.group for f in found} == set(GROUPS)
        assert all("not exercised" in f.message for f in found)


def test_a_group_may_move_while_another_was_not_exercised(ask: Ask) -> None:
    told = story().stop("n1").let(4).elect("n2", "meta", term=2)
    told.start("n1").let(1)
    found = ask("leader-moves", told.end().journal())
    assert {f.group for f in found if f.severity is Severity.GAP} == {"data", "offset"}


def test_a_leader_returned_when_it_leads_all_its_groups_again_and_nobody_led_between() -> None:
    back = story().stop("n1").let(1).start("n1").let(8).end().journal()
    assert judge(back).drills[0].evidence["leader_returns"] == 1
    missed = story().stop("n1").let(4).elect("n2", "meta", term=2).start("n1").let(1)
    assert judge(missed.end().journal()).drills[0].evidence["leader_returns"] == 0
    follower = story().stop("n3").let(1).start("n3").let(1)
    assert judge(follower.end().journal()).drills[0].evidence["leader_returns"] == 0


def test_the_old_leaders_own_last_words_do_not_count() -> None:
    told = story().stop("n1").let(4).elect("n2", term=2)
    told.up.add("n1")
    told.spawn("n1").let(0.1).say("n1", role=Role.LEADER, term=1).let(0.3)
    told.say("n1", role=Role.FOLLOWER, leader="n2", term=2).let(1)
    found = failovers(told.end().journal())
    assert {f.new_leader for f in found} == {"n2"}
    assert len(found) == len(GROUPS)


def test_followers_that_still_name_the_dead_leader_do_not_count(ask: Ask) -> None:
    journal = story().stop("n1").let(9).say("n2").say("n3").let(1).end().journal()
    found = failovers(journal)
    assert {f.outcome for f in found} == {Outcome.CENSORED}
    assert {(f.severity, f.group) for f in ask("leader-moves", journal)} == {
        (Severity.VIOLATION, group) for group in GROUPS
    }


def test_a_survivor_that_claims_the_old_leaders_own_term_took_nothing_over() -> None:
    told = story().stop("n1").let(5).elect("n2", term=1).let(4)
    assert {f.outcome for f in failovers(told.end().journal())} == {Outcome.CENSORED}


def test_a_censored_failover_keeps_its_lower_end_and_is_a_violation_past_the_promise(
    ask: Ask,
) -> None:
    journal = story().stop("n1").let(9).end().journal()
    one = failovers(journal)[0]
    assert one.elected is not None
    assert one.elected.lo == pytest.approx(9.0, abs=0.01)
    assert one.elected.hi == math.inf
    assert {f.severity for f in ask("failover-in-interval", journal)} == {Severity.VIOLATION}


def test_a_deadline_before_the_promise_is_over_proves_nothing_of_the_time(ask: Ask) -> None:
    journal = story().stop("n1").let(5).end().journal()
    found = ask("failover-in-interval", journal)
    assert {f.severity for f in found} == {Severity.GAP}
    assert "watched for only 5.00 s" in found[0].message


@pytest.mark.parametrize(
    ("watched", "promised", "severity"),
    [(5.0, True, Severity.GAP), (9.0, True, Severity.VIOLATION), (5.0, False, Severity.VIOLATION)],
)
def test_nobody_leading_is_a_violation_only_when_somebody_had_to_by_then(
    ask: Ask, watched: float, promised: bool, severity: Severity
) -> None:
    told = story() if promised else story(timing=None)
    journal = told.stop("n1").let(watched).end().journal()
    found = ask("leader-moves", journal)
    assert {(f.severity, f.group) for f in found} == {(severity, group) for group in GROUPS}
    assert f"within {watched:.2f} s of its exit" in found[0].message


def test_in_a_drill_that_was_cut_a_missing_leader_is_only_a_gap(ask: Ask) -> None:
    journal = story().stop("n1").let(9).journal(ended=False)
    assert {f.severity for f in ask("leader-moves", journal)} == {Severity.GAP}


def test_a_hand_over_before_the_exit_takes_no_time() -> None:
    told = story()
    told.signal("n1")
    told.let(0.05).elect("n2", term=2).let(0.1)
    told.gone("n1", status=0, signal="INT").let(1)
    found = failovers(told.end().journal())
    assert len(found) == len(GROUPS)
    for one in found:
        assert one.elected is not None
        assert (one.elected.lo, one.elected.hi) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("wait", "place"), [(1.2, "below"), (3.76, "inside"), (6.74, "inside"), (7.5, "above")]
)
def test_a_time_is_below_inside_or_above_what_timing_promises(
    ask: Ask, wait: float, place: str
) -> None:
    journal = story().stop("n1").let(wait).elect("n2", term=2).let(1).end().journal()
    found = failovers(journal)
    assert {f.place for f in found} == {place}
    severities = {f.severity for f in ask("failover-in-interval", journal)}
    assert severities == (set() if place == "inside" else {Severity.VIOLATION})


def test_split_votes_are_allowed_their_time_and_noted(ask: Ask) -> None:
    journal = story().stop("n1").let(9).elect("n2", term=3).let(1).end().journal()
    assert {f.elections for f in failovers(journal)} == {2}
    found = ask("failover-in-interval", journal)
    assert {f.severity for f in found} == {Severity.NOTE}
    assert "2 elections" in found[0].message


def test_a_survivor_whose_log_is_behind_may_take_longer() -> None:
    told = story().say("n3", "data", last_log=9, last_applied=9).stop("n1").let(9)
    journal = told.elect("n2", term=2).let(1).end().journal()
    places = {f.group: f.place for f in failovers(journal)}
    assert places == {"data": "inside", "meta": "above", "offset": "above"}


def test_a_new_leaders_own_entry_makes_nobody_fall_behind() -> None:
    told = story().stop("n1").let(9)
    told.say("n3", leader="n2", term=2, last_log=11).let(POLL)
    journal = told.elect("n2", term=2).let(1).end().journal()
    assert {f.place for f in failovers(journal)} == {"above"}


def test_without_a_promise_the_time_cannot_be_judged(ask: Ask) -> None:
    journal = story(timing=None).stop("n1").let(5).elect("n2", term=2).let(1).end().journal()
    assert {f.severity for f in ask("failover-in-interval", journal)} == {Severity.GAP}
    assert ask("leader-moves", journal) == []


def test_a_crash_that_was_noticed_late_counts_from_the_crash() -> None:
    told = story()
    crashed = told.now
    told.up.discard("n1")
    told.silent.add("n1")
    told.record(ev.StatusMissed(node="n1", since=told.now, reason="refused"))
    told.let(5).elect("n2", term=2).let(1).gone("n1", status=101)
    told.silent.discard("n1")

    def early(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.NodeExited):
            return replace(event, at=type(event.at)(crashed, crashed + 0.01))
        return event

    found = failovers(doctored(told.end().journal(), early))
    assert {f.cause for f in found} == {"crash"}
    assert {f.place for f in found} == {"inside"}


def test_a_kill_is_told_from_a_stop() -> None:
    told = story().stop("n1", "KILL", status=-9, lines=[]).let(5).elect("n2", term=2).let(1)
    assert {f.cause for f in failovers(told.end().journal())} == {"kill"}


def test_with_too_few_voters_left_no_failover_is_due(ask: Ask) -> None:
    journal = story().stop("n3").let(0.5).stop("n1").let(9).end().journal()
    assert {f.outcome for f in failovers(journal)} == {Outcome.NO_QUORUM}
    found = ask("leader-moves", journal)
    assert {f.severity for f in found} == {Severity.GAP}
    assert "too few voters" in found[0].message


def test_a_group_that_moves_though_its_leader_was_not_stopped_is_found(ask: Ask) -> None:
    journal = story().stop("n3").let(2).elect("n2", "meta", term=2).let(1).end().journal()
    (finding,) = ask("leader-moves", journal)
    assert (finding.severity, finding.node, finding.group) == (Severity.VIOLATION, "n1", "meta")


def test_a_move_after_a_node_came_back_is_that_nodes_doing(ask: Ask) -> None:
    told = story().stop("n3").let(2).start("n3").let(1).elect("n3", "meta", term=2).let(1)
    journal = told.end().journal()
    assert ask("leader-moves", journal) == []
    (finding,) = ask("leader-undisturbed", journal)
    assert finding.severity is Severity.WARNING
    assert finding.cause == "stop of n3"
    assert "after the stop of n3 was over" in finding.message


def test_a_move_from_a_leader_that_is_on_its_way_out_is_no_surprise(ask: Ask) -> None:
    told = story()
    told.signal("n1")
    told.let(0.05).elect("n2", term=2).let(0.1)
    told.gone("n1", status=0, signal="INT").let(1)
    assert ask("leader-moves", told.end().journal()) == []


def test_a_leader_that_hangs_on_its_way_out_may_be_replaced(ask: Ask) -> None:
    told = story().stop("n3").let(1).start("n3").let(1)
    told.signal("n1")
    told.let(2).elect("n2", term=2).let(3)
    life = told.lives["n1"]
    told.record(ev.NodeNotExited(node="n1", incarnation=life, signal="INT", waited=5))
    assert ask("leader-moves", told.end().journal()) == []


def test_what_a_leader_says_between_signal_and_exit_is_no_comeback(ask: Ask) -> None:
    told = story()
    told.signal("n1")
    told.let(0.1).say("n1", last_log=11).let(0.1)
    told.gone("n1", status=0, signal="INT").let(5).elect("n2", term=2).let(1)
    journal = told.end().journal()
    assert ask("leader-moves", journal) == []
    assert {f.outcome for f in failovers(journal)} == {Outcome.ELECTED}


def test_the_next_leader_may_be_stopped_in_turn(ask: Ask) -> None:
    told = story().stop("n1").let(5).elect("n2", term=2).let(1)
    told.start("n1", role=Role.FOLLOWER, leader="n2", term=2).let(1)
    told.stop("n2").let(5).elect("n3", term=3).let(1)
    journal = told.end().journal()
    assert [(f.victim, f.new_leader) for f in failovers(journal)] == [
        *[("n1", "n2")] * 3,
        *[("n2", "n3")] * 3,
    ]
    assert ask("leader-moves", journal) == []


def test_without_a_stop_there_is_nothing_to_judge(ask: Ask) -> None:
    assert [f.severity for f in ask("leader-moves", story().let(2).end().journal())] == [
        Severity.GAP
    ]


def test_when_nothing_says_who_led_there_is_a_gap(ask: Ask) -> None:
    def mute(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.StatusSeen):
            return event
        groups = {g: replace(s, role=None, term=None) for g, s in event.groups.items()}
        return replace(event, groups=groups)

    journal = doctored(story().stop("n1").let(5).end().journal(), mute)
    found = ask("leader-moves", journal)
    assert {(f.severity, f.group) for f in found} == {(Severity.GAP, group) for group in GROUPS}


def test_a_leader_that_died_before_the_drill_may_be_replaced_in_it(ask: Ask) -> None:
    told = Story(groups=("data",)).running().stop("n1").let(1).drill("leader-moves").let(3)
    told.elect("n2", term=2).let(1).stop("n3").let(1)
    assert ask("leader-moves", told.end().journal(), Severity.VIOLATION) == []


def test_a_lost_signal_is_an_episode_of_its_own() -> None:
    told = story().resist("n1", waited=6).let(1).stop("n1", "TERM").let(5)
    told.elect("n2", term=2).let(1)
    found = failovers(told.end().journal())
    assert {f.outcome for f in found} == {Outcome.ELECTED}
    assert {f.place for f in found} == {"inside"}


def test_what_was_lost_before_the_signal_that_worked_was_not_lost_by_it(ask: Ask) -> None:
    told = story().resist("n1", waited=6)
    told.found("n1")
    told.elect("n2", term=2).let(1).stop("n1", "TERM").let(1)
    journal = told.end().journal()
    assert failovers(journal) == []
    assert {f.severity for f in ask("leader-moves", journal)} == {Severity.VIOLATION}


def test_a_drill_that_follows_starts_with_what_the_one_before_left() -> None:
    told = story().stop("n1").let(5).elect("n2", term=2).let(1)
    follow(told).end()
    told.drill(*EXPECTS).stop("n2").let(5).elect("n3", term=3).let(1)
    first, second = judge(told.end().journal()).drills
    assert {f.victim for f in first.failovers} == {"n1"}
    assert {(f.victim, f.old_term, f.new_leader) for f in second.failovers} == {("n2", 2, "n3")}
