"""The entry budget counts what a node that is away has missed."""

from __future__ import annotations

import pytest

from raftfleet.cluster.entries import EntryBudget, Pace
from raftfleet.testing.journal import Story


@pytest.fixture
def story() -> Story:
    return Story(groups=("data", "offset")).running()


def append(told: Story, entries: int) -> None:
    """Let every node that is up hold so many entries more of one group."""
    for name in sorted(told.up):
        held = told.views[name, "data"].last_log or 0
        told.say(name, "data", last_log=held + entries)


def looked(budget: EntryBudget, told: Story) -> Pace:
    told.recorder.flush()
    return budget.look(told.recorder.picture)


def test_nothing_is_used_while_all_are_up(story: Story) -> None:
    budget = EntryBudget(100)
    looked(budget, story)
    append(story, 500)
    assert looked(budget, story) is Pace.FULL
    assert (budget.used, budget.room) == (0, 100)


@pytest.mark.parametrize(
    ("entries", "pace", "room"),
    [(69, Pace.FULL, 31), (70, Pace.SLOW, 30), (99, Pace.SLOW, 1), (100, Pace.STOP, 0)],
)
def test_entries_appended_while_a_node_is_down_are_counted(
    story: Story, entries: int, pace: Pace, room: int
) -> None:
    budget = EntryBudget(100)
    looked(budget, story)
    story.stop("n3").let(1)
    append(story, entries)
    assert looked(budget, story) is pace
    assert (budget.used, budget.behind, budget.room) == (entries, "n3", room)


def test_a_node_that_is_back_has_missed_nothing(story: Story) -> None:
    budget = EntryBudget(100)
    looked(budget, story)
    story.stop("n3").let(1)
    append(story, 90)
    assert looked(budget, story) is Pace.SLOW
    story.start("n3", leader="n1", term=1).let(1)
    assert looked(budget, story) is Pace.FULL


def test_without_a_limit_writers_never_slow_down(story: Story) -> None:
    budget = EntryBudget(None)
    looked(budget, story)
    story.stop("n3").let(1)
    append(story, 5000)
    assert looked(budget, story) is Pace.FULL
    assert budget.room is None
