"""Slots are run one at a time, skipped with a reason when they cannot be, and a signal ends it all."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import ExitCode, TaskError, UnreachableError
from raftfleet.journal import Recorder
from raftfleet.journal.events import ClusterDescribed, DrillEnded, DrillStarted, StatusSeen
from raftfleet.journal.values import GroupStatus, NodeIdentity, Role
from raftfleet.metrics import Figures, Sample
from raftfleet.serve.config import Scheduled
from raftfleet.serve.daemon import Daemon, Ran
from raftfleet.serve.own import Own
from raftfleet.serve.timetable import Every

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

    from raftfleet.serve.log import Log
    from raftfleet.serve.watch import Watch

HOUR = 3600.0


class Watched:
    """What the watch shows: that n1 leads."""

    def figures(self) -> Figures:
        return Figures.of(
            [
                Sample("raftfleet_raft_role", ("raft", "g", "n1", "leader"), 1),
                Sample("raftfleet_raft_leader_info", ("raft", "g", "n1"), 1),
            ]
        )


@dataclass
class Scene:
    """A daemon whose cluster and drills are made of words; its clock stands until it waits."""

    log: Log
    every: dict[str, float] = field(default_factory=lambda: {"a": HOUR})
    clock: FakeClock = field(default_factory=FakeClock)
    unsteady_: str | None = None
    locked_: str | Exception | None = None
    busy: threading.Event = field(default_factory=threading.Event)
    ran: list[tuple[str, float]] = field(default_factory=list)
    codes: dict[str, ExitCode | Exception] = field(default_factory=dict)
    lasting: float = 60.0
    runs: int = 3
    during: Callable[[Recorder], None] = lambda _: None
    wrong: Exception | None = None
    live: Watched = field(default_factory=Watched)
    files: dict[str, float] | Exception = field(default_factory=dict)
    read: int = 0

    def __post_init__(self) -> None:
        self.own = Own(self.clock, lambda: self.daemon.timetable.due)
        scheduled = [Scheduled(name, (name,), Every(s)) for name, s in self.every.items()]
        self.daemon = Daemon(
            *(scheduled, cast("Watch", self), self.run, self.own, self.clock, self.log),
            anew=self.anew,
        )

    def anew(self) -> tuple[list[Scheduled], Watch]:
        assert not self.busy.is_set(), "in the middle of a drill"
        self.read += 1
        if isinstance(self.files, Exception):
            raise self.files
        return [Scheduled(one, (one,), Every(s)) for one, s in self.files.items()], cast(
            "Watch", self
        )

    def unsteady(self) -> str | None:
        return self.unsteady_

    def locked(self) -> str | None:
        if isinstance(self.locked_, Exception):
            raise self.locked_
        return self.locked_

    def run(self, one: Scheduled, daemon: Daemon) -> Ran:
        self.ran.append((one.name, self.clock.wall()))
        if len(self.ran) >= self.runs:
            daemon.stop()
        try:
            return self._ran(one, daemon)
        except (AssertionError, LookupError, TypeError) as error:
            self.wrong = error  # the daemon takes it for a defect and goes on
            raise

    def _ran(self, one: Scheduled, daemon: Daemon) -> Ran:
        assert self.busy.is_set()
        assert self.own.active == one.name
        recorder = Recorder(None, self.clock)
        daemon.show(recorder)
        self.during(recorder)
        self.clock.advance(self.lasting)
        code = self.codes.get(one.name, ExitCode.PASSED)
        if isinstance(code, Exception):
            raise code
        return Ran(code, f"run-{len(self.ran)}")

    def count(self, what: str, *labels: str) -> float | None:
        return self.own.figures().value(f"raftfleet_schedule_{what}", *labels)


def watched(scene: Scene, hours: int) -> None:
    """Have the daemon wait so many hours, and then end it."""
    until = scene.clock.wall() + hours * HOUR
    real = scene.clock.wait

    def wait(condition: threading.Condition, timeout: float) -> bool:
        if scene.clock.wall() >= until:
            scene.daemon.stop()
        return real(condition, timeout)

    scene.clock.wait = wait  # type: ignore[method-assign]
    assert scene.daemon.run() is ExitCode.PASSED


def test_a_schedule_runs_at_its_slots(log: Log, lines: io.StringIO) -> None:
    scene = Scene(log)
    assert scene.daemon.run() is ExitCode.PASSED
    times = [at for _, at in scene.ran]
    assert len(times) == 3
    assert all(at % HOUR < 1 for at in times)
    assert scene.count("runs", "a", "pass") == 3
    assert not scene.busy.is_set()
    assert scene.own.active is None
    assert "schedule=a result=pass seconds=60.0 run=run-1" in lines.getvalue()


@pytest.mark.parametrize(
    ("field_", "value", "reason"),
    [
        ("unsteady_", "n2 is down", "unsteady"),
        ("locked_", "ann@desk (pid 7), run x", "locked"),
        ("locked_", UnreachableError("n1: no route"), "unreachable"),
    ],
)
def test_a_cluster_that_is_not_fit_is_left_alone(
    log: Log, lines: io.StringIO, field_: str, value: object, reason: str
) -> None:
    scene = Scene(log)
    setattr(scene, field_, value)
    watched(scene, 4)
    assert scene.ran == []
    assert (scene.count("skips", "a", reason) or 0) >= 3
    assert f"schedule=a reason={reason}" in lines.getvalue()


def test_it_runs_again_once_the_cluster_is_steady(log: Log) -> None:
    scene = Scene(log, runs=1, unsteady_="n2 is down")
    real = scene.own.skipped

    def skipped(schedule: str, reason: str) -> None:
        real(schedule, reason)
        scene.unsteady_ = None

    scene.own.skipped = skipped  # type: ignore[method-assign]
    scene.daemon.run()
    assert len(scene.ran) == 1
    assert scene.count("skips", "a", "unsteady") == 1


def test_two_that_are_due_at_once_run_one_after_the_other(log: Log) -> None:
    scene = Scene(log, {"a": HOUR, "b": 2 * HOUR}, runs=3)
    scene.daemon.run()
    names = [name for name, _ in scene.ran]
    assert sorted(names) in (["a", "a", "b"], ["a", "b", "b"])
    assert scene.count("skips", "b", "late") == 0


def test_one_that_comes_due_while_another_runs_waits_its_turn(log: Log) -> None:
    scene = Scene(log, {"long": HOUR, "short": 600}, lasting=1500, runs=4)
    scene.daemon.run()
    names = [name for name, _ in scene.ran]
    assert "long" in names
    assert (scene.count("skips", "short", "overlap") or 0) >= 1
    gaps = [b - a for (_, a), (_, b) in zip(scene.ran, scene.ran[1:], strict=False)]
    assert min(gaps) >= 1500  # never two at once


def test_its_own_next_slot_is_skipped_while_it_runs(log: Log) -> None:
    scene = Scene(log, lasting=1.5 * HOUR, runs=2)
    scene.daemon.run()
    (_, first), (_, second) = scene.ran
    assert second - first == pytest.approx(2 * HOUR, abs=1)
    assert scene.count("skips", "a", "overlap") == 2  # one for each run


def test_what_passed_while_this_machine_slept_is_not_made_up_for(log: Log) -> None:
    scene = Scene(log, runs=1)
    scene.clock.suspend(5 * HOUR + 600)
    scene.daemon.run()
    assert scene.count("skips", "a", "late") == 1
    assert scene.ran[0][1] % HOUR < 1


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (ExitCode.DRILL_FAILED, "fail"),
        (ExitCode.INCONCLUSIVE, "inconclusive"),
        (ExitCode.UNREACHABLE, "error"),
        (TaskError("no room"), "error"),
        (ZeroDivisionError(), "error"),
    ],
)
def test_a_run_that_goes_wrong_does_not_end_the_daemon(
    log: Log, code: ExitCode | Exception, result: str
) -> None:
    scene = Scene(log, runs=2, codes={"a": code})
    assert scene.daemon.run() is ExitCode.PASSED
    assert scene.count("runs", "a", result) == 2


def test_an_interrupted_run_ends_the_daemon_with_its_code(log: Log) -> None:
    scene = Scene(log, runs=9, codes={"a": ExitCode.INTERRUPTED})
    assert scene.daemon.run() is ExitCode.INTERRUPTED
    assert len(scene.ran) == 1


def hang_up(recorder: Recorder) -> None:
    del recorder
    os.kill(os.getpid(), signal.SIGHUP)


def reloads(scene: Scene) -> tuple[float | None, float | None]:
    """Return whether the last reload worked, and when one last did."""
    figures = scene.own.figures()
    name = "raftfleet_config_last_reload_success"
    return figures.value(f"{name}ful"), figures.value(f"{name}_timestamp_seconds")


def test_what_is_scheduled_is_read_anew_on_sighup_when_the_drill_is_over(
    log: Log, lines: io.StringIO
) -> None:
    scene = Scene(log, runs=2, during=hang_up, files={"b": HOUR / 2})
    began = scene.clock.wall()
    assert reloads(scene) == (1, began)
    assert scene.daemon.run() is ExitCode.PASSED
    assert scene.wrong is None
    assert [name for name, _ in scene.ran] == ["a", "b"]
    assert scene.daemon.timetable.due.keys() == {"b"}
    assert scene.count("runs", "b", "pass") == 1
    worked, at = reloads(scene)
    assert worked == 1
    assert at is not None
    assert began < at <= scene.ran[1][1]
    assert "msg=reloaded schedules=1" in lines.getvalue()


@pytest.mark.parametrize("error", [UnreachableError("no such drill"), ZeroDivisionError()])
def test_where_files_are_wrong_everything_stays_as_it_was(
    log: Log, lines: io.StringIO, error: Exception
) -> None:
    scene = Scene(log, runs=2, during=hang_up, files=error)
    began = scene.clock.wall()
    assert scene.daemon.run() is ExitCode.PASSED
    assert [name for name, _ in scene.ran] == ["a", "a"]
    assert scene.read == 1
    assert reloads(scene) == (0, began)
    assert "everything stays as it was" in lines.getvalue()


def test_what_waited_its_turn_and_is_scheduled_no_more_does_not_run(log: Log) -> None:
    scene = Scene(log, {"a": HOUR, "b": HOUR}, runs=2, during=hang_up, files={"b": HOUR})
    scene.daemon.run()
    assert [name for name, _ in scene.ran] == ["a", "b"]
    gone = Scene(log, {"a": HOUR, "b": HOUR}, runs=2, during=hang_up, files={"c": HOUR})
    gone.daemon.run()
    assert [name for name, _ in gone.ran] == ["a", "c"]


def test_sighup_while_nothing_is_drilled_is_heeded(log: Log) -> None:
    scene = Scene(log, {})
    before = signal.getsignal(signal.SIGHUP)
    waits = 0
    waiting = threading.Event()

    def wait(condition: threading.Condition, timeout: float) -> bool:
        nonlocal waits
        waits += 1
        if scene.read or waits > 60:
            scene.daemon.stop()
            return True
        waiting.set()
        return condition.wait(timeout)

    scene.clock.wait = wait  # type: ignore[method-assign]

    def send() -> None:
        waiting.wait(30)
        os.kill(os.getpid(), signal.SIGHUP)

    threading.Thread(target=send).start()
    assert scene.daemon.run() is ExitCode.PASSED
    assert scene.read == 1
    assert signal.getsignal(signal.SIGHUP) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_nothing_is_drilled_ends_it_well(log: Log, number: int) -> None:
    scene = Scene(log, {})
    before = signal.getsignal(number)
    ready = threading.Event()

    def wait(condition: threading.Condition, timeout: float) -> bool:
        ready.set()
        return condition.wait(timeout)

    scene.clock.wait = wait  # type: ignore[method-assign]

    def send() -> None:
        ready.wait(30)
        os.kill(os.getpid(), number)

    threading.Thread(target=send).start()
    assert scene.daemon.run() is ExitCode.PASSED
    assert signal.getsignal(number) is before


def described() -> ClusterDescribed:
    return ClusterDescribed(
        system="toy", nodes=(NodeIdentity("n1", "1", "-", "-"), NodeIdentity("n2", "2", "-", "-")),
        groups=("g",), timing=None, ports={}, markers={}, exit_bound=1, watchdog=None,
        poll_period=1, cluster="raft",
    )  # fmt: skip


def leaders(figures: Figures) -> list[str]:
    return [labels[2] for labels in figures.values.get("raftfleet_raft_leader_info", {})]


def test_the_drill_under_way_is_shown_and_then_that_it_is_over(log: Log) -> None:
    shown: list[object] = []

    def during(recorder: Recorder) -> None:
        recorder.record(described())
        recorder.record(DrillStarted(drill="d", expects=("starts",)))
        shown.append(scene.daemon.figures().value("raftfleet_drill_active", "raft", "d"))
        recorder.record(DrillEnded(drill="d"))

    scene = Scene(log, runs=1, during=during)
    scene.daemon.run()
    assert scene.wrong is None
    assert shown == [1.0]
    assert scene.daemon.figures().value("raftfleet_drill_active", "raft", "d") == 0.0


def test_a_drill_that_has_seen_the_nodes_itself_speaks_alone(log: Log) -> None:
    shown: list[list[str]] = []

    def during(recorder: Recorder) -> None:
        recorder.record(described())
        shown.append(leaders(scene.daemon.figures()))
        now = scene.clock.monotonic()
        for name, role in (("n1", Role.FOLLOWER), ("n2", Role.LEADER)):
            view = GroupStatus(term=2, role=role, leader="n2")
            recorder.record(StatusSeen(node=name, since=now, t=now, groups={"g": view}))
        shown.append(leaders(scene.daemon.figures()))

    scene = Scene(log, runs=1, during=during)
    scene.daemon.run()
    assert scene.wrong is None
    assert shown == [["n1"], ["n2"]]
    assert leaders(scene.daemon.figures()) == ["n1"]


def test_a_signal_that_the_run_took_ends_the_daemon_though_the_run_passed(log: Log) -> None:
    scene = Scene(log, runs=99, during=lambda _: scene.daemon.stop())
    assert scene.daemon.run() is ExitCode.PASSED
    assert len(scene.ran) == 1
