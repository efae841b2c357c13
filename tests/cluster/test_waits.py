"""Waits end when the condition holds, at their deadline, at once when stopped, and say what was missing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock
from raftfleet.cluster.waits import Waits
from raftfleet.journal import Recorder
from raftfleet.journal.events import (
    CoverageSampled,
    NodeFound,
    StatusSeen,
    WaitBegan,
    WaitEnded,
)
from raftfleet.journal.values import GroupStatus, Incarnation, Role
from tests.cluster.bench import events_of

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("n1", "n2", "n3")


class Scene:
    """Three nodes on a fake clock; what happens at which time is told in advance."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.recorder = Recorder(None, self.clock)
        self.waits = Waits(self.recorder, self._check, 60.0)
        self.defect: Exception | None = None
        self.plan: list[tuple[float, Callable[[], None]]] = []
        self.clock.wait = self._wait  # type: ignore[method-assign]
        for number, name in enumerate(NAMES, 1):
            running = Incarnation(number, 1, 1)
            self.recorder.record(NodeFound(node=name, incarnation=running))
        self.say("n1", 1)

    def _check(self) -> None:
        if self.defect is not None:
            raise self.defect

    def _wait(self, condition: threading.Condition, timeout: float) -> bool:
        """Let the next planned thing happen, or a tick, or the timeout pass."""
        del condition
        now = self.clock.monotonic()
        due = min([at for at, _ in self.plan] + [now + 1.0, now + timeout])
        self.clock.advance(due - now)
        for at, act in [one for one in self.plan if one[0] <= due]:
            self.plan.remove((at, act))
            act()
        self.recorder.record(
            CoverageSampled(
                polls=dict.fromkeys(NAMES, 9), misses={}, gap=dict.fromkeys(NAMES, 0.02)
            )
        )
        return True

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.plan.append((self.clock.monotonic() + seconds, act))

    def say(
        self,
        leader: str | None,
        term: int,
        *,
        applied: dict[str, int] | None = None,
        names: tuple[str, ...] = NAMES,
    ) -> None:
        """These nodes name a leader."""
        for name in names:
            role = Role.LEADER if name == leader else Role.FOLLOWER
            index = (applied or {}).get(name, 10)
            status = GroupStatus(term, role, leader, index, index, (NAMES,), ())
            now = self.clock.monotonic()
            self.recorder.record(StatusSeen(node=name, since=now - 0.02, groups={"main": status}))

    @property
    def ended(self) -> WaitEnded:
        return events_of(self.recorder, WaitEnded)[-1]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_agreement_that_is_there_is_met_at_once(scene: Scene) -> None:
    assert scene.waits.agreement(timeout=5)
    assert scene.ended.met
    began = events_of(scene.recorder, WaitBegan)[-1]
    assert (began.what, began.timeout) == ("agreement of all live nodes", 5)


def test_agreement_comes_when_the_last_node_agrees(scene: Scene) -> None:
    scene.say("n2", 2, names=("n2", "n3"))
    scene.after(3, lambda: scene.say("n2", 2, names=("n1",)))
    before = scene.clock.monotonic()
    assert scene.waits.agreement(timeout=60)
    assert scene.clock.monotonic() - before == pytest.approx(3)


def test_a_deadline_that_passes_says_what_was_seen_instead(scene: Scene) -> None:
    scene.say("n2", 2, names=("n2", "n3"))
    before = scene.clock.monotonic()
    assert not scene.waits.agreement(timeout=5)
    assert scene.clock.monotonic() - before == pytest.approx(5)
    assert not scene.ended.met
    assert "not all follow n2 in term 2" in scene.ended.last_seen


def test_only_the_nodes_that_are_asked_for_need_to_agree(scene: Scene) -> None:
    scene.say("n2", 2, names=("n2", "n3"))
    assert scene.waits.agreement(["n2", "n3"], timeout=5)
    assert events_of(scene.recorder, WaitBegan)[-1].what == "agreement of n2, n3"


