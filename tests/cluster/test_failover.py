"""A failover is over when somebody leads at a higher term, or when nothing moved at all."""

from __future__ import annotations

from raftfleet.cluster import failover
from raftfleet.journal.events import Event, NodeExited, NodeFound, StatusSeen
from raftfleet.journal.fold import fold
from raftfleet.journal.picture import Leader, Picture
from raftfleet.journal.values import GroupStatus, Incarnation, Interval, Role

VOTERS = (("n1", "n2", "n3"),)
LED = {"main": 1, "other": 1}


def seen(node: str, t: float, **leaders: tuple[str | None, int]) -> StatusSeen:
    """A node names a leader and a term for each group."""
    groups = {
        group: GroupStatus(
            term=term,
            leader=leader,
            role=Role.LEADER if leader == node else Role.FOLLOWER,
            voters=VOTERS,
        )
        for group, (leader, term) in leaders.items()
    }
    return StatusSeen(node=node, since=t - 0.02, t=t, groups=groups)


def told(*events: Event) -> Picture:
    """All three run and follow n1, which is gone at 2; then these events."""
    begin: list[Event] = [
        NodeFound(node=f"n{i}", incarnation=Incarnation(i, 1, 1), t=1) for i in (1, 2, 3)
    ]
    begin += [seen(f"n{i}", 1.0, main=("n1", 1), other=("n1", 1)) for i in (1, 2, 3)]
    gone = Incarnation(1, 1, 1)
    begin.append(NodeExited(node="n1", incarnation=gone, at=Interval(2, 2), status=0, t=2))
    return fold([*begin, *events])


def test_survivors_that_name_the_dead_leader_have_not_moved() -> None:
    state = failover(told(), "n1", LED)
    assert not state.moved
    assert not state.back
    assert set(state.waiting) == {"main", "other"}
    assert state.lacks is not None
    assert "n2 names n1 (term 1" in state.lacks


def test_groups_move_one_by_one() -> None:
    picture = told(*(seen(n, 3.0, main=("n2", 2), other=("n1", 1)) for n in ("n2", "n3")))
    state = failover(picture, "n1", LED)
    assert state.moved == {"main": Leader("n2", 2)}
    assert set(state.waiting) == {"other"}
    assert "nobody leads other after term 1" in str(state.lacks)


def test_all_groups_moved_is_all() -> None:
    picture = told(*(seen(n, 3.0, main=("n2", 2), other=("n3", 5)) for n in ("n2", "n3")))
    state = failover(picture, "n1", LED)
    assert state.moved == {"main": Leader("n2", 2), "other": Leader("n3", 5)}
    assert state.lacks is None


def test_a_claim_that_no_majority_shares_is_not_enough() -> None:
    state = failover(told(seen("n2", 3.0, main=("n2", 2), other=("n1", 1))), "n1", LED)
    assert not state.moved


def test_a_leader_back_in_its_old_term_ends_the_wait_without_a_move() -> None:
    back = [
        NodeFound(node="n1", incarnation=Incarnation(9, 9, 2), t=2.5),
        seen("n1", 3.0, main=("n1", 1), other=("n1", 1)),
    ]
    state = failover(told(*back), "n1", LED)
    assert state.back == ("main", "other")
    assert not state.moved
    assert state.lacks is None


def test_a_victim_that_is_elected_anew_has_moved() -> None:
    back = [
        NodeFound(node="n1", incarnation=Incarnation(9, 9, 2), t=2.5),
        *(seen(n, 3.0, main=("n1", 2), other=("n1", 2)) for n in ("n1", "n2", "n3")),
    ]
    state = failover(told(*back), "n1", LED)
    assert state.moved == {"main": Leader("n1", 2), "other": Leader("n1", 2)}
    assert state.back == ()


def test_a_victim_that_led_nothing_leaves_nothing_to_wait_for() -> None:
    assert failover(told(), "n3", {}).lacks is None
