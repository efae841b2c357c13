"""`node:` names nodes, or picks them from the observed picture."""

from __future__ import annotations

import pytest

from raftfleet.cluster.selection import RaftView, select
from raftfleet.errors import TaskError

VIEW = RaftView(
    nodes=("n1", "n2", "n3"),
    groups=("metadata_0", "offset_0", "data_0"),
    leaders={"metadata_0": "n2", "offset_0": "n3", "data_0": "n3"},
    down=(),
)


@pytest.mark.parametrize(
    ("wanted", "nodes"),
    [
        ("n3", ("n3",)),
        ("all", ("n1", "n2", "n3")),
        ("leader", ("n2",)),
        ("leader of offset_0", ("n3",)),
        ("follower", ("n1",)),
        (["n3", "leader", "n2"], ("n3", "n2")),
        ("down", ()),
    ],
)
def test_a_selector_picks_from_the_picture(wanted: str | list[str], nodes: tuple[str, ...]) -> None:
    assert select(VIEW, wanted) == nodes


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("n33", "n3"), ("leeder", "leader"), ("leader of ofset_0", "offset_0"), ("zzz", "known")],
)
def test_a_wrong_word_names_the_nearest(wanted: str, words: str) -> None:
    with pytest.raises(TaskError, match=words) as caught:
        select(VIEW, wanted)
    assert caught.value.hint


def test_nobody_leads_is_said() -> None:
    leaderless = RaftView(VIEW.nodes, VIEW.groups, {"metadata_0": None}, ())
    with pytest.raises(TaskError, match="nobody leads metadata_0"):
        select(leaderless, "leader")


def test_a_node_that_is_down_is_no_follower() -> None:
    view = RaftView(VIEW.nodes, VIEW.groups, VIEW.leaders, down=("n1",))
    assert select(view, "follower") == ("n3",)
    assert select(view, "down") == ("n1",)


def test_the_first_groups_leader_stops_last() -> None:
    assert VIEW.leaders_last == ("n1", "n3", "n2")
