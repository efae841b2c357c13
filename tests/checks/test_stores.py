"""Stores are compared and read back from each node's own, at rest, and lists beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from raftfleet.checks import Severity
from raftfleet.journal import events as ev
from raftfleet.journal.values import Lack
from raftfleet.testing.journal import Story, doctored

if TYPE_CHECKING:
    from raftfleet.journal import Journal

    from .conftest import Ask

BOTH = ("stores-equal", "writes-survive")


def story() -> Story:
    return Story().running().drill(*BOTH).writer("n1").writes(1).let(0.5)


def test_equal_stores_that_hold_everything_say_nothing(ask: Ask) -> None:
    journal = story().read().let(1).end().journal()
    assert [ask(name, journal) for name in BOTH] == [[], []]


def test_a_store_that_differs_names_its_node(ask: Ask) -> None:
    told = story()
    told.stored["n3"]["key-n1"] = "other"
    (finding,) = ask("stores-equal", told.read().end().journal())
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n3")


def test_a_store_that_holds_less_names_its_node(ask: Ask) -> None:
    told = story()
    told.stored["n2"].clear()
    (finding,) = ask("stores-equal", told.read().end().journal(), Severity.VIOLATION)
    assert finding.node == "n2"
    assert "holds 0 keys, that of n1 and n3 holds 1 keys" in finding.message


def test_of_two_stores_the_smaller_is_to_blame_and_of_equal_sizes_nobody(ask: Ask) -> None:
    told = story().stop("n2")
    told.stored["n3"].clear()
    (finding,) = ask("stores-equal", told.read().end().journal(), Severity.VIOLATION)
    assert finding.node == "n3"
    told = story().stop("n2")
    told.stored["n3"]["key-n1"] = "other"
    (finding,) = ask("stores-equal", told.read().end().journal(), Severity.VIOLATION)
    assert finding.node is None


def test_digests_tell_stores_apart_that_are_of_one_size(ask: Ask) -> None:
    def digests(event: ev.Event) -> ev.Event:
        if isinstance(event, ev.StoreRead):
            return replace(event, values={}, digest="aa" if event.node == "n1" else "bb")
        return event

    (finding,) = ask("stores-equal", doctored(story().read().end().journal(), digests))
    assert (finding.severity, finding.node) == (Severity.VIOLATION, "n1")


def test_an_acknowledged_write_that_is_missing_is_lost(ask: Ask) -> None:
    told = story()
    told.stored["n2"]["key-n1"] = next(iter(told.stored["n2"].values())).replace("-9", "-8")
    del told.stored["n3"]["key-n1"]
    found = ask("writes-survive", told.read().end().journal(), Severity.VIOLATION)
    assert [f.node for f in found] == ["n2", "n3"]
    assert "nobody wrote" in found[0].message
    assert "lacks acknowledged writes: key-n1" in found[1].message


def test_an_older_value_is_a_lost_write_and_a_newer_one_is_not(ask: Ask) -> None:
    told = story().write("k", "1").write("k", "2").let(0.5)
    told.stored["n3"]["k"] = "1"
    (finding,) = ask("writes-survive", told.read().end().journal(), Severity.VIOLATION)
    assert finding.node == "n3"
    told = story().write("k", "1").write("k", "2", "unknown").let(0.5)
    for store in told.stored.values():
        store["k"] = "2"
    assert ask("writes-survive", told.read().end().journal(), Severity.VIOLATION) == []


def test_unknown_writes_are_followed_up(ask: Ask) -> None:
    told = story()
    for key in ("there", "gone", "never-read"):
        told.write(key, "1", "unknown")
    told.write("over", "1", "unknown").write("over", "2")
    told.let(0.5)
    for store in told.stored.values():
        store["there"] = "1"

    def hidden(event: ev.Event) -> ev.Event:
        if not isinstance(event, ev.StoreRead):
            return event
        return replace(event, values={**event.values, "gone": None})

    journal = doctored(told.read().end().journal(), hidden)
    (note,) = ask("writes-survive", journal)
    assert note.severity is Severity.NOTE
    assert note.message.endswith("1 recovered, 1 overwritten, 1 vanished, 1 still unknown")


def test_a_value_once_read_and_later_gone_is_lost_whatever_was_said_of_its_write(ask: Ask) -> None:
    told = story().write("k", "1", "unknown").let(0.5)
    for store in told.stored.values():
        store["k"] = "1"
    told.read().let(1)
    del told.stored["n2"]["k"]
    for name in ("n1", "n3"):
        told.stored[name]["k"] = "1"

    def kept(event: ev.Event) -> ev.Event:
        return event

    found = ask("writes-survive", doctored(told.read().end().journal(), kept), Severity.VIOLATION)
    assert [f.node for f in found] == ["n2"]
    assert "lacks what had been read before: k" in found[0].message


def test_a_refused_value_that_is_there_was_written_by_nobody(ask: Ask) -> None:
    told = story().write("k", "1").write("k", "2", "refused").let(0.5)
    for store in told.stored.values():
        store["k"] = "2"
    found = ask("writes-survive", told.read().end().journal(), Severity.VIOLATION)
    assert {f.node for f in found} == {"n1", "n2", "n3"}
    assert all("nobody wrote" in f.message for f in found)


def test_a_node_that_lags_and_lacks_nothing_was_read_all_the_same(ask: Ask) -> None:
    told = story().say("n3", last_applied=3)
    assert ask("writes-survive", told.read().end().journal()) == []
    told = story().say("n3", last_applied=3)
    del told.stored["n3"]["key-n1"]
    (gap,) = ask("writes-survive", told.read().end().journal())
    assert (gap.severity, gap.node) == (Severity.GAP, "n3")
    assert "had not caught up" in gap.message


def counts_only(event: ev.Event) -> ev.Event | None:
    """Leave of the reads only what a reader counted itself, as recordings hold it."""
    if isinstance(event, ev.StoreRead):
        lacks = Lack(2, ("a", "b")) if event.node == "n3" else Lack()
        return replace(event, values={}, asked=10, lacks=lacks, count=10 - lacks.count)
    return None if isinstance(event, ev.WriteEnded) else event


def test_what_a_reader_counted_itself_is_enough(ask: Ask) -> None:
    journal = doctored(story().read().end().journal(), counts_only)
    (equal,) = ask("stores-equal", journal)
    (lost,) = ask("writes-survive", journal)
    assert (equal.node, lost.node) == ("n3", "n3")
    assert "lacks 2 of 10 acknowledged writes: a, b" in lost.message


@pytest.mark.parametrize("name", BOTH)
def test_without_reads_it_is_not_known(ask: Ask, name: str) -> None:
    found = ask(name, story().let(1).end().journal())
    assert {f.severity for f in found} == {Severity.GAP}
    assert {f.node for f in found} == {"n1", "n2", "n3", None}


@pytest.mark.parametrize("name", BOTH)
def test_a_node_that_was_not_read_is_a_gap(ask: Ask, name: str) -> None:
    found = ask(name, story().read(missed=["n2"]).end().journal())
    assert [(f.severity, f.node) for f in found] == [(Severity.GAP, "n2")]
    assert "timed out" in found[0].message


@pytest.mark.parametrize("name", BOTH)
def test_reads_before_the_last_node_was_back_prove_nothing_of_it(ask: Ask, name: str) -> None:
    found = ask(name, story().read().stop("n3").let(1).start("n3").let(1).end().journal())
    assert {f.severity for f in found} == {Severity.GAP}
    assert all("after the last node was back" in f.message for f in found)


@pytest.mark.parametrize("name", BOTH)
def test_a_difference_while_writes_are_under_way_is_none(ask: Ask, name: str) -> None:
    told = story().read()
    del told.stored["n3"]["key-n1"]
    now = told.now
    told.read()
    told.record(ev.WriteEnded(writer="w", via="n1", key="z", value="1", sent=now - 1, outcome="ok"))
    told.stored["n3"].update(told.stored["n1"])
    told.let(1).read()
    assert ask(name, told.end().journal(), Severity.VIOLATION) == []


@pytest.mark.parametrize("name", BOTH)
def test_a_node_that_is_still_catching_up_is_not_judged(ask: Ask, name: str) -> None:
    told = story()
    told.say("n1", last_applied=20).say("n2", last_applied=20)
    del told.stored["n3"]["key-n1"]
    told.read()
    found = ask(name, told.end().journal())
    assert [(f.severity, f.node) for f in found] == [(Severity.GAP, "n3")]
    assert "had not caught up: data at 10 of 20" in found[0].message


def test_a_difference_while_a_group_has_no_leader_proves_nothing(ask: Ask) -> None:
    told = story().stop("n1").let(1)
    assert ask("stores-equal", told.read().end().journal()) == []
    told = story().stop("n1").let(1)
    del told.stored["n3"]["key-n1"]
    (finding,) = ask("stores-equal", told.read().end().journal())
    assert (finding.severity, finding.node) == (Severity.GAP, "n3")
    assert "data had no leader" in finding.message


def test_those_who_are_still_behind_do_not_outvote_the_leader(ask: Ask) -> None:
    told = story().say("n1", last_applied=20)
    for name in ("n2", "n3"):
        del told.stored[name]["key-n1"]
    found = ask("stores-equal", told.read().end().journal())
    assert {(f.severity, f.node) for f in found} == {(Severity.GAP, "n2"), (Severity.GAP, "n3")}


def test_no_acknowledged_write_is_no_evidence(ask: Ask) -> None:
    told = Story().running().drill("writes-survive").writer("n1").write("k", "1", "unknown")
    found = ask("writes-survive", told.let(0.5).read().end().journal(), Severity.GAP)
    assert ["no acknowledged write was looked for" in f.message for f in found] == [True]


def test_a_new_generation_forgets_what_was_written(ask: Ask) -> None:
    told = Story().running().writer("n1").write("k", "1").let(0.5)
    told.record(ev.ClusterGeneration(generation=2))
    for name in told.nodes:
        told.stored[name].clear()
        told.say(name)
    told.drill("writes-survive").write("j", "1").let(0.5)
    assert ask("writes-survive", told.read().end().journal()) == []


def listed(**shown: list[str]) -> Journal:
    told = story().read()
    for name in told.nodes:
        told.listing(name, **(shown if name == "n2" else {}))
    return told.end().journal()


def test_what_was_removed_is_not_missed_and_what_came_after_is(ask: Ask) -> None:
    told = story().write("p-1", "1").write("p-2", "1", "unknown")
    told.record(ev.WritesRemoved(prefix="p-", count=2))
    told.write("p-3", "1").let(0.5)
    del told.stored["n1"]["p-1"], told.stored["n2"]["p-1"], told.stored["n2"]["p-3"]
    found = ask("writes-survive", told.read().end().journal())
    lost = [f for f in found if f.severity is Severity.VIOLATION]
    assert [f.node for f in lost] == ["n2"]
    assert lost[0].message.endswith("p-3")
    assert not any("unknown outcome" in f.message for f in found)


def test_a_list_that_differs_from_the_nodes_own_store_is_a_warning(ask: Ask) -> None:
    assert ask("cache-agrees", listed()) == []
    (lacking,) = ask("cache-agrees", listed(lacks=["key-n1"]))
    assert (lacking.severity, lacking.node) == (Severity.WARNING, "n2")
    assert "lacks 1 keys of its own store (key-n1)" in lacking.message
    (stale,) = ask("cache-agrees", listed(extra=["old"]))
    assert "shows 1 keys that its own store has not (old)" in stale.message


def test_a_wrong_list_is_no_wrong_store(ask: Ask) -> None:
    journal = listed(lacks=["key-n1"])
    assert [ask(name, journal) for name in BOTH] == [[], []]


def test_without_lists_their_agreement_is_not_known(ask: Ask) -> None:
    (gap,) = ask("cache-agrees", story().read().end().journal())
    assert gap.severity is Severity.GAP
