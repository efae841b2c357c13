"""Where a run begins when a task is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import UsageError
from raftfleet.playbook import Result, which_starts
from tests.playbook.conftest import FakeModule

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage

PLAY = """
    - hosts: e1
      tasks: [{name: first, say: first}]
    - hosts: e1
      roles: [r]
      tasks: [{name: "in {{ x }}", say: second}, {say: last}]
"""


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("first", ["first", "role", "second", "last"]),
        ("f*", ["first", "role", "second", "last"]),
        ("inside", ["role", "second", "last"]),
        ("r : inside", ["role", "second", "last"]),
        ("in {{ x }}", ["second", "last"]),
        ("say", ["last"]),
    ],
)
def test_a_task_goes_by_its_name_a_glob_or_its_action(
    stage: Stage, wanted: str, said: list[str]
) -> None:
    stage.write("roles/r/tasks/main.yml", "- {name: inside, say: role}")
    assert stage.run(PLAY, start_at_task=wanted).of("e1") == said


@pytest.mark.parametrize(("wanted", "gathered"), [("first", 2), ("inside", 1)])
def test_plays_before_it_gather_no_facts(stage: Stage, wanted: str, gathered: int) -> None:
    stage.write("roles/r/tasks/main.yml", "- {name: inside, say: role}")
    stage.add(FakeModule("setup", lambda _arguments, _context: Result()))
    ran = stage.run(PLAY, start_at_task=wanted)
    assert ran.started().count("Gathering Facts") == gathered


def test_the_playbook_that_has_it_is_found_and_a_misspelt_name_refused(stage: Stage) -> None:
    stage.write("roles/r/tasks/main.yml", "")
    books = [stage.load("- {hosts: e1}"), stage.load(PLAY), stage.load(PLAY)]
    assert (which_starts(books, "first"), which_starts(books, None)) == (1, 0)
    with pytest.raises(UsageError, match="there is no task 'frist'") as raised:
        which_starts(books, "frist")
    assert raised.value.hint == "did you mean 'first'?"
