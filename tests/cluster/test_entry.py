"""A write follows refusals to the leader, and stops as soon as something may have been written."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock
from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.entry import Entries, Written
from raftfleet.systems.protocol import Ack, Refused, Unknown, WriteOutcome
from raftfleet.testing.system import FakeSystem, toy_node

if TYPE_CHECKING:
    from collections.abc import Callable

    Says = Callable[[str], WriteOutcome]


class Scene:
    """Three toys, and what each says when it is asked to write."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.system = FakeSystem()
        nodes = [toy_node(f"n{i}", i, PurePosixPath(f"/opt/{i}"), 7000 + i) for i in (1, 2, 3)]
        accesses = {node.name: NodeAccess(node, {}) for node in nodes}
        self.entries = Entries(self.system, accesses, self.clock)

    def write(self, via: str = "n3", timeout: float = 5.0) -> Written:
        return self.entries.write(via, "register", "k", "1", timeout=timeout)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_leader_takes_it_at_once(scene: Scene) -> None:
    done = scene.write("n1")
    assert (done.outcome, done.legs) == ("ok", ())
    assert scene.system.stores["n1"] == {"k": "1"}


def test_a_refusal_is_followed_to_whom_it_names_and_both_legs_are_kept(scene: Scene) -> None:
    done = scene.write("n3")
    assert done.outcome == "ok"
    assert [(leg.via, leg.outcome) for leg in done.legs] == [("n3", "refused"), ("n1", "ok")]


def test_a_leader_may_be_named_by_its_address(scene: Scene) -> None:
    said: dict[str, WriteOutcome] = {"n3": Refused("no", "127.0.0.1:7002"), "n2": Ack()}
    scene.system.writing = lambda node, *_: said[node]
    assert [leg.via for leg in scene.write().legs] == ["n3", "n2"]


@pytest.mark.parametrize("leader", ["", "9", "3", "10.0.0.9:1228"])
def test_a_hint_that_leads_nowhere_ends_it(scene: Scene, leader: str) -> None:
    scene.system.writing = lambda *_: Refused("no leader", leader)
    done = scene.write("n3")
    assert (done.outcome, done.reason, done.legs) == ("refused", "no leader", ())


def test_nodes_that_name_each_other_are_each_asked_once(scene: Scene) -> None:
    scene.system.writing = lambda node, *_: Refused("not me", {"n1": "2", "n2": "3"}.get(node, "1"))
    assert [leg.via for leg in scene.write("n1").legs] == ["n1", "n2", "n3"]


def test_what_may_have_been_written_is_never_sent_again(scene: Scene) -> None:
    said: dict[str, WriteOutcome] = {
        "n3": Refused("no", "1"),
        "n1": Unknown("the connection broke"),
    }
    scene.system.writing = lambda node, *_: said[node]
    done = scene.write("n3")
    assert (done.outcome, done.reason) == ("unknown", "the connection broke")
    assert scene.system.stores == {}


def test_nobody_else_is_asked_after_the_deadline(scene: Scene) -> None:
    def slow(*_: str) -> WriteOutcome:
        scene.clock.advance(6.0)
        return Refused("no", "1")

    scene.system.writing = slow
    done = scene.write("n3", timeout=5.0)
    assert (done.outcome, done.legs) == ("refused", ())
    assert done.ended - done.sent == 6.0
