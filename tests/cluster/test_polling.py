"""What a poll saw lies in the interval it is given, and polls keep to their schedule."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock
from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.polling import Poller, Tally, named
from raftfleet.errors import AuthenticationError
from raftfleet.journal import Recorder, Standing
from raftfleet.journal.events import (
    Event,
    NodeExited,
    NodeFound,
    NodeStarted,
    StatusMissed,
    StatusSeen,
)
from raftfleet.journal.values import GroupStatus, Incarnation, Interval
from raftfleet.systems.protocol import AccessError
from raftfleet.testing.system import FakeSystem, toy_node, toy_status
from tests.cluster.bench import E, events_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"1": "n1", "2": "n2", "3": "n3"}
PERIOD = 0.02


class Watched:
    """A node that leads as of certain moments, asked by a poller on a fake clock.

    ``lasting`` is how long an answer takes; the node looks at its own state half-way.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.recorder = Recorder(None, self.clock)
        self.lasting = 0.004
        self.error: Exception | None = None
        self.terms: list[tuple[float, int]] = [(0.0, 1)]
        system = FakeSystem()
        system.answers["n1"] = self._answer
        node = toy_node("n1", 1, PurePosixPath("/opt/toy"), 1)
        self.asked: list[float] = []
        self.poller = Poller(
            system,
            NodeAccess(node, {}),
            NAMES,
            self.recorder,
            self.recorder.thinner(),
            self.clock,
            period=PERIOD,
            timeout=1.0,
        )

    def _answer(self) -> Mapping[str, GroupStatus]:
        self.asked.append(self.clock.monotonic())
        self.clock.advance(self.lasting / 2)
        if self.error is not None:
            raise self.error
        now = self.clock.monotonic()
        term = max(term for since, term in self.terms if since <= now)
        self.clock.advance(self.lasting / 2)
        return {"main": toy_status(1, term, (1, 2, 3), 1)}

    def polls(self, count: int) -> None:
        """Poll on schedule."""
        for _ in range(count):
            due = self.poller.poll()
            self.clock.advance(max(0.0, due - self.clock.monotonic()))

    def all(self, kind: type[E]) -> list[E]:
        return events_of(self.recorder, kind)

    def record(self, event: Event) -> None:
        self.recorder.record(event)


@pytest.fixture
def watched() -> Watched:
    return Watched()


# --- names -------------------------------------------------------------------------------------


def test_ids_become_names_and_an_unknown_one_shows() -> None:
    shown = named(GroupStatus(leader="9", voters=(("3", "1"), ("1", "10")), learners=("2",)), NAMES)
    assert shown.leader == "#9"
    assert shown.voters == (("n1", "n3"), ("#10", "n1"))
    assert shown.learners == ("n2",)


def test_what_is_unknown_stays_unknown() -> None:
    assert named(GroupStatus(term=3), NAMES) == GroupStatus(term=3)
    assert named(GroupStatus(voters=(), learners=()), NAMES) == GroupStatus(voters=(), learners=())


# --- intervals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.001, 0.003, 0.0055, 0.011, 0.019])
@pytest.mark.parametrize("lasting", [0.001, 0.004, 0.018])
def test_a_change_lies_in_its_interval(watched: Watched, offset: float, lasting: float) -> None:
    watched.lasting = lasting
    watched.polls(10)
    change = watched.clock.monotonic() + offset
    watched.terms.append((change, 2))
    watched.polls(10)
    first, second = watched.all(StatusSeen)
    assert second.groups["main"].term == 2
    assert second.since < change <= second.t
    assert second.t - second.since <= PERIOD + lasting + 0.001
    assert first.since == 0.0, "of the time before the first answer nothing is known"


def test_a_change_during_missed_polls_lies_in_the_whole_silence(watched: Watched) -> None:
    watched.polls(5)
    last = watched.asked[-1]
    watched.error = AccessError("no answer within 1 s")
    watched.polls(3)
    change = watched.clock.monotonic()
    watched.terms.append((change, 2))
    watched.polls(3)
    watched.error = None
    watched.polls(1)
    seen = watched.all(StatusSeen)[-1]
    assert seen.since == last
    assert seen.since < change <= seen.t


def test_a_new_process_has_no_past_before_the_end_of_the_old_one(watched: Watched) -> None:
    """Else its first answer would count as one that was on its way when the old process ended."""
    old, new = Incarnation(1, 1, 1), Incarnation(2, 2, 2)
    watched.record(NodeFound(node="n1", incarnation=old))
    watched.polls(5)
    gone = watched.clock.monotonic()
    watched.record(NodeExited(node="n1", incarnation=old, at=Interval(gone, gone), status=0))
    watched.error = AccessError("connection refused")
    watched.polls(5)
    started = watched.clock.monotonic()
    watched.error = None
    watched.terms.append((started, 2))
    watched.polls(1)
    seen = watched.all(StatusSeen)[-1]
    assert gone <= seen.since <= started <= seen.t
    watched.record(NodeStarted(node="n1", incarnation=new, at=Interval(started, started + 0.001)))
    status = watched.recorder.picture.status("n1", "main")
    assert status is not None
    assert status.term == 2


def test_an_answer_to_an_old_question_is_not_the_new_processes(watched: Watched) -> None:
    """The process ends while its answer is on its way."""
    old = Incarnation(1, 1, 1)
    watched.record(NodeFound(node="n1", incarnation=old))
    watched.polls(2)
    began = watched.clock.monotonic()
    watched.terms.append((began, 2))

    def answer() -> Mapping[str, GroupStatus]:
        answered = Watched._answer(watched)
        gone = watched.clock.monotonic()
        watched.record(NodeExited(node="n1", incarnation=old, at=Interval(gone, gone), status=0))
        return answered

    system = watched.poller._system
    assert isinstance(system, FakeSystem)
    system.answers["n1"] = answer
    watched.polls(1)
    assert watched.recorder.picture.standing("n1") is Standing.DOWN


