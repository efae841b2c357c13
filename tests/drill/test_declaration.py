"""`drill:` is read whole or refused at the word that is wrong."""

from __future__ import annotations

import pytest

from raftfleet.cluster import Rates
from raftfleet.drill.declaration import Declaration, parse_declaration, resolved
from raftfleet.errors import SourceError, UsageError
from raftfleet.inventory import load_yaml


def parsed(text: str) -> Declaration:
    return parse_declaration(load_yaml(text=text, file="play.yml"), None)


def test_every_key_is_read() -> None:
    drill = parsed(
        "id: a-remove\n"
        "expects: [leader-moves, exits-graceful]\n"
        "forbids: [starts]\n"
        "evidence: {stops: 2, leader_stops: 1}\n"
        "budget: {outage: 12}\n"
        "watch: 2.5\n"
        "leaves: down\n"
        "allow_quorum_loss: true\n"
    )
    assert drill == Declaration(
        id="a-remove",
        expects=("leader-moves", "exits-graceful"),
        forbids=("starts",),
        evidence={"stops": 2, "leader_stops": 1},
        budget={"outage": 12.0},
        watch=2.5,
        leaves="down",
        allow_quorum_loss=True,
    )


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("id: a\nexpect: [starts]\n", "play.yml:2:1", "expects"),
        ("id: a\nexpects: [start]\n", "play.yml:2:11", "starts"),
        ("id: a\nexpects: []\n", "play.yml:1:1", "expects nothing"),
        ("expects: [starts]\n", "play.yml:1:1", "needs an id"),
        ("id: a\nexpects: starts\n", "play.yml:2:10", "list"),
        ("id: a\nexpects: [starts]\nevidence: {stop: 1}\n", "play.yml:3:12", "stops"),
        ("id: a\nexpects: [starts]\nevidence: {stops: 0}\n", "play.yml:3", "at least 1"),
        ("id: a\nexpects: [starts]\nevidence: {acknowledged: 5}\n", "3:12", "acknowledged_"),
        ("id: a\nexpects: [progress]\nbudget: {outages: 5}\n", "play.yml:3:10", "outage"),
        ("id: a\nexpects: [progress]\nbudget: {outage: long}\n", "play.yml:3:18", "seconds"),
        ("id: a\nexpects: [progress]\nbudget: 5\n", "play.yml:", "mapping of seconds"),
        ("id: a\nexpects: [starts]\nleaves: runing\n", "play.yml", "running"),
        ("id: a\nexpects: [starts]\nwatch: long\n", "play.yml:3:8", "seconds"),
        ("id: a\nexpects: [starts]\nallow_quorum_loss: 1\n", "play.yml", "true or false"),
    ],
)
def test_a_wrong_word_is_refused_with_its_place(text: str, place: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parsed(text)
    assert place in str(caught.value)
    assert words in str(caught.value)


def test_a_count_may_be_a_template_and_0_asks_for_nothing() -> None:
    drill = parsed('id: a\nexpects: [starts]\nevidence: {stops: 1, leader_stops: "{{ n }}"}\n')
    found = resolved(drill, lambda raw: 0 if isinstance(raw, str) else raw, {})
    assert found.evidence == {"stops": 1}
    assert resolved(drill, lambda raw: 2 if isinstance(raw, str) else raw, {}).evidence == {
        "stops": 1,
        "leader_stops": 2,
    }
    with pytest.raises(SourceError, match=r"leader_stops.*'two'"):
        resolved(drill, lambda raw: "two" if isinstance(raw, str) else raw, {})


PLAIN = "id: a\nexpects: [starts]\n"


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        (PLAIN, False),
        ("id: a\nexpects: [writes-survive]\n", True),
        ("id: a\nexpects: [starts]\nforbids: [cache-agrees]\n", True),
        ("id: a\nexpects: [starts]\nevidence: {acknowledged_writes: 1}\n", True),
    ],
)
def test_a_drill_writes_when_it_expects_something_of_writes(text: str, writes: bool) -> None:
    assert parsed(text).writes is writes


def test_how_much_is_written_comes_from_the_plays_variables() -> None:
    given = {"write_rate": "20", "create_rate": 1, "write_budget": "300", "keep_data": "yes"}
    found = resolved(parsed(PLAIN), lambda raw: raw, given)
    assert (found.rates, found.keep_data) == (Rates(20.0, 1.0, 300), True)
    found = resolved(parsed(PLAIN), lambda raw: raw, {})
    assert (found.rates, found.keep_data) == (Rates(10.0, 2.0, None), False)


@pytest.mark.parametrize(
    "given",
    [
        {"write_rate": 0},
        {"write_rate": "fast"},
        {"create_rate": -1},
        {"write_rate": "inf"},
        {"write_budget": "0"},
        {"write_budget": 2.5},
    ],
)
def test_a_rate_that_is_none_is_refused_by_name(given: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))):
        resolved(parsed(PLAIN), lambda raw: raw, given)
