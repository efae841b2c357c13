"""What is going on right now: a picture as samples, for a scrape or for one second of a backfill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet import __version__
from raftfleet.journal.events import CoverageSampled, DrillEnded, DrillStarted
from raftfleet.journal.picture import Standing
from raftfleet.journal.values import Role

from .figures import Figures, Sample
from .samples import cluster_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.clock import Clock
    from raftfleet.journal import Picture, Recorder
    from raftfleet.journal.events import Event
    from raftfleet.journal.values import GroupStatus

__all__ = ["Course", "Live", "live_samples"]


_RECENT = 3.0
"""Seconds for which the tick of a second says how nodes are watched."""


class Course:
    """What the picture does not hold: the last second's coverage, and how far the drill has come.

    One thread tells it events while others read it, so what they iterate is replaced, not changed.
    """

    def __init__(self) -> None:
        self.coverage: CoverageSampled | None = None
        self.drills: dict[str, bool] = {}
        self._broken = False

    def take(self, event: Event, picture: Picture) -> None:
        """Take an event and the picture after it."""
        if isinstance(event, CoverageSampled):
            self.coverage = event
        elif isinstance(event, DrillStarted):
            self.drills = {**self.drills, event.drill: True}
            self._broken = False
        elif isinstance(event, DrillEnded):
            self.drills = {**self.drills, event.drill: False}
        self._broken = self._broken or _is_broken(picture)

    def phase(self, picture: Picture) -> str:
        """Return where the drill is: steady, broken or healed."""
        if _is_broken(picture):
            return "broken"
        return "healed" if self._broken else "steady"


def _is_broken(picture: Picture) -> bool:
    return bool(picture.faults or picture.stopped_by_us)


class Live:
    """The figures of a run that is being recorded; `figures` is a source for a collector."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._course = Course()
        recorder.subscribe(self._heard)

    def _heard(self, event: Event) -> None:
        self._course.take(event, self._recorder.picture)

    def figures(self) -> Figures:
        """Return what is going on now."""
        picture = self._recorder.picture
        return Figures.of(live_samples(picture, self._course, self._clock.monotonic()))


def live_samples(picture: Picture, course: Course, now: float) -> Iterator[Sample]:
    """Yield everything a picture says at ``now``; nodes that do not answer say nothing."""
    yield Sample("raftfleet_build", (__version__,), 1)
    if picture.cluster is None:
        return
    cluster = cluster_name(picture.cluster)
    yield Sample("raftfleet_cluster", (cluster, picture.cluster.system, picture.cluster.build), 1)
    yield from _drills(picture, course, cluster)
    for kind in sorted({fault.kind for fault in picture.faults.values()}):
        count = sum(fault.kind == kind for fault in picture.faults.values())
        yield Sample("raftfleet_faults_active", (cluster, kind), count)
    yield from _groups(picture, cluster, now)
    for node in picture.cluster.nodes:
        yield from _node(picture, course, (cluster, node.name), now)


def _drills(picture: Picture, course: Course, cluster: str) -> Iterator[Sample]:
    for drill, active in course.drills.items():
        yield Sample("raftfleet_drill_active", (cluster, drill), active)
    if picture.drill is not None:
        current = course.phase(picture)
        for phase in ("steady", "broken", "healed"):
            labels = (cluster, picture.drill.drill, phase)
            yield Sample("raftfleet_drill_phase", labels, phase == current)


def _groups(picture: Picture, cluster: str, now: float) -> Iterator[Sample]:
    for group in picture.groups:
        leader = picture.leader(group, now)
        yield Sample("raftfleet_raft_has_leader", (cluster, group), leader is not None)
        if leader is not None:
            yield Sample("raftfleet_raft_leader_info", (cluster, group, leader.node), 1)


def _node(
    picture: Picture, course: Course, labels: tuple[str, str], now: float
) -> Iterator[Sample]:
    cluster, name = labels
    node, current = picture.node(name), picture.standing(name, now)
    for standing in Standing:
        yield Sample("raftfleet_node_standing", (*labels, str(standing)), standing is current)
    if node.heard is not None:
        yield Sample("raftfleet_observer_silence_seconds", labels, max(0.0, now - node.heard))
    tick = course.coverage
    if tick is not None and name in tick.polls and now - tick.t <= _RECENT:
        polls, misses = tick.polls[name], tick.misses.get(name, 0)
        ratio = (polls - misses) / polls if polls else 0.0
        yield Sample("raftfleet_observer_coverage_ratio", labels, ratio)
    if current in {Standing.ALIVE, Standing.STOPPING}:
        for group, sight in node.groups.items():
            yield from _view(sight.status, (cluster, group, name))


def _view(status: GroupStatus, labels: tuple[str, str, str]) -> Iterator[Sample]:
    for name, value in (
        ("raftfleet_raft_term", status.term),
        ("raftfleet_raft_last_log_index", status.last_log),
        ("raftfleet_raft_last_applied_index", status.last_applied),
    ):
        if value is not None:
            yield Sample(name, labels, value)
    if status.role is not None:
        for role in Role:
            yield Sample("raftfleet_raft_role", (*labels, str(role)), role is status.role)
    if status.voters is not None:
        voters = {name for part in status.voters for name in part}
        yield Sample("raftfleet_raft_members", (*labels, "voter"), len(voters))
    if status.learners is not None:
        yield Sample("raftfleet_raft_members", (*labels, "learner"), len(status.learners))