def test_silence_is_written_once_from_the_last_answer(watched: Watched) -> None:
    watched.polls(5)
    heard = watched.asked[-1] + watched.lasting
    watched.error = AccessError("connection refused")
    watched.polls(5)
    (missed,) = watched.all(StatusMissed)
    assert missed.since == pytest.approx(heard)
    assert missed.reason == "connection refused"
    watched.error = None
    watched.polls(1)
    watched.error = AccessError("no answer within 1 s")
    watched.polls(1)
    assert [event.reason for event in watched.all(StatusMissed)][1:] == ["no answer within 1 s"]


def test_a_defect_of_the_adapter_is_a_miss_and_is_kept(watched: Watched) -> None:
    watched.polls(1)
    watched.error = KeyError("no such field")
    watched.polls(2)
    (missed,) = watched.all(StatusMissed)
    assert "defect in the adapter: KeyError" in missed.reason
    assert isinstance(watched.poller.defect, KeyError)
    watched.error = None
    watched.polls(1)
    assert not watched.poller.missing


# --- schedule ----------------------------------------------------------------------------------


def test_a_node_that_refused_our_password_is_not_asked_at_once_again(watched: Watched) -> None:
    watched.error = AuthenticationError("n1: wrong password")
    watched.polls(4)
    gaps = [b - a for a, b in zip(watched.asked, watched.asked[1:], strict=False)]
    assert min(gaps) >= 30
    watched.error = None
    watched.polls(3)
    assert watched.asked[-1] - watched.asked[-2] == pytest.approx(PERIOD)


def test_polls_do_not_drift(watched: Watched) -> None:
    watched.lasting = 0.007
    watched.polls(1000)
    first = watched.asked[0]
    for place, asked in enumerate(watched.asked):
        assert asked == pytest.approx(first + place * PERIOD, abs=1e-6)


def test_slots_that_have_passed_are_left_out(watched: Watched) -> None:
    watched.polls(3)
    first = watched.asked[0]
    watched.lasting = 0.05
    watched.polls(1)
    watched.lasting = 0.001
    watched.polls(3)
    late = watched.asked[-3] - first
    assert late == pytest.approx(round(late / PERIOD) * PERIOD, abs=1e-6)
    assert watched.asked[-1] - watched.asked[-2] == pytest.approx(PERIOD, abs=1e-6)


def test_a_slow_node_is_asked_less_often(watched: Watched) -> None:
    watched.lasting = 0.08
    watched.polls(40)
    gaps = [b - a for a, b in zip(watched.asked[-10:], watched.asked[-9:], strict=False)]
    assert all(0.1 <= gap <= 0.26 for gap in gaps)
    watched.lasting = 0.002
    watched.polls(60)
    assert watched.asked[-1] - watched.asked[-2] == pytest.approx(PERIOD, abs=1e-6)


def test_a_node_that_refuses_is_asked_less_often_and_at_once_again_when_back(
    watched: Watched,
) -> None:
    watched.lasting = 0.001
    watched.polls(3)
    watched.error = AccessError("connection refused")
    watched.polls(20)
    assert watched.asked[-1] - watched.asked[-2] == pytest.approx(0.05, abs=1e-3)
    watched.polls(40)
    assert watched.asked[-1] - watched.asked[-2] == pytest.approx(0.1, abs=1e-3)
    watched.error = None
    watched.polls(3)
    assert watched.asked[-1] - watched.asked[-2] == pytest.approx(PERIOD, abs=1e-6)


# --- what fits together ------------------------------------------------------------------------


def test_silence_of_a_process_that_should_run_is_suspicious(watched: Watched) -> None:
    running = Incarnation(1, 1, 1)
    watched.record(NodeFound(node="n1", incarnation=running))
    watched.polls(1)
    assert not watched.poller.suspicious
    watched.error = AccessError("connection refused")
    watched.polls(1)
    assert watched.poller.suspicious
    now = watched.clock.monotonic()
    watched.record(NodeExited(node="n1", incarnation=running, at=Interval(now, now), status=0))
    assert not watched.poller.suspicious


def test_an_answer_of_a_process_that_should_not_run_is_suspicious(watched: Watched) -> None:
    watched.record(NodeFound(node="n1", incarnation=None))
    watched.clock.advance(1)
    watched.polls(1)
    assert watched.poller.suspicious


# --- coverage ----------------------------------------------------------------------------------


def rounded(tally: Tally, now: float) -> tuple[int, int, float]:
    polls, misses, gap = tally.sample(now)
    return polls, misses, round(gap, 6)


def test_a_sample_counts_polls_misses_and_the_longest_silence() -> None:
    tally = Tally(100.0)
    for at in (100.1, 100.2):
        tally.count(at, answered=True)
    tally.count(100.3, answered=False)
    tally.count(100.9, answered=True)
    assert rounded(tally, 101.0) == (4, 1, 0.7)
    assert rounded(tally, 101.5) == (0, 0, 0.6), "a silence may span several samples"
    tally.count(102.0, answered=True)
    assert rounded(tally, 102.1) == (1, 0, 1.1)


def test_silence_at_the_end_of_a_sample_counts() -> None:
    tally = Tally(100.0)
    tally.count(100.1, answered=True)
    assert tally.sample(101.0)[2] == pytest.approx(0.9)
