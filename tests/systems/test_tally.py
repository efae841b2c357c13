"""Lines are counted by rule and template, with the times at which they came."""

from __future__ import annotations

import random

from raftfleet.journal.log_rules import LogRule, LogVerdict, Spell
from raftfleet.journal.values import NodeIdentity
from raftfleet.systems.tally import Line, tally, template_of

NODES = tuple(NodeIdentity(f"n{i}", str(i), f"10.0.0.{i}", f"m{i}") for i in (1, 2, 3))
RULES = (
    LogRule("to-peer", LogVerdict.BENIGN, levels=("WARN",), message=r"target=(?P<peer>[\w.:-]+)"),
    LogRule("any-raft", LogVerdict.NOTE, target="raft"),
)


def lines(*times: float, message: str = "no answer, target=2") -> list[Line]:
    return [Line(t, "WARN", "raft::core", message) for t in times]


def test_lines_close_together_are_one_spell() -> None:
    (one,) = tally("n1", lines(1, 2, 3.9, 10, 11), RULES, NODES)
    assert one.spells == (Spell(1, 3.9, 3), Spell(10, 11, 2))
    assert (one.node, one.rule, one.peer, one.count) == ("n1", "to-peer", "n2", 5)
    assert one.examples == ("no answer, target=2",) * 3


def test_the_order_of_the_lines_does_not_matter() -> None:
    told = [*lines(*range(50)), *lines(*range(60, 90), message="no answer, target=3")]
    shuffled = random.Random(7).sample(told, len(told))
    assert list(tally("n1", shuffled, RULES, NODES)) == list(tally("n1", told, RULES, NODES))


def test_a_peer_is_named_by_id_by_address_and_by_address_with_port() -> None:
    for said in ("3", "10.0.0.3", "10.0.0.3:1228"):
        (one,) = tally("n1", lines(1, message=f"target={said}"), RULES, NODES)
        assert one.peer == "n3"
    (one,) = tally("n1", lines(1, message="target=elsewhere"), RULES, NODES)
    assert one.peer == ""


def test_an_address_that_several_nodes_share_names_nobody() -> None:
    same = [NodeIdentity(f"n{i}", str(i), "127.0.0.1", "m") for i in (1, 2)]
    (one,) = tally("n1", lines(1, message="target=127.0.0.1:1228"), RULES, same)
    assert one.peer == ""


def test_the_first_rule_that_fits_names_a_line_and_none_leaves_it_unnamed() -> None:
    told = [Line(1.0, "INFO", "raft::core", "target=2"), Line(1.0, "WARN", "other", "hm")]
    assert {(t.level, t.rule) for t in tally("n1", told, RULES, NODES)} == {
        ("INFO", "any-raft"),
        ("WARN", ""),
    }


def test_quiet_lines_that_no_rule_knows_are_one_spell_without_examples() -> None:
    told = [Line(t, "INFO", "other", "tick") for t in (1.0, 100.0)]
    (one,) = tally("n1", told, RULES, NODES)
    assert (one.spells, one.examples) == ((Spell(1, 100, 2),), ())


def test_a_stamp_that_could_not_be_placed_is_kept_apart() -> None:
    told = [*lines(1), Line(None, "WARN", "raft::core", "no answer, target=2")]
    (one,) = tally("n1", told, RULES, NODES)
    assert one.spells == (Spell(-1, -1, 1), Spell(1, 1, 1))


def test_one_line_among_very_many_is_listed() -> None:
    told = [Line(float(i), "INFO", "other", f"tick {i}") for i in range(20_000)]
    told.insert(12_345, Line(5.0, "INFO", "other", "something new"))
    assert {(t.template, t.count) for t in tally("n1", told, RULES, NODES)} == {
        ("tick #", 20_000),
        ("something new", 1),
    }


def test_templates_mask_what_differs_from_line_to_line() -> None:
    assert template_of("peer 3 at 10.0.0.3:1228 took 5.1s") == "peer # at # took #"
    assert template_of("tenant \"a b\" of 'c'") == "tenant '*' of '*'"
    assert template_of("shard dc28brqjueqs4uns6iig-0/0") == template_of("shard dc28cdqjueqs-1/7")
    assert template_of("segment deadbeefcafe") == "segment #"
    assert len(template_of("x" * 5000)) == 160
