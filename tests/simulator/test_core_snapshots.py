"""Snapshots: when they are built, what is purged, who gets one and what comes of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from raftfleet.simulator.core import FOLLOWER, Core
from raftfleet.simulator.leader import Leadership
from raftfleet.simulator.messages import AppendRequest, SnapshotRequest
from raftfleet.simulator.presets import PRESETS
from raftfleet.simulator.values import LogId, Membership, Snapshot, Vote
from tests.simulator.network import Disk, World

if TYPE_CHECKING:
    import pytest

SHORT = PRESETS["fast"]._replace(snapshot_every=10.0, log_kept=20.0)
numbers = itertools.count()


def cluster() -> World:
    world = World(preset=SHORT, seed=1)
    world.bootstrap()
    world.run(0.3)
    return world


def write(world: World, count: int, through: int = 1) -> None:
    for _ in range(count):
        world.propose(through, next(numbers))
        world.run(0.01)


def purged(world: World, node: int) -> int | None:
    position = world.members[node].running.log.purged
    return position.index if position else None


def covered(world: World, node: int) -> int | None:
    snapshot = world.members[node].running.snapshot
    return snapshot.last.index if snapshot else None


def test_the_broker_builds_every_hundred_entries_and_keeps_a_thousand() -> None:
    assert [PRESETS[name][-2:] for name in ("head", "seed", "fast")] == [(100.0, 1000.0)] * 3


def test_a_snapshot_is_due_every_so_many_entries_and_a_tail_of_the_log_stays() -> None:
    world = cluster()
    write(world, 20)
    assert [purged(world, node) for node in (1, 2, 3)] == [None] * 3
    built = [covered(world, node) for node in (1, 2, 3)]
    assert all(snapshot is not None and 9 <= snapshot <= 21 for snapshot in built)
    write(world, 80)
    for node in (1, 2, 3):
        snapshot, end = covered(world, node), purged(world, node)
        last = world.members[node].running.log.last
        assert snapshot is not None
        assert end == snapshot - 20
        assert last is not None
        assert last.index - snapshot <= 10


def test_who_was_away_for_long_gets_a_snapshot_and_then_entries() -> None:
    world = cluster()
    write(world, 5)
    world.stop(3)
    write(world, 100)
    behind = purged(world, 1)
    world.start(3)
    world.run(1.0)
    assert {(sender, to) for _, sender, to in world.streamed} == {(1, 3)}
    assert behind is not None
    member = world.members[3]
    assert member.running.snapshot is not None
    assert covered(world, 3) == purged(world, 3)  # nothing before its end is held
    assert member.state == world.members[1].state
    assert member.running.log.last == world.members[1].running.log.last
    assert member.running.membership == world.members[1].running.membership
    assert member.running.role == FOLLOWER


def test_who_was_away_shortly_gets_entries() -> None:
    world = cluster()
    world.stop(3)
    write(world, 15)
    world.start(3)
    world.run(1.0)
    assert world.streamed == []
    assert world.members[3].state == world.members[1].state


def test_a_wiped_follower_gets_a_snapshot() -> None:
    world = cluster()
    write(world, 60)
    world.stop(3)
    world.members[3].disk = Disk()
    world.start(3)
    world.run(1.0)
    assert [(sender, to) for _, sender, to in world.streamed] == [(1, 3)]
    assert world.members[3].state == world.members[2].state


def test_a_restart_goes_on_from_the_snapshot_and_can_lead() -> None:
    world = cluster()
    write(world, 60)
    world.stop(3)
    world.members[3].disk = Disk()
    world.start(3)
    world.run(1.0)
    for node in (1, 2, 3):
        state, last = world.members[node].state, world.members[node].running.log.last
        world.stop(node)
        world.start(node)
        assert world.members[node].state == state[: len(world.members[node].state)]
        assert world.members[node].running.log.last == last
    world.run(1.0)
    world.stop(1)
    world.members[2].running.patience = 60.0
    world.run(10.0, until=lambda: world.leader() == 3)
    write(world, 3, through=3)
    world.run(1.0)
    assert world.members[2].state == world.members[3].state
    assert len(world.members[3].state) == 63


def test_a_snapshot_that_brings_nothing_new_changes_nothing() -> None:
    world = cluster()
    write(world, 30)
    core = world.members[3].running
    before = (core.log.purged, core.log.last, core.snapshot)
    old = Snapshot("old", LogId(1, 1, 5), LogId(0, 0, 0), core.membership)
    request = SnapshotRequest(core.vote, old)
    assert not core.needs(request)
    assert core.snapshot_arrived(request, world.now).higher is None
    assert (core.log.purged, core.log.last, core.snapshot) == before


def test_a_snapshot_of_a_leader_that_is_over_is_refused() -> None:
    world = cluster()
    core = world.members[3].running
    vote = core.vote
    core.vote = Vote(7, committed=False, node=2)
    snapshot = Snapshot("s", LogId(1, 1, 500), LogId(0, 0, 0), core.membership)
    request = SnapshotRequest(vote, snapshot)
    assert not core.needs(request)
    assert core.snapshot_arrived(request, world.now).higher == core.vote
    assert core.committed < 500


def test_entries_that_a_snapshot_covers_are_passed_over() -> None:
    world = cluster()
    write(world, 60)
    leader, core = world.members[1].running, world.members[3].running
    world.stop(3)
    world.members[3].disk = Disk()
    world.start(3)
    world.run(1.0)
    core = world.members[3].running
    start = leader.log.first
    entries = leader.log.between(start + 1, leader.log.next)
    assert entries[0].id.index < core.log.first
    request = AppendRequest(leader.vote, leader.log.position(start), entries, leader.committed)
    assert core.entries_arrived(request, world.now).conflict is None
    assert core.log.last == leader.log.last


def test_what_a_snapshot_says_of_the_membership_holds() -> None:
    world = cluster()
    core = world.members[3].running
    nodes = {1: "n1:1", 2: "n2:1", 3: "n3:1", 4: "n4:1"}
    wider = Membership.of(((1, 2, 3, 4),), nodes)
    snapshot = Snapshot("s", LogId(1, 1, 900), LogId(1, 1, 880), wider)
    core.snapshot_arrived(SnapshotRequest(core.vote, snapshot), world.now)
    core.storage.flush()
    assert core.log.membership == (LogId(1, 1, 880), wider)
    assert world.members[3].disk.load().log.membership == (LogId(1, 1, 880), wider)


def test_a_leader_without_its_snapshot_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that passes over what it has purged leaves a hole, which a follower does not take."""
    honest = Leadership.request_for

    def careless(leadership: Leadership, peer: int) -> object:
        request = honest(leadership, peer)
        if isinstance(request, SnapshotRequest):
            log = leadership._core.log
            return AppendRequest(request.vote, log.purged, log.entries[:], log.next - 1)
        return request

    monkeypatch.setattr(Leadership, "request_for", careless)
    world = cluster()
    world.stop(3)
    write(world, 40)
    world.start(3)
    world.run(0.2)
    assert world.members[3].running.log.next < 20


def test_a_pause_is_noticed_by_the_clock_before_the_post_is_read() -> None:
    world = cluster()
    world.pause(3)
    world.run(5.0)
    assert world.leader() == 1
    core = world.members[3].running
    assert isinstance(core, Core)
    world.resume(3)
    world.run(1.0, until=lambda: world.members[1].running.role == FOLLOWER)
    assert world.members[1].running.vote.term == 2