def test_a_wait_that_is_stopped_ends_early_and_is_not_met(scene: Scene) -> None:
    stop = threading.Event()
    scene.say("n2", 2, names=("n2", "n3"))
    scene.after(2, stop.set)
    before = scene.clock.monotonic()
    assert not scene.waits.agreement(timeout=600, stop=stop)
    assert scene.clock.monotonic() - before <= 3
    assert not scene.ended.met


def test_what_went_wrong_where_we_watch_ends_every_wait(scene: Scene) -> None:
    def break_it() -> None:
        scene.defect = RuntimeError("the observer of n1")

    scene.say("n2", 2, names=("n2", "n3"))
    scene.after(2, break_it)
    with pytest.raises(RuntimeError, match="the observer of n1"):
        scene.waits.agreement(timeout=600)
    assert not scene.ended.met
    assert "the observer of n1" in scene.ended.last_seen


def test_a_failover_is_waited_for_and_returned(scene: Scene) -> None:
    scene.recorder.record(NodeFound(node="n1", incarnation=None))
    scene.after(4, lambda: scene.say("n3", 2, names=("n2", "n3")))
    before = scene.clock.monotonic()
    found = scene.waits.failover("n1", {"main": 1}, timeout=60)
    assert {group: leader.node for group, leader in found.moved.items()} == {"main": "n3"}
    assert scene.clock.monotonic() - before == pytest.approx(4)
    assert scene.ended.met


def test_a_failover_that_never_comes_is_censored(scene: Scene) -> None:
    scene.say(None, 1)
    found = scene.waits.failover("n1", {"main": 1}, timeout=5)
    assert not found.moved
    assert "main" in found.waiting
    assert not scene.ended.met


def test_convergence_is_measured_at_one_instant(scene: Scene) -> None:
    """Entries written meanwhile move nobody's goal."""
    scene.say("n1", 1, applied={"n1": 100, "n2": 100, "n3": 40})
    scene.after(1, lambda: scene.say("n1", 1, applied={"n1": 150, "n2": 150, "n3": 90}))
    scene.after(2, lambda: scene.say("n1", 1, applied={"n1": 200, "n2": 200, "n3": 100}))
    before = scene.clock.monotonic()
    assert scene.waits.converged(timeout=60)
    assert scene.clock.monotonic() - before == pytest.approx(2)


def test_who_is_behind_is_named(scene: Scene) -> None:
    scene.say("n1", 1, applied={"n1": 100, "n2": 100, "n3": 40})
    assert not scene.waits.converged(timeout=5)
    assert scene.ended.last_seen == "n3: main at 40 of 100"
    assert scene.waits.converged(["n1", "n2"], timeout=5)


def test_without_a_leader_nobody_has_converged(scene: Scene) -> None:
    scene.say(None, 1)
    assert not scene.waits.converged(timeout=5)
    assert "not every group has a leader" in scene.ended.last_seen


def test_a_node_that_is_down_need_not_converge(scene: Scene) -> None:
    scene.say("n1", 1, applied={"n1": 100, "n2": 100, "n3": 40})
    scene.recorder.record(NodeFound(node="n3", incarnation=None))
    assert scene.waits.converged(timeout=5)


def test_a_leader_is_waited_for_until_a_majority_names_it(scene: Scene) -> None:
    scene.say(None, 2)
    scene.after(4, lambda: scene.say("n3", 3, names=("n2", "n3")))
    before = scene.clock.monotonic()
    assert scene.waits.leaders(timeout=60)
    assert scene.clock.monotonic() - before == pytest.approx(4)


def test_without_a_leader_the_group_is_named(scene: Scene) -> None:
    scene.say(None, 2)
    assert not scene.waits.leaders(timeout=5)
    assert scene.ended.last_seen == "nobody leads main"


def test_an_answer_is_one_of_the_process_that_runs_now(scene: Scene) -> None:
    scene.recorder.record(NodeFound(node="n2", incarnation=None))
    assert not scene.waits.answers(["n1", "n2"], timeout=5)
    assert scene.ended.last_seen == "nothing from n2"
    scene.recorder.record(NodeFound(node="n2", incarnation=Incarnation(9, 9, 2)))
    scene.after(2, lambda: scene.say("n1", 1, names=("n2",)))
    assert scene.waits.answers(["n1", "n2"], timeout=60)
