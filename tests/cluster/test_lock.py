"""The cluster lock on three hosts that are folders of this machine: real scripts, real locks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from raftfleet.clock import FakeClock, SystemClock
from raftfleet.cluster import lock as lock_module
from raftfleet.cluster.fence import Fence
from raftfleet.cluster.healing import take_over
from raftfleet.cluster.holder import Holder, Sighting
from raftfleet.cluster.lock import ClusterLock
from raftfleet.cluster.remote import Place
from raftfleet.errors import LockHeldError, LockLostError, UnreachableError
from raftfleet.journal import Recorder
from raftfleet.journal.events import (
    LockAcquired,
    LockLost,
    LockReleased,
    LockRenewedLate,
)
from raftfleet.systems.protocol import Node
from raftfleet.testing.system import toy_node
from raftfleet.transport import Command, Exited, LocalOptions, Lost, make_transport
from tests.cluster.bench import events_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from raftfleet.transport import Outcome, Transport

NAMES = ("n1", "n2", "n3")
LONG = 60.0


class Severable:
    """A way to a host that can be cut."""

    def __init__(self, name: str) -> None:
        self._inner: Transport = make_transport(name, LocalOptions())
        self.host = name
        self.cut = False

    def run(self, command: Command, *, timeout: float, stdin: bytes = b"") -> Outcome:
        if self.cut:
            return Lost(reason="the cable is out")
        return self._inner.run(command, timeout=timeout, stdin=stdin)


@dataclass
class Controller:
    """One controller with ways of its own to the hosts."""

    lock: ClusterLock
    places: dict[str, Place]
    ways: dict[str, Severable]
    recorder: Recorder

    def change(self, host: str) -> str:
        """Change a host; return what came of it: done, or why not."""
        place = self.places[host]
        try:
            outcome = place.transport.run(Command(place.fenced("echo done")), timeout=20)
        except LockLostError as error:
            return error.message
        if isinstance(outcome, Exited) and outcome.ok:
            return outcome.out.strip()
        return outcome.err.strip()

    def changes(self) -> list[str]:
        return [self.change(host) for host in self.places]

    def cut(self, *hosts: str) -> None:
        for host in hosts:
            self.ways[host].cut = True


@dataclass
class Hosts:
    """Folders that stand for hosts, and every controller that was made for them."""

    folder: Path
    controllers: list[Controller] = field(default_factory=list)

    def controller(
        self,
        run: str,
        *,
        life: float = LONG,
        holder: Holder | None = None,
        machines: tuple[str, ...] = NAMES,
        renews: bool = True,
    ) -> Controller:
        fence, ways, places = Fence(), {}, {}
        for name, machine in zip(NAMES, machines, strict=True):
            (self.folder / machine).mkdir(exist_ok=True)
            ways[name] = Severable(name)
            toy = toy_node(name, int(name[1:]), self.folder, 1)
            node = Node(replace(toy.identity, machine=machine), toy.home, toy.variables)
            places[name] = Place(
                node,
                "bench",
                ways[name],  # type: ignore[arg-type]
                root=str(self.folder / machine),
                fence=fence,
            )
        recorder = Recorder(None, SystemClock())
        us = holder or Holder.ourselves(run, time.time())
        lock = ClusterLock(list(places.values()), fence, us, recorder, SystemClock(), life=life)
        if not renews:
            lock._keep = lambda: None  # type: ignore[method-assign]
        made = Controller(lock, places, ways, recorder)
        self.controllers.append(made)
        return made

    def record(self, host: str) -> dict[str, str]:
        """Return the lock's record on a host."""
        path = self.folder / host / "locks/bench/held"
        if not path.exists():
            return {}
        return dict(line.split(" ", 1) for line in path.read_text().splitlines())

    def expired(self, seen_by: Controller) -> bool:
        seen = seen_by.lock.look().values()
        return all(isinstance(one, Sighting) and one.token and not one.held for one in seen)

    def holders(self) -> list[str]:
        return [self.record(host).get("run", "") for host in NAMES]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    yield made
    for controller in made.controllers:
        controller.lock.release()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("lock")]
    assert left == []


