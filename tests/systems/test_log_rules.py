"""Log rules are read whole, or refused at the word that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError
from raftfleet.journal.log_rules import LogRule, LogVerdict, LogWindow
from raftfleet.systems import SYSTEMS
from raftfleet.systems.log_rules import load_log_rules, read_log_rules

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, text: str) -> tuple[LogRule, ...]:
    path = folder / "rules.yml"
    path.write_text(text)
    return read_log_rules(path)


def test_every_key_of_a_rule_is_read(tmp_path: Path) -> None:
    (rule,) = read(
        tmp_path,
        "- name: dead-peer\n"
        "  judge: note\n"
        "  levels: [WARN, ERROR]\n"
        "  target: some::module\n"
        "  message: 'to (?P<peer>\\d+)'\n"
        "  during: [peer-away, election]\n"
        "  before: 1\n"
        "  after: 3.5\n"
        "  after_cut: 30\n"
        "  by: leader\n"
        "  most: 60\n"
        "  why: for people\n",
    )
    assert rule == LogRule(
        "dead-peer",
        LogVerdict.NOTE,
        levels=("WARN", "ERROR"),
        target="some::module",
        message=r"to (?P<peer>\d+)",
        during=(LogWindow.PEER_AWAY, LogWindow.ELECTION),
        before=1,
        after=3.5,
        after_cut=30,
        by="leader",
        most=60,
        why="for people",
    )


def test_a_single_word_stands_for_a_list(tmp_path: Path) -> None:
    (rule,) = read(tmp_path, "- {name: a, judge: benign, levels: WARN, during: start}\n")
    assert (rule.levels, rule.during) == (("WARN",), (LogWindow.START,))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- {name: a, juge: benign}\n", "1:13", "did you mean judge?"),
        ("- name: a\n  judge: bening\n", "2:10", "did you mean benign?"),
        ("- {name: a, judge: note, levels: [WARNING]}\n", "1:35", "did you mean WARN?"),
        ("- {name: a, judge: note, during: [peer-awai]}\n", "1:35", "did you mean peer-away?"),
        ("- {name: a, judge: note, by: follower, target: x}\n", "1:30", "known: leader"),
        ("- name: a\n  judge: note\n  message: '('\n", "3:12", "no regular expression"),
        ("- name: a\n  judge: note\n  message: 3\n", "1:3", "message wants a text"),
        ("- {name: a, judge: note, target: x, after: soon}\n", "1:44", "after wants seconds"),
        ("- {name: a, judge: note, target: x, most: many}\n", "1:3", "rule a: Expected `int"),
        ("- {judge: note, target: x}\n", "1:3", "a rule wants name"),
        ("- {name: a, judge: note}\n", "1:3", "would fit every line"),
        (
            "- {name: a, judge: note, target: x}\n- {name: a, judge: note, target: y}\n",
            "2:3",
            "two",
        ),
        ("- nothing\n", "1:3", "a rule is a mapping"),
        ("name: a\n", "1:1", "wants a list of rules"),
        ("- {name: a\n", "1:3", "never closed"),
    ],
)
def test_a_wrong_rule_is_refused_where_it_stands(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, text)
    assert f"rules.yml:{place}" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_rules_that_ship_are_right_and_tell_all_three_verdicts(system: str) -> None:
    rules = load_log_rules(system)
    assert {rule.judge for rule in rules} == set(LogVerdict)
