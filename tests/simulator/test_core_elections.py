"""When a node stands for election, whom it votes for, and when it leads."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from raftfleet.simulator.core import CANDIDATE, FOLLOWER, LEADER, LEARNER, Core
from raftfleet.simulator.errors import NotLeaderError
from raftfleet.simulator.messages import AppendReply, AppendRequest, VoteRequest
from raftfleet.simulator.presets import PRESETS
from raftfleet.simulator.storage import Saved
from raftfleet.simulator.values import MEMBERSHIP, Entry, LogId, Membership, Vote
from tests.simulator.network import Disk, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.simulator.messages import VoteReply

FAST = PRESETS["fast"]


def cluster(seed: int = 0, preset: str = "fast") -> World:
    """Three members, node 1 leading in term 1, settled."""
    world = World(seed=seed, preset=PRESETS[preset])
    world.bootstrap()
    world.run(2.0)
    world.propose(1, 0)
    world.run(2.0)
    return world


def lead_by(world: World, term: int) -> Callable[[], bool]:
    return lambda: world.elections[-1][1] >= term


# -- how long it takes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "shortest", "longest"),
    [("seed", 3.75, 6.75), ("head", 29.25, 40.75), ("fast", 1.65, 2.55)],
)
def test_a_failover_takes_lease_and_draw_and_at_most_a_tick(
    preset: str, shortest: float, longest: float
) -> None:
    taken = []
    for seed in range(80):
        world = cluster(seed, preset)
        world.run(world.random.uniform(0, PRESETS[preset].tick))
        stopped = world.now
        world.stop(1)
        world.run(2 * longest, until=lead_by(world, 2))
        at, term, leader = world.elections[-1]
        assert term == 2
        assert leader in (2, 3)
        taken.append(at - stopped)
    assert shortest <= min(taken)
    assert max(taken) <= longest + 0.02  # and the way there and back
    assert max(taken) - min(taken) > (longest - shortest) / 2


def test_until_the_election_the_survivors_name_the_dead_leader() -> None:
    world = cluster()
    world.stop(1)
    world.run(1.6)
    for node in (2, 3):
        core = world.members[node].running
        assert (core.role, core.leader, core.vote.term) == (FOLLOWER, 1, 1)


def test_a_node_draws_its_timeout_once_in_its_life() -> None:
    world = cluster()
    first = {node: member.running.patience for node, member in world.members.items()}
    world.stop(1)
    world.run(4.0, until=lead_by(world, 2))
    assert {n: world.members[n].running.patience for n in (2, 3)} == {n: first[n] for n in (2, 3)}
    world.start(1)
    assert world.members[1].running.patience != first[1]


def test_who_has_seen_a_longer_log_waits_twice_the_longest_timeout_more() -> None:
    world = cluster()
    world.isolate(3)
    world.propose(1, 1)
    world.run(0.3)
    world.stop(1)
    world.heal()
    behind = world.members[3].running
    world.members[2].running.patience = 60.0
    world.run(5.0, until=lambda: behind.longer_log_seen)
    seen = world.now
    world.run(10.0, until=lambda: behind.vote.term > 2)
    extra = behind.patience + 2 * FAST.election[1]
    assert extra - FAST.tick <= world.now - seen <= extra + 2 * FAST.tick


# -- resuming --------------------------------------------------------------------------------


def test_a_leader_that_comes_back_in_time_leads_on_in_the_same_term() -> None:
    world = cluster()
    before = world.members[1].running.log.last
    world.stop(1)
    world.run(1.2)
    world.start(1)
    assert world.members[1].running.role == LEADER
    world.run(5.0)
    assert [core.running.vote for core in world.members.values()] == [Vote(1, True, 1)] * 3
    assert world.members[1].running.log.last == before
    assert world.elections[-1][1] == 1


def test_a_leader_that_was_replaced_follows_its_successor() -> None:
    world = cluster()
    world.stop(1)
    world.run(4.0, until=lead_by(world, 2))
    world.start(1)
    assert world.members[1].running.role == LEADER
    world.run(0.5)
    core = world.members[1].running
    assert (core.role, core.vote.term, core.leader) == (FOLLOWER, 2, world.leader())


def test_a_candidate_that_starts_again_does_not_lead() -> None:
    core = _silent_member(1)
    assert core.vote == Vote(1, False, 1)
    assert (core.role, core.leader) == (CANDIDATE, None)


def test_a_fresh_node_is_a_learner_that_never_stands() -> None:
    core = Core(1, FAST, Saved(), Disk(), now=0.0, random=Random(1))
    core.tick(1e6)
    assert (core.role, core.vote.term, core.ballots) == (LEARNER, 0, [])
    with pytest.raises(NotLeaderError, match="has to forward request to: None, None"):
        core.require_leader()


def test_a_follower_says_who_leads_and_where() -> None:
    world = cluster()
    text = r'to: Some\(1\), Some\(Node \{ node_id: 1, rpc_addr: "n1:1228" \}\)'
    with pytest.raises(NotLeaderError, match=text):
        world.propose(2, 7)


# -- no pre-vote -----------------------------------------------------------------------------


def test_a_follower_that_was_cut_off_deposes_an_equal_leader_after_the_heal() -> None:
    world = cluster()
    world.isolate(3)
    world.run(8.0)
    alone = world.members[3].running
    assert (alone.role, alone.leader) == (CANDIDATE, None)
    assert alone.vote.term > 3
    assert world.members[1].running.role == LEADER
    world.heal()
    world.run(5.0, until=lambda: world.leader() != 1)
    assert world.members[1].running.vote.term > 3


def test_a_leader_steps_down_before_a_vote_it_would_not_grant() -> None:
    world = cluster()
    world.isolate(3)
    world.run(6.0)
    world.propose(1, 1)
    world.heal()
    world.run(0.5, until=lambda: world.leader() is None)
    assert world.leader() is None
    deposed = world.members[1].running
    assert deposed.vote.node == 3
    world.run(10.0, until=lambda: world.leader() is not None)
    assert world.leader() in (1, 2)


def test_a_deposed_leader_does_not_grant_the_vote_that_deposed_it_to_a_shorter_log() -> None:
    world = cluster()
    leader, behind = world.members[1].running, world.members[3].running
    assert leader.leadership
    shown = Vote(5, committed=False, node=3)
    request = AppendRequest(leader.vote, None, [], -1)
    leader.append_answered(3, request, AppendReply(higher=shown), sent=0.0, now=world.now)
    assert (leader.vote, leader.role) == (shown, FOLLOWER)
    reply = leader.vote_asked(VoteRequest(shown, LogId(0, 0, 0)), world.now)
    assert (reply.vote, reply.granted) == (shown, False)
    behind.vote, behind.granted = shown, {3}
    behind.vote_answered(1, shown, reply, world.now)
    assert behind.role == CANDIDATE


def test_a_refusal_by_log_leaves_the_term_alone() -> None:
    world = cluster()
    core = world.members[2].running
    core.contact -= 100.0
    shorter = VoteRequest(Vote(9, False, 3), LogId(0, 0, 0))
    reply = core.vote_asked(shorter, world.now)
    assert (reply.granted, reply.vote.term) == (False, 1)


def test_a_vote_is_refused_while_a_leader_is_known_to_live() -> None:
    world = cluster()
    core = world.members[2].running
    assert core.log.last
    request = VoteRequest(Vote(9, False, 3), core.log.last)
    assert not core.vote_asked(request, core.contact + FAST.lease - 0.01).granted
    assert core.vote_asked(request, core.contact + FAST.lease + 0.01).granted


def test_a_leader_without_a_quorum_stays_leader_and_only_its_age_shows_it() -> None:
    world = cluster()
    world.isolate(1)
    world.run(1.0)
    core = world.members[1].running
    world.propose(1, 5)
    committed = core.committed
    world.run(60.0)
    assert core.role == LEADER
    assert core.committed == committed
    acked = core.leadership.quorum_acked(world.now) if core.leadership else None
    assert acked is not None
    assert world.now - acked > 60.0


# -- two candidates --------------------------------------------------------------------------


def duel(order: Callable[[int], int]) -> list[int]:
    """Let nodes 2 and 3 of three stand at once; ``order`` picks which message arrives next.

    Returns who leads in term 2.
    """
    now = 100.0
    cores = {node: _silent_member(node) for node in (1, 2, 3)}
    leaders: list[int] = []
    mail: list[Callable[[], None]] = []

    def post(node: int) -> None:
        core = cores[node]
        if core.role == LEADER and core.vote.term == 2 and node not in leaders:
            leaders.append(node)
        for peer, request in core.ballots:
            mail.append(lambda p=peer, r=request: deliver(node, p, r))  # type: ignore[misc]
        core.ballots.clear()

    def deliver(node: int, peer: int, request: VoteRequest) -> None:
        reply = cores[peer].vote_asked(request, now)
        post(peer)
        mail.append(lambda: back(node, peer, request, reply))

    def back(node: int, peer: int, request: VoteRequest, reply: VoteReply) -> None:
        cores[node].vote_answered(peer, request.vote, reply, now)
        post(node)

    for node in (2, 3):
        cores[node].tick(now)
        post(node)
    while mail:
        mail.pop(order(len(mail)))()
    return leaders


def _silent_member(node: int) -> Core:
    """Return a voter of three that has not heard of its leader for long."""
    disk = Disk()
    nodes = {1: "n1:1", 2: "n2:1", 3: "n3:1"}
    disk.append(Entry(LogId(0, 0, 0), MEMBERSHIP, Membership.of(((1, 2, 3),), nodes)))
    disk.save_vote(Vote(1, committed=node != 1, node=1))
    disk.flush()
    return Core(node, FAST, disk.load(), disk, now=0.0, random=Random(node))


def every_order() -> list[list[int]]:
    """Return who leads for every order in which the messages of a duel can arrive."""
    outcomes = []
    script: list[tuple[int, int]] = []
    while True:
        place = 0

        def choose(choices: int) -> int:
            nonlocal place
            if place == len(script):
                script.append((0, choices))
            place += 1
            return script[place - 1][0]

        outcomes.append(duel(choose))
        while script and script[-1][0] + 1 == script[-1][1]:
            script.pop()
        if not script:
            return outcomes
        taken, choices = script[-1]
        script[-1] = (taken + 1, choices)


def test_two_that_stand_at_once_give_one_leader_whatever_arrives_first() -> None:
    outcomes = every_order()
    assert len(outcomes) == 2520
    assert {len(leaders) for leaders in outcomes} == {1}
    assert {leaders[0] for leaders in outcomes} == {2, 3}


def test_a_term_in_which_votes_are_given_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Core, "_may_follow", lambda core, vote: vote > core.vote)
    assert max(len(leaders) for leaders in every_order()) == 2


# -- membership ------------------------------------------------------------------------------


def test_a_joint_membership_needs_a_majority_of_both() -> None:
    joint = Membership.of(((1, 2, 3), (3, 4, 5)), dict.fromkeys(range(1, 6), ""))
    assert not joint.quorum({1, 2})
    assert not joint.quorum({3, 4, 5})
    assert joint.quorum({1, 3, 4})
    assert not Membership((), ()).quorum({1})


def test_a_leader_that_is_taken_out_leads_until_that_is_committed() -> None:
    world = cluster()
    core = world.members[1].running
    nodes = {2: "n2:1228", 3: "n3:1228"}
    world.isolate(1)
    core.propose(MEMBERSHIP, Membership.of(((1, 2, 3), (2, 3)), core.membership.addresses))
    world.run(0.2)
    assert core.role == LEADER
    world.heal()
    world.run(0.5)
    core.propose(MEMBERSHIP, Membership.of(((2, 3),), nodes))
    world.run(1.0)
    assert (core.role, core.leadership) == (LEARNER, None)
    world.run(5.0, until=lead_by(world, 2))
    assert world.leader() in (2, 3)


def test_a_learner_gets_the_log_and_does_not_count() -> None:
    world = World(2, seed=3)
    nodes = {1: "n1:1", 2: "n2:1"}
    world.members[1].running.initialize(Membership.of(((1,),), {1: "n1:1"}), world.now)
    world._settle(world.members[1])
    world.run(0.5)
    world.members[1].running.propose(MEMBERSHIP, Membership.of(((1,),), nodes))
    world._settle(world.members[1])
    world.run(0.5)
    learner = world.members[2].running
    assert learner.role == LEARNER
    assert learner.log.last == world.members[1].running.log.last
    world.stop(2)
    last = world.propose(1, 1)
    assert world.members[1].running.committed == last.index


def test_a_follower_that_lost_its_data_gets_everything_again() -> None:
    world = cluster()
    for value in range(700):
        world.propose(1, value)
    world.run(1.0)
    world.stop(3)
    world.members[3].disk = Disk()
    world.run(0.5)
    world.start(3)
    world.run(1.0)
    assert world.members[3].running.log.last == world.members[1].running.log.last
    assert world.members[3].running.committed == world.members[1].running.committed


def test_entries_of_a_deposed_leader_are_replaced() -> None:
    world = cluster()
    world.isolate(1)
    lost = world.propose(1, 99)
    world.run(6.0, until=lead_by(world, 2))
    leader = world.leader()
    assert leader is not None
    kept = world.propose(leader, 1)
    world.heal()
    world.run(2.0)
    log = world.members[1].running.log
    assert not log.holds(lost)
    assert log.holds(kept)
