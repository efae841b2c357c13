"""Raft's promises under random schedules, and that the tests would see them broken."""

from __future__ import annotations

from functools import cache

import pytest

from raftfleet.simulator.core import LEADER, Core
from raftfleet.simulator.leader import Leadership
from raftfleet.simulator.presets import PRESETS
from raftfleet.simulator.values import COMMAND, Membership
from tests.simulator.network import Disk, SafetyError, World

SEEDS = range(14)
ROUNDS = 60
NERVOUS = PRESETS["fast"]._replace(lease=0.2, election=(0.2, 0.6), snapshot_every=4.0, log_kept=3.0)
"""With messages this late, nodes stand against each other and against living leaders; with logs
this short, whoever was away needs a snapshot."""


def shake(seed: int, rounds: int = ROUNDS) -> World:
    """Write, kill, cut off and heal at random for a while."""
    size = 3 if seed % 3 else 5
    world = World(size, preset=NERVOUS, seed=seed, delay=(0.001, 0.3), loss=0.1, torn=0.02)
    world.bootstrap()
    values = iter(range(10**6))
    for _ in range(rounds):
        world.run(world.random.uniform(0.05, 0.6))
        what = world.random.random()
        node = world.random.choice([*world.members, world.leader() or 1])
        if what < 0.15:
            world.stop(node)
        elif what < 0.25:
            world.isolate(node)
        elif what < 0.50:
            world.heal()
        elif what < 0.60:
            world.pause(node)
        for member in world.members.values():
            if member.core is None and world.random.random() < 0.3:
                world.start(member.node)
            if member.paused is not None and world.random.random() < 0.3:
                world.resume(member.node)
            if (
                member.paused is None
                and member.core
                and member.core.role == LEADER
                and world.random.random() < 0.7
            ):
                world.propose(member.node, next(values))
        world.check_logs_match()
        world.check_states_match()
    return world


@cache
def shaken(seed: int) -> World:
    return shake(seed)


def calm_down(world: World) -> None:
    world.heal()
    world.loss = world.torn = 0.0
    for member in world.members.values():
        if member.paused is not None:
            world.resume(member.node)
        if member.core is None:
            world.start(member.node)
    world.run(20.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_schedule_breaks_a_promise_and_every_one_ends_in_agreement(seed: int) -> None:
    world = shaken(seed)
    calm_down(world)
    leader = world.leader()
    assert leader is not None
    last = world.propose(leader, -1)
    world.run(2.0)
    cores = [member.running for member in world.members.values()]
    assert {core.committed for core in cores} == {last.index}
    assert {core.vote for core in cores} == {cores[0].vote}
    commands = [e.data for _, e in sorted(world.committed.items()) if e.kind == COMMAND]
    assert [member.state for member in world.members.values()] == [commands] * len(cores)
    assert all(world.committed[e.id.index] == e for core in cores for e in core.log.entries)


def test_the_schedules_are_rough_enough_to_mean_something() -> None:
    worlds = [shaken(seed) for seed in SEEDS]
    assert sum(len(world.leaders) for world in worlds) > 5 * len(worlds)
    assert sum(len(world.committed) for world in worlds) > 5 * len(worlds)
    assert sum(len(world.streamed) for world in worlds) > len(worlds)


def how_it_breaks() -> str:
    """Return how the first schedule fails that does; fail if none does."""
    for seed in range(3 * len(SEEDS)):
        try:
            shake(seed)
        except SafetyError as error:
            return str(error)
    pytest.fail("the planted defect went unseen")


def test_a_vote_that_is_not_kept_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "save_vote", lambda *_: None)
    assert how_it_breaks()


def test_a_quorum_of_one_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Membership, "quorum", lambda _, granted: len(granted) > 0)
    assert how_it_breaks()


def test_a_vote_for_a_shorter_log_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Core._refusal

    def gullible(core: Core, request: object, now: float) -> str:
        refusal = honest(core, request, now)  # type: ignore[arg-type]
        return "" if refusal.startswith("by last_log_id") else refusal

    monkeypatch.setattr(Core, "_refusal", gullible)
    assert "committed" in how_it_breaks()


def test_a_leader_that_commits_alone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(leadership: Leadership) -> None:
        leadership._core.commit(leadership.own)

    monkeypatch.setattr(Leadership, "advance", hasty)
    assert "committed" in how_it_breaks()
