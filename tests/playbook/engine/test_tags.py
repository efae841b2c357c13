"""Which tasks tags leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook.engine import Selection

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


@pytest.mark.parametrize(
    ("only", "skip", "tags", "taken"),
    [
        ("all", "", "", True),
        ("all", "", "never", False),
        ("all", "", "never a", False),
        ("a c", "", "a", True),
        ("a c", "", "b", False),
        ("a c", "", "", False),
        ("a c", "", "always", True),
        ("a c", "", "never c", True),
        ("a c", "", "never", False),
        ("untagged", "", "", True),
        ("untagged", "", "x", False),
        ("tagged", "", "x", True),
        ("tagged", "", "", False),
        ("tagged", "", "never x", False),
        ("never", "", "never", True),
        ("all", "a", "a b", False),
        ("all", "a", "always", True),
        ("all", "a", "always a", False),
        ("all", "all", "x", False),
        ("all", "all", "always", True),
        ("all", "all always", "always", False),
        ("all", "tagged", "x", False),
        ("all", "tagged", "", True),
        ("all", "untagged", "", False),
    ],
)
def test_a_task_is_taken_or_left(only: str, skip: str, tags: str, taken: bool) -> None:
    selection = Selection(frozenset(only.split()), frozenset(skip.split()))
    assert selection.takes(frozenset(tags.split())) is taken


def test_tags_are_inherited_from_plays_and_blocks(stage: Stage) -> None:
    play = """
        - hosts: e1
          tags: p
          tasks:
            - {say: in play}
            - {tags: [b, never], block: [{say: in block, tags: "x,y"}]}
    """
    assert stage.run(play, tags=["p"]).of("e1") == ["in play", "in block"]
    assert stage.run(play, tags=["x"]).of("e1") == ["in block"]
    assert stage.run(play).of("e1") == ["in play"]
    assert stage.run(play, skip_tags=["p"]).trace == []
