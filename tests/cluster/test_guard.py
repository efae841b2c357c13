"""The quorum guard against every small cluster there is, counted by hand."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from raftfleet.cluster import may_stop
from raftfleet.cluster.guard import LAG
from raftfleet.journal import Picture
from raftfleet.journal.events import (
    ClusterDescribed,
    Event,
    NodeFound,
    NodeSignalled,
    StatusMissed,
    StatusSeen,
)
from raftfleet.journal.fold import fold
from raftfleet.journal.values import GroupStatus, Incarnation, Interval, NodeIdentity, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

Sets = tuple[tuple[str, ...], ...]
LIVE, DOWN, SILENT, STOPPING = "live", "down", "silent", "stopping"


def picture(
    states: dict[str, str],
    voters: dict[str, Sets | None],
    logs: dict[str, int | None] | None = None,
) -> Picture:
    """Return a picture of nodes in these states that all show these voters, and these logs."""
    told: list[Event] = [
        ClusterDescribed(
            system="toy",
            nodes=tuple(NodeIdentity(name, name[1:], "", "") for name in states),
            groups=tuple(voters),
            timing=None,
            ports={},
            markers={},
            exit_bound=1,
            watchdog=None,
            poll_period=0.02,
            t=1,
        )
    ]
    leader = next((name for name, state in states.items() if state == LIVE), "")
    for name, state in states.items():
        incarnation = Incarnation(int(name[1:]), 1, 1)
        running = None if state == DOWN else incarnation
        told.append(NodeFound(node=name, incarnation=running, t=1))
        if state == DOWN:
            continue
        groups = {
            group: GroupStatus(
                term=1,
                role=Role.LEADER if name == leader else Role.FOLLOWER,
                leader=leader,
                voters=sets,
                last_log=(logs or {}).get(name),
            )
            for group, sets in voters.items()
        }
        told.append(StatusSeen(node=name, since=1, t=1.1, groups=groups))
        if state == STOPPING:
            told.append(
                NodeSignalled(node=name, signal="INT", incarnation=incarnation, at=Interval(1, 1))
            )
        if state == SILENT:
            told.append(StatusMissed(node=name, since=1.1, reason="no answer", t=1.2))
    told.append(NodeFound(node="n1", incarnation=fold(told).node("n1").incarnation, t=2.0))
    return fold(told)


def quorum_stays(states: dict[str, str], sets: Sets, victim: str) -> bool:
    """Count by hand: more than half of every set answers and is not the victim."""
    staying = [name for name, state in states.items() if state == LIVE and name != victim]
    return all(2 * sum(name in staying for name in one) > len(one) for one in sets)


def clusters() -> Iterator[tuple[dict[str, str], Sets]]:
    """Every state of up to four nodes with every single and joint voter set of them."""
    names = ("n1", "n2", "n3", "n4")
    subsets = [one for size in (1, 2, 3, 4) for one in combinations(names, size)]
    for states in product((LIVE, DOWN, SILENT), repeat=4):
        if LIVE not in states:
            continue
        known = dict(zip(names, states, strict=True))
        for one in subsets:
            yield known, (one,)
        for old, new in combinations(subsets[4:], 2):
            yield known, (old, new)


def test_it_refuses_exactly_what_costs_a_quorum() -> None:
    counted = {True: 0, False: 0}
    for number, (states, sets) in enumerate(clusters()):
        if number % 7:  # every seventh is plenty, and the pattern of seven meets all kinds
            continue
        shown = picture(states, {"main": sets})
        for victim, state in states.items():
            refusal = may_stop(shown, victim)
            expected = state == DOWN or quorum_stays(states, sets, victim)
            counted[expected] += 1
            assert (refusal is None) is expected, (states, sets, victim, refusal)
    assert min(counted.values()) > 200


TRIO = (("n1", "n2", "n3"),)
ALL_UP = dict.fromkeys(("n1", "n2", "n3"), LIVE)


def test_one_of_three_may_go() -> None:
    assert may_stop(picture(ALL_UP, {"main": TRIO}), "n1") is None


@pytest.mark.parametrize("state", [DOWN, SILENT, STOPPING])
def test_a_second_one_may_not(state: str) -> None:
    refusal = may_stop(picture({**ALL_UP, "n3": state}, {"main": TRIO}), "n2")
    assert refusal == "main would keep 1 (n1) of its voters n1, n2, n3, and 2 make a quorum"


def test_every_group_counts() -> None:
    shown = picture(ALL_UP, {"main": TRIO, "other": (("n1", "n2"),)})
    assert may_stop(shown, "n3") is None
    refusal = may_stop(shown, "n2")
    assert refusal is not None
    assert refusal.startswith("other would keep 1 (n1)")


def test_both_sets_of_a_joint_change_count() -> None:
    shown = picture(ALL_UP, {"main": (("n1", "n2", "n3"), ("n1", "n2"))})
    assert may_stop(shown, "n3") is None
    assert may_stop(shown, "n2") is not None


def test_the_last_voter_keeps_none() -> None:
    refusal = may_stop(picture({"n1": LIVE}, {"main": (("n1",),)}), "n1")
    assert refusal == "main would keep none of its voters n1, and 1 make a quorum"


NODES = ("n1", "n2", "n3", "n4", "n5")
VOTERS = st.lists(st.sampled_from(NODES), min_size=1, unique=True).map(tuple)
LOGS = st.sampled_from([None, 0, 5000 - LAG - 1, 5000 - LAG, 4990, 5000])


@given(
    states=st.tuples(*[st.sampled_from((LIVE, LIVE, DOWN, SILENT, STOPPING))] * len(NODES)),
    sets=st.lists(VOTERS, min_size=1, max_size=2).map(tuple),
    logs=st.tuples(*[LOGS] * len(NODES)),
    victim=st.sampled_from(NODES),
)
@settings(max_examples=400, deadline=None)
def test_it_agrees_with_trying_every_subset_of_those_that_stay(
    states: tuple[str, ...], sets: Sets, logs: tuple[int | None, ...], victim: str
) -> None:
    known, lengths = dict(zip(NODES, states, strict=True)), dict(zip(NODES, logs, strict=True))
    refusal = may_stop(picture(known, {"main": sets}, lengths), victim)
    event(f"refused: {refusal is not None}, joint: {len(sets) > 1}")
    if known[victim] == DOWN:
        assert refusal is None
    elif LIVE not in states:
        assert refusal is not None
    else:
        assert (refusal is None) is some_quorum_stays(known, sets, lengths, victim)


def some_quorum_stays(
    states: dict[str, str], sets: Sets, logs: dict[str, int | None], victim: str
) -> bool:
    """Try every subset of those that stay for one that is caught up and a quorum of every set."""
    shown = {name: logs[name] for name, state in states.items() if state in {LIVE, STOPPING}}
    leader = next(name for name, state in states.items() if state == LIVE)
    mark = shown[leader]
    if mark is None:
        mark = max((log for log in shown.values() if log is not None), default=None)
    staying = [name for name, state in states.items() if state == LIVE and name != victim]
    for size in range(len(staying) + 1):
        for subset in combinations(staying, size):
            caught_up = mark is None or all(
                (log := logs[name]) is not None and mark - log <= LAG for name in subset
            )
            if caught_up and all(2 * len(set(subset) & set(one)) > len(one) for one in sets):
                return True
    return False


def test_one_that_lags_does_not_count_and_is_named() -> None:
    logs: dict[str, int | None] = {"n1": 5000, "n2": 5000, "n3": 3000}
    refusal = may_stop(picture(ALL_UP, {"main": TRIO}, logs), "n2")
    assert refusal == (
        "main would keep 1 (n1) of its voters n1, n2, n3, and 2 make a quorum "
        "(n3 is 2000 entries behind)"
    )
    assert may_stop(picture(ALL_UP, {"main": TRIO}, logs), "n3") is None
    unknown = may_stop(picture(ALL_UP, {"main": TRIO}, {**logs, "n3": None}), "n2")
    assert unknown is not None
    assert unknown.endswith("(n3 is an unknown number of entries behind)")


def test_what_is_down_may_be_stopped_again() -> None:
    states = {"n1": LIVE, "n2": DOWN, "n3": DOWN}
    assert may_stop(picture(states, {"main": TRIO}), "n2") is None


def test_unknown_voters_and_groups_are_reasons() -> None:
    assert may_stop(picture(ALL_UP, {"main": None}), "n1") == "the voters of main are not known"
    assert may_stop(Picture(), "n1") == "no node has shown any group yet"


def test_a_picture_that_has_grown_old_counts_as_unknown() -> None:
    shown = picture(ALL_UP, {"main": TRIO})
    assert may_stop(shown, "n1", now=2.0) is None
    assert may_stop(shown, "n1", now=60.0) is not None
