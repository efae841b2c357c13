"""Variables that are set at several levels at once, against the orders that ansible-core showed."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.levels import PROJECTS, every_pair, read_orders, shown, wanted

ORDERS = read_orders()
PLACES = [(name, place) for name, places in ORDERS.items() for place in places]


@functools.cache
def winners_of_pairs(project: str) -> dict[str, dict[str, str]]:
    levels, make = PROJECTS[project]
    variables = every_pair(levels)
    return shown(make(variables), variables)


@pytest.mark.parametrize(("project", "place"), PLACES)
def test_of_each_pair_the_same_level_wins(project: str, place: str) -> None:
    found, winners = ORDERS[project][place], winners_of_pairs(project)[place]
    pairs = every_pair(PROJECTS[project][0])
    wrong = {
        f"{pair}: {winners[name]}, not {wanted(found, pair)}"
        for name, pair in pairs.items()
        if winners[name] != wanted(found, pair)
    }
    assert not wrong


@pytest.mark.parametrize("project", PROJECTS)
def test_tasks_stand_at_the_same_places(project: str) -> None:
    assert list(winners_of_pairs(project)) == list(ORDERS[project])


@pytest.mark.parametrize("project", PROJECTS)
@settings(derandomize=True, max_examples=2, deadline=None)
@given(data=st.data())
def test_of_many_levels_the_strongest_wins(project: str, data: st.DataObject) -> None:
    levels, make = PROJECTS[project]
    chosen = st.sets(st.sampled_from([name for name in levels if name != "facts"]), min_size=3)
    sets = data.draw(st.lists(chosen, min_size=20, max_size=40))
    variables = {f"v{n}": tuple(sorted(some)) for n, some in enumerate(sets)}
    for place, winners in shown(make(variables), variables).items():
        found = ORDERS[project][place]
        assert winners == {name: wanted(found, some) for name, some in variables.items()}
