"""Many hosts at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import TaskError, UnreachableError, UsageError
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import Command, Fleet, LocalOptions, SshOptions, Transfer, make_transport

if TYPE_CHECKING:
    from raftfleet.transport import Transport
    from tests.transport.sshd import Sshd

PATIENCE = 30.0


class Fakes(Fleet):
    """A fleet of fakes, which it hands out."""

    def __init__(self, *names: str, forks: int = 20) -> None:
        self.fakes = {name: FakeTransport(name) for name in names}
        super().__init__(
            dict.fromkeys(names, LocalOptions()),
            forks=forks,
            make=lambda name, _: self.fakes[name],
        )


def test_a_transport_is_made_once_and_kept() -> None:
    with Fakes("a", "b") as fleet:
        assert fleet.of("a") is fleet.of("a")
        assert fleet.of("a") is not fleet.of("b")


def test_a_host_nobody_knows_is_refused() -> None:
    with Fakes("a") as fleet, pytest.raises(UsageError, match="c is not a host"):
        fleet.of("c")


def test_results_come_as_they_finish_by_inventory_name() -> None:
    turns = {name: threading.Event() for name in "abc"}

    def wait(transport: Transport) -> str:
        assert turns[transport.host].wait(PATIENCE)
        return transport.host.upper()

    with Fakes("a", "b", "c") as fleet:
        results = fleet.each("abc", wait)
        for name in "cab":
            turns[name].set()
            assert next(results) == (name, name.upper())
        assert list(results) == []


def test_an_exception_is_the_result_of_its_host_alone() -> None:
    with Fakes("a", "b", "c") as fleet:
        fleet.fakes["b"].refuse(UnreachableError("b: gone"))
        results = dict(fleet.each("abc", lambda one: one.connect(timeout=1)))
    assert str(results.pop("b")) == "b: gone"
    assert results == {"a": None, "c": None}


def test_no_more_hosts_than_forks_are_worked_on_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def work(_: Transport) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(PATIENCE)
        with lock:
            running -= 1
        together.wait(PATIENCE)

    names = [f"h{number}" for number in range(9)]
    with Fakes(*names, forks=3) as fleet:
        assert dict(fleet.each(names, work)) == dict.fromkeys(names)
    assert most == 3


def test_leaving_early_calls_off_what_has_not_begun() -> None:
    begun: list[str] = []
    first_is_done = threading.Event()

    def work(transport: Transport) -> None:
        begun.append(transport.host)
        if len(begun) > 1:
            first_is_done.wait(PATIENCE)

    names = [f"h{number}" for number in range(10)]
    with Fakes(*names, forks=1) as fleet:
        results = fleet.each(names, work)
        next(results)
        results.close()  # type: ignore[attr-defined]
        first_is_done.set()
    assert len(begun) <= 2


@pytest.mark.parametrize("forks", [0, -1])
def test_forks_must_be_at_least_one(forks: int) -> None:
    with pytest.raises(UsageError, match="forks"):
        Fleet({}, forks=forks)


def test_closing_closes_all_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with Fakes("a", "b") as fleet:
        dict(fleet.each("ab", lambda one: one.connect(timeout=1)))
    assert [fake.calls[-1].name for fake in fleet.fakes.values()] == ["close", "close"]
    assert not set(threading.enumerate()) - before


def test_one_file_goes_to_several_hosts_at_once_with_progress(sshd: Sshd, tmp_path: Path) -> None:
    source = tmp_path / "binary"
    source.write_bytes(os.urandom(3_000_000))
    names = [f"h{number}" for number in range(5)]
    told: dict[str, list[int]] = {name: [] for name in names}
    with Fleet(dict.fromkeys(names, sshd.options())) as fleet:
        assert not any(
            isinstance(result, Exception)
            for _, result in fleet.each(names, lambda one: one.connect(timeout=60))
        )
        for again in (False, True):
            results = dict(
                fleet.put(
                    names,
                    source,
                    PurePosixPath(tmp_path / "target"),
                    mode=0o755,
                    timeout=60,
                    progress=lambda host, done, _: told[host].append(done),
                )
            )
            assert all(isinstance(result, Transfer) for result in results.values()), results
            if again:
                assert {r.changed for r in results.values() if isinstance(r, Transfer)} == {False}
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert {told[name][-1] for name in names} == {3_000_000}


def test_a_host_that_cannot_take_a_file_does_not_stop_the_others() -> None:
    with Fakes("a", "b") as fleet:
        fleet.fakes["a"].capacity = 10
        results = dict(fleet.put("ab", bytes(100), PurePosixPath("/f"), mode=0o644, timeout=1))
    assert isinstance(results["a"], TaskError)
    assert isinstance(results["b"], Transfer)


def test_calls_under_way_and_queued_when_the_fleet_closes_are_cut_short(sshd: Sshd) -> None:
    fleet = Fleet(dict.fromkeys("abc", sshd.options()), forks=1)
    fleet.of("a").connect(timeout=PATIENCE)
    results = fleet.each("abc", lambda one: one.run(Command("sleep 600"), timeout=600))
    fleet.close()
    kinds = {host: type(result).__name__ for host, result in results}
    assert kinds.pop("a") in {"Signalled", "Lost", "CancelledError", "UnreachableError"}
    assert kinds == {"b": "CancelledError", "c": "CancelledError"}


def test_fabric_and_paramiko_are_imported_only_by_who_connects() -> None:
    code = (
        "import sys, raftfleet.transport as t\n"
        "heavy = {'fabric', 'paramiko', 'invoke'}\n"
        "t.make_transport('a', t.LocalOptions())\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "t.make_transport('a', t.SshOptions(address='a'))\n"
        "assert heavy <= set(sys.modules)\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_make_transport_keeps_the_inventory_name() -> None:
    assert make_transport("n1", SshOptions(address="10.0.0.1")).host == "n1"
    assert make_transport("n2", LocalOptions()).host == "n2"
