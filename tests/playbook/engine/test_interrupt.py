"""Interruption: nothing new starts, waits end at once, no always-section runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.clock import SystemClock
from raftfleet.errors import InterruptedRun
from raftfleet.playbook import Argument, Result
from raftfleet.playbook.engine.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raftfleet.playbook import ModuleContext, PlayInfo
    from tests.playbook.conftest import Stage


class Act:
    """A module that does something while it runs."""

    name = "act"
    free_form: str | None = None
    once = False
    local = True
    raw: frozenset[str] = frozenset()

    def __init__(self, action: Callable[[ModuleContext], object]) -> None:
        self.arguments: Mapping[str, Argument] = {}
        self._action = action

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        del arguments
        self._action(context)
        return Result()


def test_nothing_starts_after_it_and_always_does_not_run(stage: Stage) -> None:
    stage.add(Act(lambda _context: stage.stop.set()))
    with pytest.raises(InterruptedRun):
        stage.tasks("""
            - block: [{say: before}, {act: }, {say: never}]
              rescue: [{say: never}]
              always: [{say: never}]
        """)
    assert stage.trace == ["e1 before"]


def test_what_was_finished_is_recorded(stage: Stage) -> None:
    stage.add(Act(lambda _context: stage.stop.set()))
    engine = stage.engine("- {hosts: e1, tasks: [{act: }, {say: never}]}")
    with pytest.raises(InterruptedRun):
        engine.run()
    assert engine.recap.plain()["e1"]["ok"] == 1


def test_a_run_that_is_stopped_before_it_starts_does_nothing(stage: Stage) -> None:
    stage.stop.set()
    with pytest.raises(InterruptedRun):
        stage.tasks("- say: never")
    assert (stage.trace, stage.events) == ([], [])


def test_the_next_item_and_the_next_try_do_not_start(stage: Stage) -> None:
    stage.add(Act(lambda _context: stage.stop.set()))
    with pytest.raises(InterruptedRun):
        stage.tasks("- {act: , loop: [1, 2, 3]}")
    assert len([e for e in stage.events if getattr(e, "item", None)]) == 1


def test_a_wait_between_two_tries_ends_at_once(stage: Stage) -> None:
    stage.clock = SystemClock()  # type: ignore[assignment]
    waiting = threading.Event()

    def stop_soon() -> None:
        waiting.wait(20)
        stage.stop.set()

    threading.Thread(target=stop_soon, daemon=True).start()
    stage.add(Act(lambda _context: waiting.set()))
    clock = SystemClock()
    began = clock.monotonic()
    with pytest.raises(InterruptedRun, match="the run was interrupted"):
        stage.tasks("- {act: , register: r, until: r is changed, retries: 5, delay: 600}")
    assert clock.monotonic() - began < 60


def test_a_module_is_told_that_it_should_stop(stage: Stage) -> None:
    told: list[bool] = []

    def act(context: ModuleContext) -> None:
        told.append(context.stopping())
        stage.stop.set()
        told.append(context.stopping())

    stage.add(Act(act))
    with pytest.raises(InterruptedRun):
        stage.tasks("[{act: }, {say: never}]")
    assert told == [False, True]


def test_busy_hosts_are_left_behind_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftfleet.playbook.engine.pool._PATIENCE", 2)
    stop, release, begun = threading.Event(), threading.Event(), threading.Event()

    def work(name: str) -> str:
        if name == "stuck":
            begun.set()
            release.wait(60)
        return name

    pool = Pool(2, stop)
    done = pool.each(work, ["quick", "stuck"])
    assert next(done) == "quick"
    assert begun.wait(20)
    stop.set()
    with pytest.raises(InterruptedRun, match="still busy"):
        next(done)
    release.set()
    pool.close()


def test_an_extension_sees_the_interruption_and_may_heal(stage: Stage) -> None:
    seen: list[str] = []

    class Heal:
        forbids: tuple[str, ...] = ()

        def parse(self, value: Any, mark: object) -> object:
            del mark
            return value

        def wrap(self, parsed: Any, play: PlayInfo, proceed: Callable[[], None]) -> None:
            del parsed, play
            try:
                proceed()
            except InterruptedRun:
                seen.append("healed")
                raise

    stage.add(Act(lambda _context: stage.stop.set()))
    with pytest.raises(InterruptedRun):
        stage.run(
            "- {hosts: e1, drill: {}, tasks: [{act: }, {say: never}]}", extensions={"drill": Heal()}
        )
    assert seen == ["healed"]
