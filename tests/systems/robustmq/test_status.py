"""A node's own view: what recorded answers mean, and what is not believed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.journal.values import GroupStatus, Role
from raftfleet.systems import AccessError, Answer
from raftfleet.systems.robustmq.admin import Admin
from raftfleet.systems.robustmq.grpcweb import frame
from raftfleet.systems.robustmq.status import info_view, metrics_view, read_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.systems.conftest import FakeAccess, MakeNode

    Ask = Callable[..., dict[str, GroupStatus]]
    Recorded = Callable[[str], Answer]

STATUS = ("grpc", "/meta.service.common.MetaServiceService/ClusterStatus")
INFO = ("http", "/api/info")
METRICS = ("http", "/metrics")
LOST = AccessError("connection reset")
OK = bytes([0x80, 0, 0, 0, 15]) + b"grpc-status:0\r\n"


def wire(status: object) -> Answer:
    """A ClusterStatus answer with this JSON in it."""
    text = status if isinstance(status, bytes) else json.dumps(status).encode()
    size, head = len(text), b""
    while size >= 0x80:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    body = frame(b"\x0a" + head + bytes([size]) + text) + OK
    return Answer(200, {"content-type": "application/grpc-web+proto"}, body)


def admin(at: FakeAccess) -> Admin:
    return Admin(at, "admin", "admin")


@pytest.fixture
def ask(make_node: MakeNode, fake_access: type[FakeAccess]) -> Ask:
    """Read the status of a node whose ports answer as given."""

    def read(
        number: int, answers: dict[tuple[str, str], Answer | Exception]
    ) -> dict[str, GroupStatus]:
        at = fake_access(make_node(number), answers)
        return read_status(at, admin(at), timeout=5)

    return read


def test_the_recorded_leader_says_this_of_itself(ask: Ask, recorded_answer: Recorded) -> None:
    common: dict[str, Any] = {
        "term": 1,
        "role": Role.LEADER,
        "leader": "1",
        "learners": (),
        "voters": (("1", "2", "3"),),
    }
    assert ask(1, {STATUS: recorded_answer("cluster-status-n1.json")}) == {
        "metadata_0": GroupStatus(**common, last_log=46, last_applied=46, quorum_ack_age=0.008),
        "data_0": GroupStatus(**common, last_log=15, last_applied=15, quorum_ack_age=0.002),
        "offset_0": GroupStatus(**common, last_log=7, last_applied=7, quorum_ack_age=0.006),
    }


@pytest.mark.parametrize("number", [2, 3])
def test_the_recorded_followers_say_this_of_themselves(
    ask: Ask, recorded_answer: Recorded, number: int
) -> None:
    common: dict[str, Any] = {
        "term": 1,
        "role": Role.FOLLOWER,
        "leader": "1",
        "learners": (),
        "voters": (("1", "2", "3"),),
    }
    assert ask(number, {STATUS: recorded_answer(f"cluster-status-n{number}.json")}) == {
        "metadata_0": GroupStatus(**common, last_log=46, last_applied=46),
        "data_0": GroupStatus(**common, last_log=15, last_applied=15),
        "offset_0": GroupStatus(**common, last_log=7, last_applied=7),
    }


@pytest.mark.parametrize(
    ("name", "group", "expected"),
    [
        ("uninitialised", "offset_0", GroupStatus(0, Role.LEARNER, None, None, None, (), ())),
        (
            "joint",
            "metadata_0",
            GroupStatus(1, Role.LEADER, "1", 24, 24, (("1",), ("1", "2")), (), 0.004),
        ),
        (
            "learner",
            "data_0",
            GroupStatus(1, Role.LEARNER, "1", 13, 12, (("1", "2"),), ("3",)),
        ),
        (
            "leaderless",
            "metadata_0",
            GroupStatus(4, Role.FOLLOWER, None, 610, 610, (("1", "2", "3"),), ()),
        ),
    ],
)
def test_recorded_states_off_the_beaten_track(
    ask: Ask,
    recorded_json: Callable[[str], dict[str, object]],
    name: str,
    group: str,
    expected: GroupStatus,
) -> None:
    sample: dict[str, Any] = recorded_json(f"status-{name}.json")
    assert ask(sample["node"], {STATUS: wire(sample["status"])})[group] == expected


def test_a_recorded_candidate_names_no_leader(
    ask: Ask, recorded_json: Callable[[str], dict[str, object]]
) -> None:
    sample: dict[str, Any] = recorded_json("status-candidate.json")
    groups = ask(sample["node"], {STATUS: wire(sample["status"])}).values()
    assert [one.leader for one in groups if one.role is Role.CANDIDATE] == [None]


def one_group(**changes: object) -> dict[str, object]:
    group = {
        "running_state": {"Ok": None},
        "id": 1,
        "current_term": 3,
        "state": "Follower",
        "membership_config": {"membership": {"configs": [[10, 9, 2]], "nodes": {}}},
    }
    return {"metadata_0": group | changes}


def test_ids_are_texts_in_the_order_of_numbers(ask: Ask) -> None:
    assert ask(1, {STATUS: wire(one_group())})["metadata_0"].voters == (("2", "9", "10"),)


@pytest.mark.parametrize("changes", [{"state": "Shutdown"}, {"running_state": {"Err": "Panicked"}}])
def test_a_group_whose_core_has_ended_is_stopped(ask: Ask, changes: dict[str, object]) -> None:
    assert ask(1, {STATUS: wire(one_group(**changes))})["metadata_0"].role is Role.STOPPED


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (one_group(id=2), "node 2 answered in the place of node 1"),
        (one_group(state="Emperor"), "'Emperor' is no state"),
        (one_group(current_term="three"), "cannot be read"),
        (one_group(current_term=None), "cannot be read"),
        (one_group(membership_config=None), "cannot be read"),
        ({"metadata_0": {}}, "cannot be read"),
        ({}, "names no Raft group"),
        ([1, 2], "cannot be read"),
        (b"\xff\xfe", "no UTF-8 text"),
        (b"not json", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_view(ask: Ask, status: object, words: str) -> None:
    with pytest.raises(AccessError) as caught:
        ask(1, {STATUS: wire(status)})
    assert words in str(caught.value)


def test_two_messages_are_no_cluster_status(ask: Ask, recorded_answer: Recorded) -> None:
    one = recorded_answer("cluster-status-n1.json")
    with pytest.raises(AccessError, match="wants one message, got 2"):
        ask(1, {STATUS: Answer(200, one.headers, frame() + one.body)})


def test_metrics_give_indices_and_nothing_else_when_grpc_is_silent(
    ask: Ask, recorded_answer: Recorded
) -> None:
    assert ask(1, {STATUS: LOST, METRICS: recorded_answer("metrics-n1.json")}) == {
        "data_0": GroupStatus(last_log=15, last_applied=15),
        "metadata_0": GroupStatus(last_log=151, last_applied=150),
        "offset_0": GroupStatus(last_log=7, last_applied=7),
    }


def test_info_counts_for_the_node_whose_id_it_carries(recorded_answer: Recorded) -> None:
    # both were answered by node 1, whichever node was asked
    for name in ("info-n1.json", "info-n3.json"):
        view = info_view(recorded_answer(name), "1")
        assert view is not None
        assert view["metadata_0"].role is Role.LEADER
        assert view["metadata_0"].last_log == 31
        assert info_view(recorded_answer(name), "3") is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, {}, b'{"code":401,"data":null,"message":"Missing Authorization header"}'),
        Answer(200, {}, b'{"code":100,"data":"","error":"tcp connect error"}'),
        Answer(200, {}, b'{"code":0,"data":{"meta":{}},"error":null}'),
        Answer(200, {}, b'{"code":0,"data":{"meta":{"metadata_0":{"id":1}}},"error":null}'),
        Answer(200, {}, b""),
        Answer(503, {}, b"<html>"),
    ],
)
def test_info_that_tells_nothing_is_no_view(answer: Answer) -> None:
    assert info_view(answer, "1") is None


def test_info_is_asked_only_of_a_node_that_lacks_cluster_status(
    make_node: MakeNode, fake_access: type[FakeAccess], recorded_answer: Recorded
) -> None:
    answers = {STATUS: Answer(404, {}, b""), INFO: recorded_answer("info-n1.json")}
    old = fake_access(make_node(1), answers)
    assert read_status(old, admin(old), timeout=5)["metadata_0"].last_log == 31
    silent = fake_access(make_node(1), {STATUS: LOST, INFO: recorded_answer("info-n1.json")})
    with pytest.raises(AccessError):
        read_status(silent, admin(silent), timeout=5)
    assert ("http", "GET", "/api/info", b"") not in silent.asked


def test_anothers_info_gives_way_to_the_nodes_own_metrics(
    ask: Ask, recorded_answer: Recorded
) -> None:
    answers = {
        STATUS: Answer(404, {}, b""),
        INFO: recorded_answer("info-n3.json"),
        METRICS: recorded_answer("metrics-n1.json"),
    }
    assert ask(3, answers)["metadata_0"] == GroupStatus(last_log=151, last_applied=150)


def test_a_dead_node_says_what_came_of_each_source(ask: Ask) -> None:
    with pytest.raises(AccessError, match=r"connection to grpc refused; then connection to http"):
        ask(1, {})


def test_the_fallback_uses_only_the_time_that_is_left(
    make_node: MakeNode, fake_access: type[FakeAccess], recorded_answer: Recorded
) -> None:
    access = fake_access(make_node(1), {STATUS: LOST, METRICS: recorded_answer("metrics-n1.json")})
    read_status(access, admin(access), timeout=5)
    first, second = access.timeouts
    assert first == 5
    assert 0 < second < 5
    with pytest.raises(AccessError, match="no time was left"):
        read_status(access, admin(access), timeout=0)


@pytest.mark.parametrize(
    "answer", [Answer(500, {}, b""), Answer(200, {}, b"raft_last_log_index 7\n# EOF\n")]
)
def test_metrics_without_groups_are_no_view(ask: Ask, answer: Answer) -> None:
    with pytest.raises(AccessError):
        ask(1, {STATUS: LOST, METRICS: answer})


def test_metrics_may_lack_one_of_the_two_indices() -> None:
    body = b'raft_last_applied{machine="data_0"} 5\n'
    assert metrics_view(Answer(200, {}, body)) == {"data_0": GroupStatus(last_applied=5)}
