"""What a playbook would do, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import UsageError
from raftfleet.playbook import list_hosts, list_tags, list_tasks

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage

PLAY = """
    - name: first
      hosts: "{{ target | default('east') }}"
      tags: p
      roles: [{role: r, tags: role}]
      tasks:
        - {name: one, say: x, tags: a}
        - block: [{say: y}]
          rescue: [{name: saved, say: z, tags: never}]
    - hosts: west
"""


@pytest.fixture(autouse=True)
def _role(stage: Stage) -> None:
    stage.write("roles/r/tasks/main.yml", "- {name: inside, say: x}")


def test_hosts_are_those_within_the_limit(stage: Stage) -> None:
    found = list_hosts(stage.load(PLAY), stage.inventory(), limit="e*:!e2")
    assert [(play.play, play.pattern, play.hosts) for play in found] == [
        ("first", "east", ("e1", "e3")),
        ("west", "west", ()),
    ]
    (play, _) = list_hosts(stage.load(PLAY), stage.inventory(), extra_vars={"target": "lone"})
    assert play.hosts == ("lone",)
    with pytest.raises(UsageError, match="nosuch"):
        list_hosts(stage.load(PLAY), stage.inventory(), limit="nosuch")


def test_tasks_are_those_that_the_tags_leave(stage: Stage) -> None:
    first, second = list_tasks(stage.load(PLAY))
    assert first.tasks == (
        ("r : inside", ("p", "role")),
        ("one", ("a", "p")),
        ("say", ("p",)),
    )
    assert second.tasks == ()
    only = list_tasks(stage.load(PLAY), tags=["a", "never"], skip_tags=["role"])[0]
    assert [title for title, _ in only.tasks] == ["one", "saved"]


def test_tags_are_all_that_stand_in_the_playbook(stage: Stage) -> None:
    assert list_tags(stage.load(PLAY)) == [("first", ("a", "never", "p", "role")), ("west", ())]
