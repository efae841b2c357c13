"""Raft's own promises: one leader per term, and numbers that only rise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.journal.values import Role
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from .conftest import Ask

SAFETY = ("one-leader-per-term", "terms-monotonic", "applied-monotonic", "applied-within-log")


def story() -> Story:
    return Story(groups=("data", "meta")).running().drill(*SAFETY)


def failed_over() -> Story:
    return (
        story().stop("n1").let(5).elect("n2", term=2).let(1).start("n1", term=2, role=Role.FOLLOWER)
    )


@pytest.mark.parametrize("name", SAFETY)
def test_a_failover_breaks_nothing(ask: Ask, name: str) -> None:
    assert ask(name, failed_over().let(1).end().journal()) == []


@pytest.mark.parametrize("name", SAFETY)
def test_without_a_single_view_there_is_a_gap(ask: Ask, name: str) -> None:
    def unseen(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.StatusSeen) else event

    found = ask(name, doctored(story().let(1).end().journal(), unseen))
    assert found
    assert {f.severity for f in found} == {Severity.GAP}


def test_two_leaders_in_one_term_are_found_once_in_their_group(ask: Ask) -> None:
    told = failed_over().say("n3", "meta", role=Role.LEADER, leader="n3").let(0.1)
    told.say("n3", "meta", role=Role.LEADER, leader="n3").let(1)
    (finding,) = ask("one-leader-per-term", told.end().journal(), Severity.VIOLATION)
    assert finding.group == "meta"
    assert "n2 and n3 both led term 2" in finding.message


def test_a_leader_of_before_the_drill_counts_too(ask: Ask) -> None:
    told = story().say("n2", "data", role=Role.LEADER, leader="n2")
    (finding,) = ask("one-leader-per-term", told.end().journal(), Severity.VIOLATION)
    assert "n1 and n2 both led term 1" in finding.message


def test_two_leaders_in_different_terms_are_legal_and_shown(ask: Ask) -> None:
    told = story().say("n2", "data", role=Role.LEADER, leader="n2", term=2).let(1)
    (finding,) = ask("one-leader-per-term", told.end().journal())
    assert finding.severity is Severity.NOTE
    assert "n1 (term 1) and n2 (term 2)" in finding.message


def test_a_new_generation_counts_its_terms_afresh(ask: Ask) -> None:
    told = story()
    for name in told.nodes:
        told.stop(name)
    told.record(ev.ClusterGeneration(generation=2))
    for name in told.nodes:
        told.spawn(name).let(0.1)
        leads = name == "n2"
        role = Role.LEADER if leads else Role.FOLLOWER
        told.say(name, role=role, leader="n2", term=1, last_log=1, last_applied=1).ready(name)
    journal = told.let(1).end().journal()
    assert [ask(name, journal, Severity.VIOLATION) for name in SAFETY] == [[], [], [], []]

    def same_generation(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.ClusterGeneration) else event

    spoilt = doctored(journal, same_generation)
    assert ask("one-leader-per-term", spoilt, Severity.VIOLATION)


def test_a_term_that_goes_back_is_found_even_across_a_restart(ask: Ask) -> None:
    told = failed_over().stop("n2").let(1).start("n2", term=1).let(1)
    found = ask("terms-monotonic", told.end().journal())
    assert {(f.node, f.group) for f in found} == {("n2", "data"), ("n2", "meta")}
    assert "term of n2 went back from 2 to 1" in found[0].message


def test_a_wiped_node_may_start_over(ask: Ask) -> None:
    told = failed_over().stop("n2").let(1)
    told.record(ev.NodeWiped(node="n2", paths=("/srv/n2",)))
    journal = told.start("n2", term=1, last_applied=0, last_log=0).let(1).end().journal()
    assert ask("terms-monotonic", journal) == []
    assert ask("applied-monotonic", journal) == []


def test_a_dip_of_one_sample_is_found(ask: Ask) -> None:
    told = story().say("n2", "meta", last_applied=9).let(0.02).say("n2", "meta", last_applied=10)
    (finding,) = ask("applied-monotonic", told.let(1).end().journal())
    assert (finding.node, finding.group) == ("n2", "meta")
    assert "went back from 10 to 9" in finding.message


def test_a_new_process_may_replay_from_below(ask: Ask) -> None:
    told = story().stop("n3").start("n3", last_applied=4).let(0.1).say("n3", last_applied=10)
    assert ask("applied-monotonic", told.let(1).end().journal()) == []
    told = story().stop("n3").start("n3", last_applied=10).say("n3", last_applied=9)
    assert ask("applied-monotonic", told.let(1).end().journal()) != []


def test_a_new_process_has_to_reach_again_what_the_old_one_had_applied(ask: Ask) -> None:
    told = story().stop("n3").start("n3", last_applied=4).let(5).say("n3", last_applied=9).let(1)
    found = ask("applied-monotonic", told.end().journal())
    assert {(f.severity, f.node, f.group) for f in found} == {
        (Severity.VIOLATION, "n3", group) for group in ("data", "meta")
    }
    assert "had applied 10 and came back only to 9" in found[0].message
    cut = ask("applied-monotonic", told.recorder.journal())
    assert {f.severity for f in cut} == {Severity.VIOLATION}


def test_an_answer_written_before_its_processs_start_belongs_to_the_new_process(ask: Ask) -> None:
    told = story().stop("n3").start("n3", last_applied=4).let(1).say("n3", last_applied=10)
    events = list(told.end().journal().events)
    start = next(i for i, e in enumerate(events) if isinstance(e, ev.NodeStarted))
    first = next(
        i
        for i, e in enumerate(events)
        if i > start and isinstance(e, ev.StatusSeen) and e.node == "n3"
    )
    moved = events[start]
    del events[start]
    events.insert(first, moved)
    order = iter(events)
    journal = doctored(told.recorder.journal(), lambda _: next(order))
    assert ask("applied-monotonic", journal) == []


def test_applying_past_the_log_is_found(ask: Ask) -> None:
    told = story().say("n1", "data", last_applied=12, last_log=11).let(1)
    (finding,) = ask("applied-within-log", told.end().journal())
    assert "n1 applied 12, its log ends at 11" in finding.message


def test_indices_that_are_not_known_are_passed_over(ask: Ask) -> None:
    def only_terms(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.StatusSeen):
            return event
        groups = {g: replace(s, last_log=None) for g, s in event.groups.items()}
        return replace(event, groups=groups)

    journal = doctored(story().let(1).end().journal(), only_terms)
    assert [f.severity for f in ask("applied-within-log", journal)] == [Severity.GAP]
