"""A stamp taken on a host is placed on our clock, and the truth lies in the interval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock, SystemClock
from raftfleet.cluster.hostclock import WAYS, HostClocks
from raftfleet.cluster.identity import ExitRecord
from raftfleet.cluster.remote import Place
from raftfleet.journal import Recorder
from raftfleet.journal.events import HostClockRead
from raftfleet.journal.values import Interval
from raftfleet.testing.system import toy_node
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import Exited
from tests.cluster.bench import events_of

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.sandbox import Sandbox
    from raftfleet.transport import Command, Transport
    from tests.cluster.bench import Bench


class FakeHost:
    """A host whose clocks are ours plus something, and that needs time to be asked."""

    def __init__(self, folder: Path, *, there: float = 0.01, work: float = 0.0) -> None:
        self.clock = FakeClock()
        self.recorder = Recorder(None, self.clock)
        self.offset, self.wall_offset = 5_000_000.0, 1_700_000_000.0
        self.there, self.work, self.back = there, work, 0.002
        self.transport = FakeTransport("n1", clock=self.clock)
        self.transport.on("*", self._answer)
        self.place = Place(toy_node("n1", 1, folder, 1), "c", self.transport)
        self.clocks = HostClocks(self.recorder, self.clock)

    @property
    def boot(self) -> float:
        return self.clock.monotonic() + self.offset

    @property
    def wall(self) -> float:
        return self.clock.monotonic() + self.wall_offset

    def _answer(self, command: Command, stdin: bytes) -> Exited:
        del command, stdin
        self.clock.advance(self.there)
        began, wall = self.boot, self.wall
        self.clock.advance(self.work)
        said = f"began {began:.6f}\nwall {wall:.6f}\nended {self.boot:.6f}\nmethod python\n"
        self.clock.advance(self.back)
        return Exited(status=0, stdout=said.encode())


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_a_stamp_is_placed_within_the_request(host: FakeHost) -> None:
    host.clocks.read(host.place)
    now, theirs = host.clock.monotonic(), host.boot
    placed = host.clocks.ours(host.place, Interval(theirs, theirs))
    assert now in placed
    assert placed.width == pytest.approx(0.012, abs=1e-4)


def test_what_the_host_does_in_between_is_no_uncertainty(tmp_path: Path) -> None:
    slow = FakeHost(tmp_path, work=3.0)
    slow.clocks.read(slow.place)
    theirs = slow.boot
    placed = slow.clocks.ours(slow.place, Interval(theirs, theirs))
    assert slow.clock.monotonic() in placed
    assert placed.width < 0.02


def test_requests_bound_the_clock_better_than_the_best_of_them(tmp_path: Path) -> None:
    """One is quick to go, another quick to return."""
    host = FakeHost(tmp_path)
    for there, back in ((0.001, 0.3), (0.4, 0.001), (0.2, 0.2)):
        host.there, host.back = there, back
        host.clocks.learn(host.place, host.place.ask("clock.sh", timeout=9))
    host.there, host.back = 0.2, 0.2
    host.clocks.read(host.place)
    now, theirs = host.clock.monotonic(), host.boot
    placed = host.clocks.ours(host.place, Interval(theirs, theirs))
    assert now in placed
    assert placed.width < 0.01


def test_readings_end_when_they_are_narrow_enough(tmp_path: Path) -> None:
    slow, quick = FakeHost(tmp_path, there=0.5), FakeHost(tmp_path, there=0.001)
    slow.clocks.read(slow.place)
    quick.clocks.read(quick.place)
    assert len(slow.transport.lines()) == 3
    assert len(quick.transport.lines()) == 1


def test_samples_that_contradict_each_other_leave_the_nearest(host: FakeHost) -> None:
    """The host slept, or was restored from a copy: its boot clock is another now."""
    host.clocks.read(host.place)
    host.clock.advance(10)
    host.offset += 3600
    host.clocks.read(host.place)
    now, theirs = host.clock.monotonic(), host.boot
    assert now in host.clocks.ours(host.place, Interval(theirs, theirs))


def test_a_reading_is_journalled_with_both_clocks(host: FakeHost) -> None:
    host.clocks.read(host.place)
    event = host.recorder.journal().events[0]
    assert isinstance(event, HostClockRead)
    assert event.monotonic - event.sent == pytest.approx(host.offset + host.there, abs=1e-3)
    assert event.host_wall - event.monotonic == pytest.approx(
        host.wall_offset - host.offset, abs=1e-3
    )


def test_a_reading_serves_some_seconds_and_is_then_renewed(host: FakeHost) -> None:
    host.clocks.fresh(host.place)
    asked = len(host.transport.lines())
    host.clocks.fresh(host.place)
    assert len(host.transport.lines()) == asked
    host.clock.advance(6)
    host.clocks.fresh(host.place)
    assert len(host.transport.lines()) > asked


def test_an_old_stamp_is_placed_by_the_reading_of_its_time(host: FakeHost) -> None:
    host.clocks.read(host.place)
    now, theirs = host.clock.monotonic(), host.boot
    host.clock.advance(600)
    host.offset += 0.05  # the two clocks do not run alike: 83 ppm
    host.clocks.read(host.place)
    assert now in host.clocks.ours(host.place, Interval(theirs, theirs))


def test_a_log_stamp_is_placed_by_the_wall_clock(host: FakeHost) -> None:
    host.clocks.read(host.place)
    host.clock.advance(1.5)
    now, stamp = host.clock.monotonic(), host.wall
    placed = host.clocks.of_wall("n1", stamp)
    assert placed is not None
    assert now in placed
    assert placed.width < 0.02


@pytest.mark.parametrize("step", [3600.0, -3600.0, 0.5, -0.5])
def test_stamps_before_and_after_a_step_of_the_wall_clock_are_right(
    host: FakeHost, step: float
) -> None:
    truths = []
    host.clocks.read(host.place)
    host.clock.advance(10)
    truths.append((host.clock.monotonic(), host.wall))
    host.clock.advance(10)
    host.wall_offset += step
    host.clock.advance(10)
    truths.append((host.clock.monotonic(), host.wall))
    host.clock.advance(10)
    host.clocks.read(host.place)
    for now, stamp in truths:
        placed = host.clocks.of_wall("n1", stamp)
        assert placed is not None
        assert now in placed


def test_away_from_a_step_an_interval_stays_narrow(host: FakeHost) -> None:
    host.clocks.read(host.place)
    host.clock.advance(10)
    early = (host.clock.monotonic(), host.wall)
    host.clock.advance(10)
    host.clocks.read(host.place)
    host.wall_offset += 3600
    host.clock.advance(10)
    host.clocks.read(host.place)
    placed = host.clocks.of_wall("n1", early[1])
    assert placed is not None
    assert early[0] in placed
    assert placed.width < 0.05


def test_a_host_that_was_never_asked_says_nothing_of_its_wall_clock(host: FakeHost) -> None:
    assert host.clocks.of_wall("n1", 1.7e9) is None


def test_an_exit_is_as_exact_as_the_finer_of_its_two_stamps(host: FakeHost) -> None:
    host.clocks.read(host.place)
    host.clock.advance(1)
    truth, boot, wall = host.clock.monotonic(), host.boot, host.wall
    coarse = Interval(boot - 0.02, boot + 0.3)
    placed = host.clocks.of_exit(host.place, ExitRecord(0, coarse, wall + 0.001))
    assert truth in placed
    assert placed.width < 0.05
    stepped = host.clocks.of_exit(host.place, ExitRecord(0, coarse, wall - 86_400))
    assert truth in stepped


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_reading_contains_the_truth(bench: Bench, way: str) -> None:
    clocks = HostClocks(bench.recorder, bench.clock, (way,))
    mapping = clocks.read(bench.place())
    shift = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    lo, hi = mapping.ours(mapping.theirs)
    assert lo - 0.001 <= mapping.theirs - shift <= hi + 0.011
    assert bench.all(HostClockRead)[0].host_wall == pytest.approx(time.time(), abs=60)


@pytest.mark.hosts
@pytest.mark.parametrize("way", WAYS)
def test_hosts_with_clocks_months_away_are_placed_right(
    hosts: Sandbox, ssh: dict[str, Transport], tmp_path: Path, way: str
) -> None:
    """Their boot clocks are ours plus a known number of seconds, their monotonic clocks another."""
    recorder = Recorder(None, SystemClock())
    clocks = HostClocks(recorder, SystemClock(), (way,))
    for host in hosts.hosts:
        place = Place(toy_node(host.name, host.index, tmp_path, 1), "c", ssh[host.name])
        clocks.read(place)
        now = time.monotonic()
        theirs = time.clock_gettime(time.CLOCK_BOOTTIME) + host.boottime_offset
        placed = clocks.ours(place, Interval(theirs, theirs))
        assert placed.lo - 0.001 <= now <= placed.hi + 0.001
        assert placed.width < 1.0
    assert {event.host for event in events_of(recorder, HostClockRead)} == {"n1", "n2", "n3"}
