"""Lines are judged by rule, by window, by who wrote them and whom they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.journal.log_rules import Spell
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from raftfleet.checks import Finding

    from .conftest import Ask

NAME = "logs-clean"
CANNOT = "cannot reach n3"


def story() -> Story:
    return Story().running().drill(NAME)


def loud(found: list[Finding]) -> list[Finding]:
    return [f for f in found if f.severity is not Severity.NOTE]


def test_logs_without_anything_to_say_are_clean(ask: Ask) -> None:
    assert loud(ask(NAME, story().let(2).end().journal())) == []


def test_a_line_that_its_rule_calls_a_problem_is_one_whatever_its_level(ask: Ask) -> None:
    told = story().lines("n2", "state is broken", rule="defect", level="INFO").let(1)
    (finding,) = ask(NAME, told.end().journal(), Severity.VIOLATION)
    assert (finding.node, finding.severity) == ("n2", Severity.VIOLATION)
    assert "(the state is broken)" in finding.message


def test_lines_about_a_dead_peer_are_allowed_while_it_is_dead(ask: Ask) -> None:
    told = story().stop("n3").lines("n1", CANNOT, rule="dead-peer", peer="n3", last=9, count=900)
    journal = told.let(9).start("n3").let(3).end().journal()
    assert loud(ask(NAME, journal)) == []


def test_they_must_stop_when_it_is_back(ask: Ask) -> None:
    told = story().stop("n3").lines("n1", CANNOT, rule="dead-peer", peer="n3", last=20, count=900)
    (finding,) = ask(NAME, told.let(9).start("n3").let(15).end().journal(), Severity.VIOLATION)
    assert finding.node == "n1"
    assert "only during peer-away of n3" in finding.message


def test_a_node_that_was_stopped_while_it_recovered_is_back_when_its_next_life_is(
    ask: Ask,
) -> None:
    def told(last: float) -> list[Finding]:
        made = story().stop("n3")
        made.lines("n1", CANNOT, rule="dead-peer", peer="n3", last=last, count=900)
        made.let(4).spawn("n3").let(0.2).stop("n3").let(4).start("n3").let(30)
        return loud(ask(NAME, made.end().journal()))

    assert told(8) == []
    (finding,) = told(25)
    assert finding.severity is Severity.VIOLATION


def test_they_must_not_name_a_node_that_lives(ask: Ask) -> None:
    told = story().stop("n3").lines("n1", "cannot reach n2", rule="dead-peer", peer="n2", last=5)
    (finding,) = ask(NAME, told.let(9).start("n3").let(1).end().journal(), Severity.VIOLATION)
    assert "of n2" in finding.message


def test_they_must_come_from_the_leader(ask: Ask) -> None:
    told = story().stop("n3").lines("n2", CANNOT, rule="dead-peer", peer="n3", last=5)
    (finding,) = ask(NAME, told.let(9).start("n3").let(1).end().journal(), Severity.VIOLATION)
    assert (finding.node, "from a leader only" in finding.message) == ("n2", True)


def test_old_connections_recover_late_after_a_cut_but_not_after_a_stop(ask: Ask) -> None:
    cut = story().fault("partition", "n3", peers=["n1", "n2"])
    cut.lines("n1", CANNOT, rule="dead-peer", peer="n3", last=9).let(5).undo("partition", "n3")
    assert loud(ask(NAME, cut.let(6).end().journal())) == []


def test_seen_from_a_node_that_is_cut_off_all_others_are_away(ask: Ask) -> None:
    told = story().fault("partition", "n1", peers=["n2", "n3"])
    told.lines("n1", CANNOT, rule="dead-peer", peer="n3", last=4)
    told.let(5).undo("partition", "n1").let(5)
    assert loud(ask(NAME, told.end().journal())) == []


def test_a_line_of_a_start_is_a_problem_at_any_other_time(ask: Ask) -> None:
    told = story().stop("n3").let(1)
    told.lines("n3", "no peer yet", rule="start-up", first=0.1, last=0.2)
    assert loud(ask(NAME, told.start("n3").let(5).end().journal())) == []
    told = story().let(5).lines("n3", "no peer yet", rule="start-up")
    assert len(ask(NAME, told.let(1).end().journal(), Severity.VIOLATION)) == 1


def test_what_keeps_growing_is_a_problem(ask: Ask) -> None:
    told = story().lines("n1", "grumbling", rule="grumble", last=60, count=30).let(61)
    assert loud(ask(NAME, told.end().journal())) == []
    told = story().lines("n1", "grumbling", rule="grumble", last=60, count=31).let(61)
    (finding,) = ask(NAME, told.end().journal(), Severity.VIOLATION)
    assert "keeps growing" in finding.message


def test_an_error_that_no_rule_knows_is_a_problem_and_a_warning_is_shown(ask: Ask) -> None:
    told = story().lines("n1", "who knows", level="ERROR").lines("n2", "hm", level="WARN").let(1)
    found = loud(ask(NAME, told.end().journal()))
    assert {(f.node, f.severity) for f in found} == {
        ("n1", Severity.VIOLATION),
        ("n2", Severity.WARNING),
    }


def test_what_was_written_before_the_drill_is_not_judged(ask: Ask) -> None:
    told = Story().running().lines("n1", "who knows", level="ERROR").let(5).drill(NAME).let(2)
    assert loud(ask(NAME, told.end().journal())) == []


def test_messages_never_seen_before_the_first_fault_are_listed_once(ask: Ask) -> None:
    told = story().lines("n1", "old news", level="INFO").let(1).stop("n3").let(1)
    told.lines("n2", "old news", level="INFO").lines("n2", "news", level="INFO", count=1000)
    journal = told.let(1).start("n3").let(1).end().journal()
    (note,) = ask(NAME, journal, Severity.NOTE)
    assert note.message.startswith("1 messages were never seen before the first fault")
    assert "told: news" in note.message

    def reversed_spells(event: ev.Event) -> ev.Event:
        return replace(event, examples=()) if isinstance(event, ev.LogTally) else event

    assert ask(NAME, doctored(journal, reversed_spells), Severity.NOTE) == [note]


def test_a_log_that_is_missing_or_was_never_sorted_is_a_gap(ask: Ask) -> None:
    found = ask(NAME, story().let(1).end(missing=["n2"]).journal(), Severity.GAP)
    assert {f.node for f in found} == {"n2"}
    assert "no such file" in found[0].message

    def unsorted(event: ev.Event) -> ev.Event | None:
        return None if isinstance(event, ev.LogTally) else event

    found = ask(NAME, doctored(story().let(1).end().journal(), unsorted), Severity.GAP)
    assert {f.node for f in found} == {"n1", "n2", "n3"}


def test_without_rules_nothing_is_known(ask: Ask) -> None:
    def unruled(event: ev.Event) -> ev.Event:
        described = isinstance(event, ev.ClusterDescribed)
        return replace(event, log_rules=()) if described else event

    journal = doctored(story().let(1).end().journal(), unruled)
    assert any("nothing says what" in f.message for f in ask(NAME, journal, Severity.GAP))


def test_lines_that_cannot_be_placed_are_a_gap_unless_they_are_a_problem_anyway(ask: Ask) -> None:
    def unplaced(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.LogTally) and event.rule:
            return replace(event, spells=(Spell(-1.0, -1.0, 1),))
        return event

    told = story().lines("n1", CANNOT, rule="dead-peer", peer="n3")
    told.lines("n2", "state is broken", rule="defect").let(1)
    found = loud(ask(NAME, doctored(told.end().journal(), unplaced)))
    assert {(f.node, f.severity) for f in found} == {
        ("n1", Severity.GAP),
        ("n2", Severity.VIOLATION),
    }
