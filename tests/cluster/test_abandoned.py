"""What a dead run wrote is known from its journal, sought in the stores, and removed."""

from __future__ import annotations

import threading
from pathlib import Path, PurePosixPath

import pytest

from raftfleet.clock import SystemClock
from raftfleet.cluster.abandoned import abandoned, remove
from raftfleet.cluster.access import NodeAccess
from raftfleet.cluster.describing import described
from raftfleet.cluster.traffic import Rates, Traffic
from raftfleet.errors import ExitCode
from raftfleet.journal import Recorder
from raftfleet.journal import events as ev
from raftfleet.journal.values import Incarnation, Lack
from raftfleet.systems.protocol import Access, AccessError, Ack, Unknown, WriteOutcome
from raftfleet.testing.system import FakeSystem, toy_node, toy_status

NAMES = ("n1", "n2", "n3")
NODES = [toy_node(n, i, PurePosixPath(f"/opt/{i}"), 7000 + i) for i, n in enumerate(NAMES, 1)]
IDENTITIES = [node.identity for node in NODES]
PREFIX = "raftfleet-dead-1-"
SECONDS = 20.0


class Dead:
    """A run that wrote through every node and was killed: its journal has no end.

    ``keep`` is what its drill said of the data, None for a journal that does not say.
    """

    def __init__(self, runs: Path, *, keep: bool | None = False) -> None:
        self.system = FakeSystem()
        self.system.stores = {name: {"theirs": "stays"} for name in NAMES}
        self.accesses = {node.name: NodeAccess(node, {}) for node in NODES}
        (runs / "dead").mkdir(parents=True)
        self.recorder = Recorder(runs / "dead", SystemClock())
        self.recorder.record(described("raft", self.system, NODES, period=0.02, build=""))
        self.recorder.record(ev.DrillStarted(drill="d", expects=(), keep_data=keep))
        for name in NAMES:
            self.recorder.record(ev.NodeFound(node=name, incarnation=Incarnation(1, 1, 1)))
            view = {"main": toy_status(index=1)}
            self.recorder.record(ev.StatusSeen(node=name, since=0.0, groups=view))
        rates = Rates(total=300.0, creates=60.0)
        stop = threading.Event()
        made = Traffic(
            *(self.system, self.accesses, self.recorder, SystemClock()),
            prefix=PREFIX, rates=rates, stop=stop,
        )  # fmt: skip
        made.start()
        assert made.await_acknowledged(5, SECONDS) is None
        made.end()
        assert made.burst("create", 30, NAMES) == 30

    @property
    def ours(self) -> set[str]:
        return {key for store in self.system.stores.values() for key in store} - {"theirs"}


@pytest.fixture
def dead(tmp_path: Path) -> Dead:
    return Dead(tmp_path)


def test_all_of_it_is_removed_and_nothing_else(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.close()
    wrote = len(dead.ours)
    (one,) = abandoned(tmp_path, IDENTITIES)
    assert one.run == "dead"
    done = remove(dead.system, dead.accesses, SystemClock(), one)
    assert (done.prefix, done.count, done.left.count) == (PREFIX, wrote, 0)
    assert dead.ours == set()
    assert all(store == {"theirs": "stays"} for store in dead.system.stores.values())
    assert remove(dead.system, dead.accesses, SystemClock(), one).count == 0


def test_what_a_later_run_removed_is_not_sought_again(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.close()
    for left in (Lack(1, ("x",)), Lack()):
        assert len(list(abandoned(tmp_path, IDENTITIES))) == 1
        folder = tmp_path / f"heal-{left.count}"
        with Recorder(folder, SystemClock()) as recorder:
            recorder.record(ev.WritesRemoved(prefix=PREFIX, count=9, left=left))
    assert list(abandoned(tmp_path, IDENTITIES)) == []


def test_what_replaced_a_register_of_unknown_fate_is_sought_too(dead: Dead, tmp_path: Path) -> None:
    writer = f"{PREFIX}r-n1-"
    for number in range(7, 9):
        dead.system.stores["n1"][f"{writer}{number}"] = "1"
    name = "register via n1"
    lost = ev.WriteEnded(
        writer=name, via="n1", key=f"{writer}1", value="9", sent=0.0, outcome="unknown"
    )
    dead.recorder.record(lost)
    dead.recorder.record(lost)
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)
    assert {f"{writer}7", f"{writer}8"} <= set(one.registers)
    assert f"{writer}9" not in one.registers


def test_a_killed_run_that_was_to_keep_its_data_keeps_them(tmp_path: Path) -> None:
    dead = Dead(tmp_path, keep=True)
    dead.recorder.close()
    assert dead.ours
    assert list(abandoned(tmp_path, IDENTITIES)) == []


def test_what_a_journal_does_not_call_kept_or_not_is_named_and_marked(tmp_path: Path) -> None:
    dead = Dead(tmp_path, keep=None)
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)
    assert one.unsaid
    assert one.prefix.startswith(PREFIX)


