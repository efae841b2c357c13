"""The registry of adapters."""

from __future__ import annotations

import pytest

import raftfleet.systems as room
from raftfleet.errors import UsageError
from raftfleet.systems import SYSTEMS, system_named


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_listed_system_exists_and_knows_its_name(name: str) -> None:
    assert system_named(name).name == name


def test_a_misspelt_system_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="'robustqm'") as caught:
        system_named("robustqm")
    assert caught.value.hint == "did you mean robustmq?"


def test_a_strange_system_is_refused_with_all_names() -> None:
    with pytest.raises(UsageError) as caught:
        system_named("zookeeper")
    assert caught.value.hint == "known: robustmq"


def test_the_room_exports_what_it_lists_in_order() -> None:
    assert room.__all__ == sorted(room.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
    assert all(hasattr(room, name) for name in room.__all__)
