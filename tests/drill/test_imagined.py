"""On paper a cluster behaves as one that is healthy, and nothing is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from raftfleet.drill.declaration import Declaration
from raftfleet.drill.imagined import Imagined, fresh_view
from raftfleet.errors import TaskError
from raftfleet.testing.system import FakeSystem, toy_node

DRILL = Declaration(id="d", expects=("writes-survive",), watch=3.0)


@pytest.fixture
def imagined() -> Imagined:
    system = FakeSystem(groups=("a", "b"))
    nodes = [toy_node(f"n{i}", i, PurePosixPath(f"/opt/{i}"), 7000 + i) for i in (1, 2, 3)]
    return Imagined(system, nodes, fresh_view(system, nodes))


def test_the_first_node_leads_a_cluster_that_was_just_started(imagined: Imagined) -> None:
    assert imagined.view.leaders == {"a": "n1", "b": "n1"}
    assert imagined.margin == 1


def test_a_leader_that_stays_down_is_followed_by_another_in_a_higher_term(
    imagined: Imagined,
) -> None:
    imagined.stop("n1", "INT", 25.0)
    assert imagined.view.leaders == {"a": None, "b": None}
    imagined.await_failover("n1", None)
    assert (imagined.view.leader, imagined.view.terms["a"]) == ("n2", 2)
    imagined.start(["n1"], timeout=None)
    assert imagined.view.leader == "n2"


def test_a_leader_that_is_back_at_once_leads_on_in_its_term(imagined: Imagined) -> None:
    imagined.stop("n1", "INT", 25.0)
    imagined.start(["n1"], timeout=None)
    assert (imagined.view.leader, imagined.view.terms["a"]) == ("n1", 1)


def test_what_moves_goes_to_who_leads_most(imagined: Imagined) -> None:
    imagined.view = replace(imagined.view, leaders={"a": "n2", "b": "n3"})
    imagined.stop("n2", "INT", 25.0)
    imagined.await_failover("n2", None)
    assert imagined.view.leaders == {"a": "n3", "b": "n3"}


def test_the_guard_stands_in_front_as_in_earnest(imagined: Imagined) -> None:
    imagined.begin(DRILL)
    imagined.stop("n1", "INT", 25.0)
    with pytest.raises(TaskError, match="cost the quorum"):
        imagined.stop("n2", "INT", 25.0)
    imagined.guarded = False
    imagined.stop("n2", "INT", 25.0)
    assert imagined.margin == -1
    assert imagined.burst("create", 5, ("n3",)) == 0
    imagined.start(["n1", "n2"], timeout=None)
    assert imagined.burst("create", 5, ("n3",)) == 5


def test_every_step_says_who_what_undo_and_how_long(imagined: Imagined) -> None:
    imagined.begin(DRILL)
    imagined.stop("n3", "TERM", 25.0)
    imagined.finish(DRILL)
    steps = {step.does: step for step in imagined.steps}
    stop = steps["kill -TERM its process"]
    assert (stop.host, stop.worst, stop.margin) == ("n3", 40.0, 0)
    assert "started again" in stop.undo
    assert steps["cd /opt/3 && exec ./toy_node"].host == "n3"
    assert steps["watch for late effects"].worst == 3.0
    assert "remove what was written" in steps
    assert imagined.view.down == ()


def test_a_drill_that_writes_nothing_reads_nothing_back(imagined: Imagined) -> None:
    plain = Declaration(id="d", expects=("starts",), leaves="down", allow_quorum_loss=True)
    imagined.begin(plain)
    for name in ("n3", "n2", "n1"):
        imagined.stop(name, "INT", 25.0)
    imagined.finish(plain)
    assert not any("write" in step.does or "read" in step.does for step in imagined.steps)
    assert imagined.view.up == ()