def test_whoever_holds_the_lock_may_change_every_host_until_it_is_given_back(hosts: Hosts) -> None:
    us = hosts.controller("run one")
    assert us.change("n1") == "the cluster lock has not been taken"
    us.lock.acquire()
    us.lock.acquire()  # once is enough
    assert us.changes() == ["done"] * 3
    assert hosts.holders() == ["run one"] * 3
    us.lock.release()
    assert us.change("n1") == "the cluster lock has been given back"
    assert hosts.holders() == ["", "", ""]
    kinds = [type(event) for event in us.recorder.journal().events]
    assert kinds == [LockAcquired, LockReleased]


def test_a_second_controller_is_refused_and_told_who_has_it(hosts: Hosts) -> None:
    one, two = hosts.controller("run one"), hosts.controller("run two")
    one.lock.acquire()
    with pytest.raises(LockHeldError) as caught:
        two.lock.acquire(patience=0)
    assert f"(pid {os.getpid()}), run one, since 2" in caught.value.message
    assert "expires in 6" in caught.value.message
    assert "raftfleet heal" in (caught.value.hint or "")
    assert hosts.holders() == ["run one"] * 3
    assert two.change("n2") == "the cluster lock has not been taken"
    one.lock.release()
    two.lock.acquire(patience=0)
    epochs = [events_of(each.recorder, LockAcquired)[0].epoch for each in (one, two)]
    assert epochs == [1, 2]


def test_a_host_looks_for_itself_whatever_a_controller_believes(hosts: Hosts) -> None:
    one, two = hosts.controller("run one"), hosts.controller("run two")
    one.lock.acquire()
    two.lock._fence.open()
    assert (
        two.changes()
        == ["fenced: the cluster lock on this host is held by another run (run one)"] * 3
    )
    one.lock.release()
    assert two.changes() == ["fenced: the cluster lock on this host is not held by anybody"] * 3


def test_a_minority_of_hosts_may_be_away_and_joins_when_it_is_back(hosts: Hosts) -> None:
    us = hosts.controller("run one", life=3.0)
    us.cut("n3")
    us.lock.acquire()
    assert us.changes()[:2] == ["done", "done"]
    assert hosts.holders() == ["run one", "run one", ""]
    us.ways["n3"].cut = False
    until(lambda: us.change("n3") == "done", "n3 obeys")


def test_a_host_that_has_seen_a_higher_epoch_from_one_who_lost_joins_all_the_same(
    hosts: Hosts,
) -> None:
    folder = hosts.folder / "n3/locks/bench"
    us = hosts.controller("run one", life=3.0)
    us.cut("n3")
    us.lock.acquire()
    folder.mkdir(parents=True)
    (folder / "epoch").write_text("7\n")
    us.ways["n3"].cut = False
    until(lambda: us.change("n3") == "done", "n3 obeys")
    until(lambda: {hosts.record(host)["epoch"] for host in NAMES} == {"7"}, "one epoch for all")


def test_without_a_majority_of_hosts_there_is_no_lock(hosts: Hosts) -> None:
    us = hosts.controller("run one")
    us.cut("n1", "n2")
    with pytest.raises(UnreachableError, match="2 of 3 hosts cannot be asked") as caught:
        us.lock.acquire(patience=0)
    assert "the cable is out" in caught.value.message
    assert hosts.holders() == ["", "", ""]


def test_an_attempt_that_fails_leaves_nothing(hosts: Hosts) -> None:
    one, two = hosts.controller("run one"), hosts.controller("run two")
    one.cut("n3")
    one.lock.acquire()
    with pytest.raises(LockHeldError):
        two.lock.acquire(patience=0)
    assert hosts.holders() == ["run one", "run one", ""]


def test_what_could_not_be_given_back_stands_in_nobodys_own_way(hosts: Hosts) -> None:
    us = hosts.controller("run one")
    us.lock.acquire()
    us.cut("n1", "n2")
    us.lock.release()
    assert hosts.holders() == ["run one", "run one", ""]
    us.ways["n1"].cut = us.ways["n2"].cut = False
    assert us.lock.acquire(patience=0) == "", "it is no legacy of somebody else's"
    assert us.changes() == ["done"] * 3


def test_nodes_on_one_machine_count_once(hosts: Hosts) -> None:
    us = hosts.controller("run one", machines=("n1", "n1", "n1"))
    us.lock.acquire()
    assert list(us.lock.look()) == ["n1"]
    assert us.changes() == ["done"] * 3, "every node of the machine is behind the same fence"


