"""Around the tasks of a drill: steady state before, healing and evidence after, whatever happens."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from raftfleet.clock import FakeClock
from raftfleet.drill.conduct import conduct
from raftfleet.drill.declaration import Declaration
from raftfleet.errors import InterruptedRun, NodeError
from raftfleet.journal import Recorder
from raftfleet.journal.events import DrillEnded, DrillStarted, NodeStopIntent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.cluster import Control, Rates

DRILL = Declaration(id="d", expects=("starts",), watch=3.0)


class Scene:
    """Stands in for the controls of a cluster and writes down what it is asked to do."""

    names = ("n1", "n2", "n3")
    nodes = ()
    reaction = 7.0

    def __init__(
        self,
        *,
        unsteady: str | None = None,
        healing: Exception | None = None,
        refused: str | None = None,
    ) -> None:
        self.recorder = Recorder(None, FakeClock())
        self.did: list[str] = []
        self.guarded = self.passing = False
        self.guarded_while_running = False
        self.given_up = ""
        self._unsteady = unsteady
        self._healing = healing
        self._refused = refused
        self.traffic: object = None
        self.system = SimpleNamespace(
            check=lambda _: self.did.append("check"), writes=("register",)
        )
        self.cluster = SimpleNamespace(
            names=self.names,
            describe=lambda: self.did.append("describe"),
            observing=self.observing,
            sampling=self.sampling,
            sample=lambda: self.did.append("sample"),
            remember_logs=lambda: self.did.append("remember"),
            collect_logs=lambda: self.did.append("collect"),
        )

    @contextmanager
    def observing(self) -> Iterator[None]:
        self.did.append("observe")
        yield
        self.did.append("look away")

    @contextmanager
    def sampling(self) -> Iterator[None]:
        yield

    def begin_traffic(self, rates: Rates) -> str | None:
        self.did.append(f"write {rates.total:g}")
        self.traffic = object()
        return self._refused

    def end_traffic(self) -> None:
        self.did.append("write no more")

    def read_back(self, timeout: float | None) -> None:
        assert timeout is None
        self.did.append("read back")

    def forget_traffic(self, *, keep_data: bool) -> int:
        self.did.append("keep data" if keep_data else "remove data")
        return 0

    def claim(self) -> None:
        self.did.append("claim")

    def await_steady(self) -> str | None:
        return self._unsteady

    def restart(self, names: list[str]) -> None:
        self.did.append(f"restart {' '.join(names)}".strip())
        if self._healing:
            raise self._healing

    def watch(self, seconds: float) -> None:
        self.did.append(f"watch {seconds:g}")

    def stops(self, *names: str, then: BaseException | None = None) -> Any:
        def tasks() -> None:
            self.guarded_while_running = self.guarded
            self.did.append("tasks")
            for name in names:
                self.recorder.record(NodeStopIntent(node=name, signal="INT", grace=1))
            if then:
                raise then

        return tasks

    def conduct(self, drill: Declaration, tasks: Any) -> DrillEnded:
        try:
            conduct(drill, cast("Control", self), tasks)
        finally:
            (self.ended,) = self.recorder.journal().of(DrillEnded)
        return self.ended


def test_a_drill_runs_heals_watches_and_collects_in_this_order() -> None:
    scene = Scene()
    ended = scene.conduct(DRILL, scene.stops("n2"))
    assert scene.did == [
        "check", "claim", "describe", "observe", "sample", "remember", "tasks", "restart n2",
        "watch 3", "write no more", "collect", "sample", "remove data", "look away",
    ]  # fmt: skip
    assert ended.aborted == ""
    assert scene.guarded_while_running
    assert not scene.guarded


def test_a_drill_that_a_task_gave_up_says_why_and_is_healed() -> None:
    scene = Scene()

    def tasks() -> None:
        scene.given_up = "nobody leads all"

    ended = scene.conduct(DRILL, tasks)
    assert ended.aborted == "nobody leads all"
    assert "watch 3" not in scene.did
    assert "restart" in scene.did


WRITING = Declaration(id="d", expects=("writes-survive",), watch=3.0)


def test_a_drill_that_expects_something_of_writes_writes_and_reads_back() -> None:
    scene = Scene()
    ended = scene.conduct(WRITING, scene.stops("n2"))
    assert scene.did == [
        "check", "claim", "describe", "observe", "sample", "remember", "write 10", "tasks",
        "restart n2", "watch 3", "write no more", "read back", "collect", "sample", "remove data",
        "look away",
    ]  # fmt: skip
    assert ended.aborted == ""


def test_without_a_single_acknowledged_write_nothing_is_touched() -> None:
    scene = Scene(refused="n2: fewer than 3 writes acknowledged")
    ended = scene.conduct(WRITING, scene.stops("n2"))
    assert "tasks" not in scene.did
    assert "no writes to begin with: n2" in ended.aborted
    assert scene.did[-4:] == ["collect", "sample", "remove data", "look away"]


def test_writers_end_and_data_go_though_the_tasks_were_interrupted() -> None:
    scene = Scene()
    with pytest.raises(InterruptedRun):
        scene.conduct(WRITING, scene.stops("n1", then=InterruptedRun("interrupted")))
    assert "write no more" in scene.did
    assert "read back" not in scene.did
    assert "remove data" in scene.did


@pytest.mark.parametrize("keep", [True, False])
def test_data_are_kept_when_asked_and_the_journal_says_so_beforehand(keep: bool) -> None:
    scene = Scene()
    scene.conduct(replace(WRITING, keep_data=keep), scene.stops())
    assert ("keep data" in scene.did) is keep
    (started,) = scene.recorder.journal().of(DrillStarted)
    assert started.keep_data is keep


def test_without_a_steady_state_nothing_is_touched() -> None:
    scene = Scene(unsteady="n3 not running")
    ended = scene.conduct(DRILL, scene.stops("n1"))
    assert "tasks" not in scene.did
    assert "n3 not running" in ended.aborted


def test_the_watch_defaults_to_how_long_the_system_may_take_to_react() -> None:
    scene = Scene()
    scene.conduct(Declaration(id="d", expects=("starts",)), scene.stops())
    assert "watch 7" in scene.did
    (started,) = scene.recorder.journal().of(DrillStarted)
    assert started.watch == 7.0


def test_an_interruption_heals_and_collects_but_does_not_watch() -> None:
    scene = Scene()
    with pytest.raises(InterruptedRun):
        scene.conduct(DRILL, scene.stops("n1", then=InterruptedRun("interrupted by SIGINT")))
    assert "restart n1" in scene.did
    assert "collect" in scene.did
    assert not any(word.startswith("watch") for word in scene.did)
    assert scene.ended.aborted == "interrupted by SIGINT"


def test_a_defect_in_a_task_still_heals() -> None:
    scene = Scene()
    with pytest.raises(ZeroDivisionError):
        scene.conduct(DRILL, scene.stops("n1", then=ZeroDivisionError()))
    assert "restart n1" in scene.did
    assert scene.ended.aborted


def test_what_was_stopped_before_the_drill_stays_stopped() -> None:
    scene = Scene()
    scene.recorder.record(NodeStopIntent(node="n3", signal="INT", grace=1))
    scene.conduct(DRILL, scene.stops("n1"))
    assert "restart n1" in scene.did


def test_a_drill_that_leaves_the_cluster_down_heals_nothing() -> None:
    scene = Scene()
    drill = Declaration(id="c", expects=("starts",), leaves="down", allow_quorum_loss=True)
    scene.conduct(drill, scene.stops("n1"))
    assert not any(word.startswith("restart") for word in scene.did)
    assert not scene.guarded_while_running


def test_healing_that_fails_is_written_down() -> None:
    scene = Scene(healing=NodeError("n1 exited at once"))
    ended = scene.conduct(DRILL, scene.stops("n1"))
    assert "healing failed: n1 exited at once" in ended.aborted
