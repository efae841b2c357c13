"""The comparison can fail: a recording agrees with itself, and no doctored copy agrees with it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from .compare import compare
from .known import Known, read_known
from .rows import Outcome, Range, Row, equal, within
from .running import RECORDINGS, model, scenarios
from .scripts import SCRIPTS
from .table import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recording import Recording

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(),
    reason=f"the recordings of the real broker are not at hand: {RECORDINGS}",
)

RECORDED = [name for name in scenarios() if name not in SCRIPTS] if RECORDINGS.is_dir() else []


def differing(name: str, doctor: Callable[[Recording], None]) -> list[str]:
    doctored = copy.deepcopy(model(name))
    doctor(doctored)
    return [row.item for row in compare(model(name), doctored) if row.outcome is not Outcome.AGREES]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_agrees_with_itself(name: str) -> None:
    rows = compare(model(name), model(name))
    assert [row for row in rows if row.outcome is not Outcome.AGREES] == []
    assert len(rows) >= 10


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_of_which_nothing_was_seen_agrees_with_no_figure(name: str) -> None:
    nothing = copy.deepcopy(model(name))
    nothing.events = [event for event in nothing.events if event["kind"] != "write"]
    rows = compare(model(name), nothing)
    assert {row.outcome for row in rows} <= {Outcome.DIFFERS, Outcome.NO_EVIDENCE}
    assert len(rows) >= 5


def statuses(recording: Recording, node: int, since: float, until: float = 1e9) -> list[Any]:
    return [
        poll.status
        for poll in recording.polls
        if poll.node == node and since <= poll.t1 < until and isinstance(poll.status, dict)
    ]


def raise_term(recording: Recording) -> None:
    for status in statuses(recording, 2, 50.0):
        status["offset_0"]["current_term"] += 1


def swap_order(recording: Recording) -> None:
    """What came first comes last: n3 leads offset_0 at once, and n1 is named leader in the end."""
    early = statuses(recording, 3, 14.0, 43.0)
    late = statuses(recording, 3, 45.0, 52.0)
    first, last = copy.deepcopy(early[0]["offset_0"]), copy.deepcopy(late[-1]["offset_0"])
    for status in early:
        status["offset_0"] = last
    for status in late:
        status["offset_0"] = first


def join_in_another_order(recording: Recording) -> None:
    for poll in recording.polls:
        for group in poll.status.values() if isinstance(poll.status, dict) else ():
            membership = group["membership_config"]["membership"]
            membership["configs"] = [[1, 3] if config == [1, 2] else config
                                     for config in membership["configs"]]  # fmt: skip


def elect_too_early(recording: Recording) -> None:
    """Everything from the election on is seen ten seconds sooner."""
    recording.polls = [
        poll._replace(t1=poll.t1 - 10, t2=poll.t2 - 10, prev=poll.prev - 10)
        if 40 < poll.t1 < 52 else poll
        for poll in recording.polls
    ]  # fmt: skip


def refuse_a_write(recording: Recording) -> None:
    write = next(event for event in recording.of("write") if event["ok"] and event["t"] > 20)
    write |= {"ok": False, "err": "200 Grpc call of the node failed"}


def reword_refusals(recording: Recording) -> None:
    for event in recording.of("write"):
        if not event["ok"]:
            event["err"] = "200 no leader"


def slow_refusals(recording: Recording) -> None:
    for event in recording.of("write"):
        if not event["ok"]:
            event["t2"] = event["t1"] + 5.2


def drop_lines(text: str) -> Callable[[Recording], None]:
    def doctor(recording: Recording) -> None:
        for node, lines in recording.logs.items():
            recording.logs[node] = [line for line in lines if text not in line.text]

    return doctor


def add_errors(recording: Recording) -> None:
    lines = recording.logs[2]
    lines.insert(len(lines) // 2, lines[len(lines) // 2]._replace(level="ERROR", text="state lost"))


def flood(recording: Recording) -> None:
    for node, lines in recording.logs.items():
        recording.logs[node] = [line for line in lines
                                for _ in range(8 if "AppendEntries" in line.text else 1)]  # fmt: skip


def exit_late(recording: Recording) -> None:
    for key in ("latency", "t"):
        recording.of("exited")[0][key] += 5


def exit_without_banner(recording: Recording) -> None:
    recording.of("exited")[0]["lines"]["termination"] = False


def exit_with_an_error(recording: Recording) -> None:
    recording.of("exited")[0]["rc"] = 101


def start_slowly(recording: Recording) -> None:
    recording.logs[3] = [line._replace(t=line.t + 10) if "is ready" in line.text or "NATS Tcp"
                         in line.text else line for line in recording.logs[3]]  # fmt: skip


def never_leave_the_list(recording: Recording) -> None:
    for event in recording.of("broker_node_list"):
        if isinstance(event["list"], list):
            event["list"] = [1, 2, 3]


def lose_writes(recording: Recording) -> None:
    recording.of("compare")[-1]["result"]["2"]["acked_missing_in_store"] = 3


def list_everything(recording: Recording) -> None:
    for event in recording.of("compare"):
        for result in event["result"].values():
            result["n_cache_missing"] = 0


def never_step_down(recording: Recording) -> None:
    stale = statuses(recording, 1, 70.0, 73.0)[-1]
    for poll in recording.polls:
        if poll.node == 1 and poll.t1 > 73.8 and isinstance(poll.status, dict):
            poll.status.update({group: stale[group] for group in poll.status})


def stay_in_office(recording: Recording) -> None:
    """The healthy leader is not deposed after the heal."""
    steady = statuses(recording, 1, 60.0, 74.0)[-1]
    for poll in recording.polls:
        if poll.node == 1 and poll.t1 > 74 and isinstance(poll.status, dict):
            poll.status["metadata_0"] = steady["metadata_0"]


def keep_the_quorum(recording: Recording) -> None:
    for event in recording.of("view"):
        for view in event["views"].values():
            for fields in view.values() if isinstance(view, dict) else ():
                fields[5] = fields[5] and 3


def purge_nothing(recording: Recording) -> None:
    for event in recording.of("log-window"):
        event["purged"] = None


def answer_otherwise(recording: Recording) -> None:
    recording.of("api")[0]["status"] = 200


def forget_a_field(recording: Recording) -> None:
    recording.samples["list-default-n1"]["body"] = '{"code":0,"data":{"data":[]},"error":null}'


def one_survives(recording: Recording) -> None:
    event = recording.of("simultaneous")[0]
    event["alive"]["1"], event["ready_line"]["1"] = True, True


@pytest.mark.parametrize(
    ("name", "doctor", "caught"),
    [
        ("leader-stop-failover", raise_term, "raft/04 start n1/offset_0"),
        ("leader-stop-failover", swap_order, "raft/03 SIGINT n1/offset_0"),
        ("leader-stop-failover", elect_too_early, "elected/03 SIGINT n1"),
        ("leader-stop-failover", join_in_another_order, "voters/metadata_0"),
        ("follower-partitioned-short", refuse_a_write, "writes/03 nft n2 via other"),
        ("leader-crash", reword_refusals, "writes/03 SIGKILL n1 via other"),
        ("leader-crash", slow_refusals, "pace/03 SIGKILL n1 via other/"),
        ("leader-crash", drop_lines("become leader"), "log/written: INFO openraft::"),
        (
            "leader-crash",
            drop_lines("error replication to target"),
            "log/written: WARN openraft::repl",
        ),
        (
            "follower-stop-rejoin",
            drop_lines("Meta service shutdown"),
            "log/written: INFO meta_service",
        ),
        ("follower-stop-rejoin", add_errors, "log/written: ERROR "),
        ("follower-stop-rejoin", flood, "log/03 SIGINT n3/other: "),
        ("follower-stop-rejoin", exit_late, "exit 00 n3 SIGINT, latency"),
        ("follower-stop-rejoin", exit_without_banner, "exit 00 n3 SIGINT"),
        ("follower-stop-rejoin", exit_with_an_error, "exit 00 n3 SIGINT"),
        ("follower-stop-rejoin", start_slowly, "start times/ready, joins"),
        ("follower-stop-rejoin", never_leave_the_list, "node lists/03 SIGINT n3"),
        ("follower-stop-rejoin", lose_writes, "store/00 end n2"),
        ("leader-paused", list_everything, "list/some list lacks"),
        ("leader-partitioned", never_step_down, "steps down/04 nft-flush n1"),
        ("follower-partitioned", stay_in_office, "raft/04 nft-flush n2/metadata_0"),
        ("quorum-loss", keep_the_quorum, "view/"),
        ("snapshot-rejoin", purge_nothing, "log window n1"),
        ("snapshot-rejoin", drop_lines("recovered 0 entries"), "log/written: INFO meta_service"),
        ("bootstrap-and-api", answer_otherwise, "api/api info-noauth n1"),
        ("bootstrap-and-api", forget_a_field, "api/api list-default n1"),
        ("simultaneous-start", one_survives, "race/simultaneous 0"),
    ],
)
def test_a_doctored_copy_is_caught(
    name: str, doctor: Callable[[Recording], None], caught: str
) -> None:
    assert any(item.startswith(caught) for item in differing(name, doctor))


def test_another_procedure_is_refused() -> None:
    with pytest.raises(ValueError, match="not the same procedure"):
        compare(model("leader-stop-failover"), model("leader-crash"))


SPAN = Range(1.0, 2.0, "made up")
ODD = Row("log/ERROR x", Outcome.DIFFERS, "0 x", "3 x")


def test_times_outside_the_range_differ_on_either_side() -> None:
    assert within("t", SPAN, [1.5], [1.7]).outcome is Outcome.AGREES
    assert within("t", SPAN, [1.5], [2.5]).outcome is Outcome.DIFFERS
    assert within("t", SPAN, [0.5], [1.5]).outcome is Outcome.DIFFERS


def test_what_had_nothing_to_compare_does_not_pass() -> None:
    row = within("t", SPAN, [1.5], [])
    assert row.outcome is Outcome.NO_EVIDENCE
    assert not judge({"s": [row, equal("u", 1, 1)]}, []).passes
    assert not judge({}, []).passes


def test_a_known_difference_passes_and_is_named() -> None:
    known = Known("log/*", "a reason")
    judgement = judge({"s": [ODD, equal("u", 1, 1)]}, [known])
    assert judgement.passes
    assert "  1. a reason (1 rows)" in list(judgement.lines())


def test_a_known_difference_that_no_longer_differs_is_stale() -> None:
    stale = judge({"s": [equal("log/ERROR x", 1, 1)]}, [Known("log/*", "a reason")])
    assert not stale.passes
    assert any(line.strip().startswith("stale") for line in stale.lines())
    assert judge({"s": [equal("u", 1, 1)]}, [Known("log/*", "chance", chance=True)]).passes
    assert judge({"s": [equal("u", 1, 1)]}, [Known("log/*", "of another", scenario="t")]).passes


def test_every_known_difference_has_a_reason() -> None:
    assert all(len(known.reason) > 20 for known in read_known())