def test_an_expired_lock_is_worth_nothing_even_if_nobody_else_came(hosts: Hosts) -> None:
    us = hosts.controller("run one", life=0.6, renews=False)
    us.lock.acquire()
    assert us.changes() == ["done"] * 3
    until(lambda: us.changes() == [EXPIRED] * 3, "every host refuses")
    until(lambda: hosts.expired(us), "the record is void")
    assert us.lock._round() == 0, "what has expired cannot be renewed"


EXPIRED = "fenced: the cluster lock has expired: it was not renewed in time"


def test_an_expired_lock_is_taken_over_and_its_holder_is_refused(hosts: Hosts) -> None:
    stranger = Holder("alice", "far", "another-system", "7", "7", "run one", "1795000000")
    one = hosts.controller("run one", life=0.8, renews=False, holder=stranger)
    two = hosts.controller("run two")
    one.lock.acquire()
    with pytest.raises(LockHeldError, match=r"alice@far \(pid 7\), run one, since 2026-11-18"):
        two.lock.acquire(patience=0)
    two.lock.acquire(patience=10)
    assert two.changes() == ["done"] * 3
    assert set(one.changes()) == {
        "fenced: the cluster lock on this host is held by another run (run two)"
    }
    taken = events_of(two.recorder, LockAcquired)[0]
    assert taken.epoch > 1
    assert taken.after.startswith("alice@far (pid 7), run one")
    assert taken.after.endswith("expired")


@pytest.mark.parametrize("planted", [False, True])
def test_a_host_that_a_cut_off_holder_still_reaches_refuses_it_when_the_others_are_free(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, planted: bool
) -> None:
    """With a bug planted, commands obeyed for as long as the host itself holds, it is seen."""
    if planted:
        monkeypatch.setattr(lock_module, "_DRIFT", -1000.0)
    one, two = hosts.controller("run one", life=2.0), hosts.controller("run two")
    one.lock.acquire()
    monkeypatch.setattr(lock_module, "_GIVING_BACK", 0.0)
    one.lock._outvoted = lambda: False  # type: ignore[method-assign] # it does not even notice
    one.lock._lose = lambda *_: None  # type: ignore[method-assign]
    one.cut("n2", "n3")
    assert one.change("n1") == "done"
    two.lock.acquire(patience=30)
    assert (one.change("n1") == "done") is planted


def test_a_dead_holder_of_this_machine_is_taken_over_at_once(hosts: Hosts) -> None:
    argv = [
        sys.executable,
        "-c",
        "from raftfleet.cluster.holder import Holder as H; print(H.ourselves('run x', 0).lines())",
    ]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    fields = dict(line.split(" ", 1) for line in said.splitlines())
    one = hosts.controller("run one", renews=False, holder=Holder(**fields))
    two = hosts.controller("run two")
    one.lock.acquire()
    two.lock.acquire(patience=0)
    assert "run x" in events_of(two.recorder, LockAcquired)[0].after
    assert set(one.changes()) == {
        "fenced: the cluster lock on this host is held by another run (run two)"
    }


def test_only_a_process_that_we_could_see_is_called_dead() -> None:
    us = Holder.ourselves("run", 0)
    assert not us.is_dead(us)
    gone = Holder(**{**holder_fields(us), "pid": "1", "start": "-1"})
    assert gone.is_dead(us)
    assert not Holder(**{**holder_fields(gone), "system": "elsewhere"}).is_dead(us)
    assert not Holder(**{**holder_fields(gone), "pid": "-"}).is_dead(us)


def holder_fields(holder: Holder) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in holder.lines().splitlines())


def test_healing_leaves_a_lock_alone_whose_holder_renews_it(hosts: Hosts) -> None:
    one, two = hosts.controller("run one", life=6.0), hosts.controller("run two", life=60.0)
    one.lock.acquire()
    began = time.monotonic()
    with pytest.raises(LockHeldError, match="run one"):
        take_over(two.lock, SystemClock())
    assert time.monotonic() - began < 30, "seeing it renewed once is enough"
    assert one.changes() == ["done"] * 3


def test_healing_waits_out_a_holder_that_it_cannot_see(hosts: Hosts) -> None:
    stranger = Holder("alice", "far", "another-system", "7", "7", "run one", "1795000000")
    one = hosts.controller("run one", life=1.5, renews=False, holder=stranger)
    two = hosts.controller("run two")
    one.lock.acquire()
    assert take_over(two.lock, SystemClock()).startswith("alice@far (pid 7), run one")
    two.lock.release()
    assert take_over(two.lock, SystemClock()) == "", "the second time there is nobody's"


