"""Playbooks, roles and config are found in a checkout and in an installed wheel."""

from __future__ import annotations

import pytest

from raftfleet.errors import UsageError
from raftfleet.shipped import shipped


@pytest.mark.parametrize("parts", [("playbooks",), ("roles", "robustmq"), ("config",)])
def test_what_ships_is_found(parts: tuple[str, ...]) -> None:
    assert shipped(*parts).is_dir()


def test_what_does_not_ship_is_said_with_the_places_looked_in() -> None:
    with pytest.raises(UsageError, match=r"nothing-here.*looked for"):
        shipped("playbooks", "nothing-here.yml")
