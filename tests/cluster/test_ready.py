"""A node is up when its host and every live node say so, and one that is not says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.ready import lacks_quorum
from raftfleet.journal.events import ClusterDescribed, NodeFound, StatusSeen
from raftfleet.journal.fold import fold
from raftfleet.journal.values import GroupStatus, Incarnation, NodeIdentity, Role

if TYPE_CHECKING:
    from raftfleet.journal import Picture


def picture(views: dict[str, tuple[tuple[str, ...], ...]], down: tuple[str, ...] = ()) -> Picture:
    """Return a picture in which these nodes answer with these voters."""
    names = sorted({*views, *down})
    told: list[ClusterDescribed | NodeFound | StatusSeen] = [
        ClusterDescribed(
            system="toy",
            nodes=tuple(NodeIdentity(name, name[1:], "", "") for name in names),
            groups=("main",),
            timing=None,
            ports={},
            markers={},
            exit_bound=1,
            watchdog=None,
            poll_period=0.02,
            t=1,
        )
    ]
    for name in names:
        running = None if name in down else Incarnation(int(name[1:]), 1, 1)
        told.append(NodeFound(node=name, incarnation=running, t=1))
    for name, voters in views.items():
        status = GroupStatus(term=1, role=Role.FOLLOWER, voters=voters)
        told.append(StatusSeen(node=name, since=1, t=1, groups={"main": status}))
    return fold(told)


TRIO = (("n1", "n2", "n3"),)


@pytest.mark.parametrize(
    ("views", "lacking"),
    [
        ({"n1": TRIO}, True),
        ({"n1": TRIO, "n2": TRIO}, False),
        ({"n1": (("n1",),)}, False),
        ({"n1": TRIO, "n4": TRIO}, True),
        ({"n1": (("n1", "n2"), ("n1", "n2", "n3")), "n2": TRIO}, False),
        ({"n1": (("n1",), ("n1", "n2", "n3"))}, True),
    ],
)
def test_a_node_waits_for_others_when_its_voters_are_down(
    views: dict[str, tuple[tuple[str, ...], ...]], lacking: bool
) -> None:
    down = tuple(name for name in ("n2", "n3") if name not in views)
    assert lacks_quorum(picture(views, down), "n1") is lacking


def test_of_a_node_that_does_not_answer_nothing_is_known() -> None:
    assert not lacks_quorum(picture({"n2": TRIO}, ("n1", "n3")), "n1")