def test_nobody_takes_over_while_a_command_of_the_holder_is_under_way(hosts: Hosts) -> None:
    one = hosts.controller("run one", life=1.0, renews=False)
    two = hosts.controller("run two")
    one.lock.acquire()
    going, over = hosts.folder / "going", hosts.folder / "over"
    line = f"touch {going}; until [ -e {over} ]; do sleep 0.01; done"
    commands = [
        threading.Thread(
            target=place.transport.run, args=(Command(place.fenced(line)),), kwargs={"timeout": 60}
        )
        for place in list(one.places.values())[:2]
    ]
    for command in commands:
        command.start()
    until(going.exists, "the commands run")
    until(lambda: hosts.expired(two), "expiry")
    with pytest.raises(LockHeldError, match="still under way"):
        two.lock.acquire(patience=0)
    over.touch()
    for command in commands:
        command.join()
    two.lock.acquire(patience=0)


def test_a_record_of_before_a_reboot_holds_nothing(hosts: Hosts) -> None:
    one, two = hosts.controller("run one", renews=False), hosts.controller("run two")
    one.lock.acquire()
    for host in NAMES:
        path = hosts.folder / host / "locks/bench/held"
        boot = hosts.record(host)["boot"]
        path.write_text(path.read_text().replace(boot, "an-earlier-boot"))
    assert set(one.changes()) == {
        "fenced: this host has been rebooted since the cluster lock was taken"
    }
    two.lock.acquire(patience=0)


def test_a_host_that_has_just_been_booted_waits_for_what_it_may_have_promised(hosts: Hosts) -> None:
    us = hosts.controller("run one", life=1e7)  # longer than any machine is up: as if just booted
    with pytest.raises(LockHeldError, match="were rebooted less than"):
        us.lock.acquire(patience=0)
    assert hosts.holders() == ["", "", ""]


def test_a_holder_that_is_outvoted_records_it_and_changes_nothing_more(hosts: Hosts) -> None:
    us = hosts.controller("run one", life=1.0)
    us.lock.acquire()
    for host in ("n1", "n2"):
        (hosts.folder / host / "locks/bench/held").unlink()
        (hosts.folder / host / "locks/bench/epoch").write_text("9\n")
    until(lambda: events_of(us.recorder, LockLost), "the loss is recorded")
    assert us.change("n3").startswith("the cluster lock is lost: 1 of 3 hosts still hold it")


def test_a_renewal_that_comes_late_is_recorded(hosts: Hosts) -> None:
    us = hosts.controller("run one", life=3.0)
    us.lock.acquire()
    us.cut("n1", "n2")
    time.sleep(1.6)  # longer than half a life: the lateness itself is what is tested
    us.ways["n1"].cut = False
    until(lambda: events_of(us.recorder, LockRenewedLate), "lateness is recorded")
    late = events_of(us.recorder, LockRenewedLate)[0]
    assert 1.5 < late.seconds < 3.0
    assert us.change("n1") == "done"


def test_many_who_race_are_never_in_together(hosts: Hosts) -> None:
    inside: list[str] = []
    clashes: list[list[str]] = []
    entries = 0
    guard = threading.Lock()

    def contend(number: int) -> None:
        nonlocal entries
        for turn in range(4):
            us = hosts.controller(f"run {number}-{turn}")
            us.lock.acquire(patience=30)
            with guard:
                inside.append(f"{number}-{turn}")
                entries += 1
                if len(inside) > 1:
                    clashes.append(list(inside))
            assert us.changes() == ["done"] * 3
            with guard:
                inside.remove(f"{number}-{turn}")
            us.lock.release()

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clashes == []
    assert entries == 12


def test_a_holder_that_renews_as_often_as_healing_looks_is_seen_to_live() -> None:
    """The lock then holds equally long at every look."""
    clock = FakeClock()
    holder = Holder.ourselves("run one", 0)

    def refuse(**_: object) -> str:
        raise LockHeldError("run one")

    def look() -> dict[str, Sighting]:
        now = round(clock.monotonic() * 100)
        return {"n1": Sighting(holder, "token", held=True, left=25.0, epoch=1, now=now)}

    before = clock.monotonic()
    with pytest.raises(LockHeldError):
        take_over(SimpleNamespace(life=30.0, acquire=refuse, look=look), clock)  # type: ignore[arg-type]
    assert clock.monotonic() - before < 5
