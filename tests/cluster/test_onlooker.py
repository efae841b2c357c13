"""What an onlooker waits for is either met, or it says what was lacking."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.onlooker import Onlooker
from raftfleet.errors import InterruptedRun
from tests.cluster.test_waits import NAMES, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    Wait = Callable[[Onlooker], str | None]


class Looking:
    """An onlooker on a scene of three nodes."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.stop = threading.Event()
        cluster = SimpleNamespace(
            names=NAMES,
            recorder=self.scene.recorder,
            system=SimpleNamespace(groups=("main",)),
            waits=self.scene.waits,
            observing=nullcontext,
        )
        self.onlooker = Onlooker(cluster, self.scene.clock, self.stop)  # type: ignore[arg-type]


@pytest.fixture
def looking() -> Looking:
    return Looking()


WAITS: dict[str, tuple[Wait, Callable[[Scene], None], str]] = {
    "agreement": (
        lambda one: one.await_agreement(5),
        lambda scene: scene.say("n2", 2, names=("n2", "n3")),
        "not all follow n2 in term 2",
    ),
    "convergence": (
        lambda one: one.await_converged(5),
        lambda scene: scene.say("n1", 1, applied={"n1": 100, "n2": 100, "n3": 40}),
        "a node is still behind its leader",
    ),
    "leaders": (
        lambda one: one.await_leaders(5),
        lambda scene: scene.say(None, 2),
        "nobody leads main",
    ),
}


@pytest.mark.parametrize("what", WAITS)
def test_what_was_not_met_says_what_was_lacking(looking: Looking, what: str) -> None:
    wait, spoil, lacking = WAITS[what]
    assert wait(looking.onlooker) is None
    spoil(looking.scene)
    assert lacking in (wait(looking.onlooker) or "")


def test_nodes_that_do_not_answer_are_named(looking: Looking) -> None:
    assert looking.onlooker.await_answers(["n1", "n2"], 5) is None
    assert looking.onlooker.await_answers(["n1", "n9"], 5) == "n1, n9 did not answer in time"


def test_a_wait_that_was_stopped_is_an_interruption_and_no_verdict(looking: Looking) -> None:
    looking.scene.say(None, 2)
    looking.scene.after(2, looking.stop.set)
    with pytest.raises(InterruptedRun):
        looking.onlooker.await_leaders(600)
