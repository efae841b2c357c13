"""What a playbook would do, without doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError, UsageError
from raftfleet.inventory import load_inventory
from raftfleet.playbook import list_plays

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
    found = list_plays(stage.load(PLAY), stage.inventory(), limit="e*:!e2")
    assert [(play.name, play.patterns, play.hosts) for play in found] == [
        ("first", ("east",), ("e1", "e3")),
        ("west", ("west",), ()),
    ]
    (play, _) = list_plays(stage.load(PLAY), stage.inventory(), extra_vars={"target": "lone"})
    assert play.hosts == ("lone",)
    with pytest.raises(UsageError, match="nosuch"):
        list_plays(stage.load(PLAY), stage.inventory(), limit="nosuch")


def test_tasks_are_those_that_the_tags_leave(stage: Stage) -> None:
    first, second = list_plays(stage.load(PLAY), stage.inventory())
    assert [(task.name, task.tags) for task in first.tasks] == [
        ("r : inside", ("p", "role")),
        ("one", ("a", "p")),
        ("say", ("p",)),
    ]
    assert first.tags == ("p",)
    assert first.task_tags == ("a", "p", "role")
    assert (second.tasks, second.tags) == ((), ())
    only = list_plays(stage.load(PLAY), stage.inventory(), tags=["a", "never"], skip_tags=["role"])[
        0
    ]
    assert [task.name for task in only.tasks] == ["one", "saved"]


def test_tags_are_listed_as_their_templates_give_them(stage: Stage) -> None:
    text = """
        - {hosts: e1, tags: "{{ x }}", vars: {x: p}, tasks: [{say: y, tags: ["{{ of_e }}", a]}]}
        - {hosts: nobody, tags: "{{ nosuch }}"}
    """
    (play,) = list_plays(
        stage.load(text.rpartition("- {")[0]), stage.inventory(), extra_vars={"of_e": ["b", "c"]}
    )
    assert (play.tags, play.task_tags) == (("p",), ("a", "b", "c", "p"))
    with pytest.raises(SourceError, match="'nosuch' is undefined"):
        list_plays(stage.load(text), stage.inventory(), extra_vars={"of_e": []})


def test_names_of_plays_and_lists_of_patterns_are_templated(stage: Stage) -> None:
    text = """
        - {name: "to {{ x }}", hosts: [east, "{{ x }}"], vars: {x: west}}
        - {hosts: [east, west]}
    """
    first, second = list_plays(stage.load(text), stage.inventory())
    assert (first.name, first.patterns) == ("to west", ("east", "west"))
    assert second.name == "east,west"


def test_parts_of_a_pattern_that_name_nobody_are_told(stage: Stage) -> None:
    (play,) = list_plays(stage.load("- {hosts: [east, nosuch, '!nope']}"), stage.inventory())
    assert play.unmatched == ("nosuch", "!nope")


def test_each_pattern_of_a_list_is_taken_apart_by_itself(stage: Stage) -> None:
    inventory = load_inventory([Path("fe80::1,n1,n2,n3,")])
    (play,) = list_plays(stage.load("- {hosts: ['fe80::1', 'n1:n2', 'n3,!n2']}"), inventory)
    assert play.hosts == ("fe80::1", "n1", "n3")