def test_each_drill_of_a_run_speaks_for_its_own_writers(dead: Dead, tmp_path: Path) -> None:
    for number, keep in enumerate((True, False, None)):
        dead.recorder.record(ev.DrillStarted(drill=f"d{number}", expects=(), keep_data=keep))
        dead.recorder.record(
            ev.WriterStarted(writer=f"w{number}", kind="create", via="n1", prefix=f"own-{number}-")
        )
    dead.recorder.close()
    said, unsaid = abandoned(tmp_path, IDENTITIES)
    assert not said.unsaid
    assert set(said.prefixes) >= {"own-1-"}
    assert {"own-0-", "own-2-"}.isdisjoint(said.prefixes)
    assert (unsaid.prefixes, unsaid.unsaid) == (["own-2-"], True)


def test_a_writer_without_a_prefix_is_not_taken_for_the_owner_of_every_key(
    dead: Dead, tmp_path: Path
) -> None:
    dead.recorder.record(ev.WriterStarted(writer="w", kind="create", via="n1"))
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)
    assert "" not in one.prefixes


def test_data_that_a_run_kept_on_purpose_are_left_alone(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.record(ev.RunEnded(exit_code=ExitCode.PASSED))
    dead.recorder.close()
    assert list(abandoned(tmp_path, IDENTITIES)) == []


def test_a_run_that_removed_all_and_died_later_left_nothing(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.record(ev.WritesRemoved(prefix=PREFIX, count=9))
    dead.recorder.close()
    assert list(abandoned(tmp_path, IDENTITIES)) == []


def test_a_run_that_could_not_remove_all_left_some(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.record(ev.WritesRemoved(prefix=PREFIX, count=9, left=Lack(1, ("x",))))
    dead.recorder.record(ev.RunEnded(exit_code=ExitCode.PASSED))
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)
    assert len(one.prefixes) == 6


def test_runs_of_other_clusters_and_broken_journals_are_passed_over(
    dead: Dead, tmp_path: Path
) -> None:
    dead.recorder.close()
    assert list(abandoned(tmp_path, IDENTITIES[:2])) == []
    journal = tmp_path / "dead" / "journal.jsonl"
    journal.write_bytes(b"no\n" + journal.read_bytes())
    assert list(abandoned(tmp_path, IDENTITIES)) == []
    (tmp_path / "empty").mkdir()
    assert list(abandoned(tmp_path, IDENTITIES)) == []


def test_what_cannot_be_removed_is_counted(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)
    dead.system.leader = "9"  # nobody leads: everybody refuses
    done = remove(dead.system, dead.accesses, SystemClock(), one)
    assert (done.count, done.left.count) == (0, len(dead.ours))


def test_a_key_that_one_node_does_not_remove_is_given_to_every_other(
    dead: Dead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)

    def only_the_last(at: Access, kind: str, key: str, **_: float) -> WriteOutcome:
        deaf = {"n1"} if kind == "create" else {"n1", "n2"}
        if at.node.name in deaf:
            return Unknown("no answer")
        for store in dead.system.stores.values():
            store.pop(key, None)
        return Ack()

    monkeypatch.setattr(dead.system, "remove", only_the_last)
    done = remove(dead.system, dead.accesses, SystemClock(), one)
    assert done.left.count == 0
    assert dead.ours == set()


def test_when_no_node_answers_nobody_knows(dead: Dead, tmp_path: Path) -> None:
    dead.recorder.close()
    (one,) = abandoned(tmp_path, IDENTITIES)
    dead.system.away = set(NAMES)
    with pytest.raises(AccessError):
        remove(dead.system, dead.accesses, SystemClock(), one)
