"""Hosts that are lost: what becomes of them, and that nobody else waits longer than need be."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from raftfleet.errors import UnreachableError
from raftfleet.journal.events import TaskResult
from raftfleet.playbook import Result
from raftfleet.transport.protocol import Lost
from tests.playbook.conftest import CONNECT, FakeModule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from raftfleet.inventory import Host
    from raftfleet.journal.events import Event
    from raftfleet.playbook import ModuleContext
    from raftfleet.testing.transport import FakeTransport
    from tests.playbook.conftest import Ran, Stage


class Others:
    """What a lost host waits for instead of its deadline: that the others have been told of.

    So a result that comes only after the lost host's never comes, and the test fails.
    """

    def __init__(self, stage: Stage, lost: set[str], results: int) -> None:
        self._lost = lost
        self._left = results
        self._over = threading.Event()
        stage.listen = self._told

    def _told(self, event: Event) -> None:
        if isinstance(event, TaskResult) and event.host not in self._lost:
            self._left -= 1
            if not self._left:
                self._over.set()

    def awaited(self) -> None:
        """Wait for them."""
        assert self._over.wait(20), "the others were not told of while this host was busy"


def unreachable(stage: Stage, *names: str, others: int) -> list[str]:
    """Let hosts be lost while they are connected to; return who was connected to, in order."""
    waiting = Others(stage, {*names}, others)
    connected: list[str] = []
    usual = stage.transport

    def transport(host: Host, *, timeout: float = math.inf) -> FakeTransport:
        connected.append(host.name)
        if host.name in names:
            waiting.awaited()
            raise UnreachableError(f"{host.name}: no answer")
        return usual(host, timeout=timeout)

    stage.transport = transport  # type: ignore[method-assign]
    return connected


def hosts(ran: Ran, status: str) -> list[str]:
    """Return who had a result of this kind, in the order in which it was told."""
    return [event.host for event in ran.results() if event.status == status]


def test_the_others_are_told_of_at_once_and_go_on(stage: Stage) -> None:
    connected = unreachable(stage, "e2", others=2)
    ran = stage.tasks("[{ask: one}, {ask: two}]", hosts="east")
    assert hosts(ran, "unreachable") == ["e2"]
    assert [event.host for event in ran.results()][:3] in (["e1", "e3", "e2"], ["e3", "e1", "e2"])
    assert sorted(hosts(ran, "changed")) == ["e1", "e1", "e3", "e3"]
    assert (ran.exit_code, connected.count("e2")) == (4, 1)


def test_a_host_that_dies_while_it_is_busy_is_told_of_last(stage: Stage) -> None:
    waiting = Others(stage, {"e2"}, 2)

    def die(_command: object, _stdin: bytes) -> Lost:
        waiting.awaited()
        return Lost(reason="the connection broke")

    stage.fake("e2").on("one", die)
    ran = stage.tasks("[{ask: one}, {ask: two}]", hosts="east")
    assert hosts(ran, "unreachable") == ["e2"]
    assert ran.recap["e2"] == {"unreachable": 1}
    assert sorted(hosts(ran, "changed")) == ["e1", "e1", "e3", "e3"]
    assert ran.exit_code == 4


def test_a_host_lost_while_facts_are_gathered_is_out_of_the_play(stage: Stage) -> None:
    def gather(_arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        return Result(gathered={"ansible_from": context.transport.host})

    stage.add(FakeModule("setup", gather, local=False))
    unreachable(stage, "e1", others=2)
    ran = stage.run("""
        - {hosts: east, tasks: [{say: "{{ ansible_from }}"}], post_tasks: [{say: post}]}
        - {hosts: east, tasks: [{say: next}]}
    """)
    assert ran.recap["e1"] == {"unreachable": 1}
    assert ran.of("e2") == ["e2", "post", "next"]
    assert ran.exit_code == 4


def test_each_lost_host_costs_its_time_once_however_few_forks_there_are(stage: Stage) -> None:
    for name in ("e1", "e2"):
        stage.fake(name).freeze()
    began = stage.clock.monotonic()
    ran = stage.tasks("[{ask: one}, {ask: two}, {ask: three}]", hosts="east:west", forks=2)
    assert sorted(hosts(ran, "unreachable")) == ["e1", "e2"]
    assert sorted(hosts(ran, "changed")) == ["e3"] * 3 + ["w1"] * 3 + ["w2"] * 3
    assert stage.clock.monotonic() - began == 2 * CONNECT


def test_one_fork_is_enough_for_the_others_while_a_host_is_lost(stage: Stage) -> None:
    unreachable(stage, "e1", others=4)
    ran = stage.tasks("- ask: one", hosts="east:west", forks=2)
    assert [event.host for event in ran.results()][-1] == "e1"
    assert ran.exit_code == 4


def test_a_lost_host_ends_its_batch_only_when_it_is_all_of_it(stage: Stage) -> None:
    play = "- {hosts: east, serial: %d, tasks: [{ask: one}, {say: told}]}"
    unreachable(stage, "e1", others=1)
    ran = stage.run(play % 2)
    assert (ran.trace, ran.exit_code) == (["e2 told", "e3 told"], 4)


def test_the_whole_batch_lost_ends_the_run(stage: Stage) -> None:
    for name in ("e1", "e2"):
        stage.fake(name).refuse(UnreachableError("gone"))
    ran = stage.run("""
        - {hosts: east, serial: 1, tasks: [{ask: one}, {say: told}]}
        - {hosts: west, tasks: [{say: never}]}
    """)
    assert (ran.trace, ran.exit_code) == ([], 4)
    assert list(ran.recap) == ["e1"]


def test_run_once_on_a_lost_host_ends_the_play_for_all(stage: Stage) -> None:
    stage.fake("e1").refuse(UnreachableError("gone"))
    ran = stage.run("""
        - {hosts: east, tasks: [{ask: one, run_once: true}, {say: never}]}
    """)
    assert (ran.trace, ran.exit_code) == ([], 4)
    assert ran.recap == {"e1": {"unreachable": 1}}


def test_who_delegates_to_a_lost_host_is_lost_with_it(stage: Stage) -> None:
    stage.fake("w1").refuse(UnreachableError("gone"))
    ran = stage.tasks(
        """
        - {ask: one, delegate_to: w1, when: inventory_hostname != 'e3'}
        - say: told
        """,
        hosts="east",
    )
    assert sorted(hosts(ran, "unreachable")) == ["e1", "e2"]
    assert (ran.trace, ran.exit_code) == (["e3 told"], 4)


def test_the_loop_and_the_tries_of_a_lost_host_end(stage: Stage) -> None:
    lost = stage.fake("e1")
    lost.on("two", Lost(reason="broken"))
    ran = stage.tasks(
        """
        - {ask: "{{ item }}", loop: [one, two, three]}
        - say: told
        """,
        hosts="e1,e2",
    )
    assert lost.lines() == ["one", "two"]
    assert (ran.trace, ran.exit_code) == (["e2 told"], 4)
    lost = stage.fake("e1")
    lost.on("one", Lost(reason="broken"))
    ran = stage.tasks("- {ask: one, register: r, until: r is failed, retries: 5, delay: 60}")
    assert lost.lines() == ["one"]
    assert (ran.recap, ran.exit_code) == ({"e1": {"unreachable": 1}}, 4)


class TestTime:
    """On a clock that moves only when somebody waits."""

    def test_connecting_takes_the_hosts_own_time_at_most(self, stage: Stage) -> None:
        stage.fake("e1").freeze()
        began = stage.clock.monotonic()
        ran = stage.tasks("[{ask: one}, {ask: two}]", hosts="e1,e2", forks=1)
        assert (ran.recap["e1"], ran.exit_code) == ({"unreachable": 1}, 4)
        assert stage.clock.monotonic() - began == CONNECT

    def test_a_tasks_timeout_bounds_connecting_too_and_is_a_failure(self, stage: Stage) -> None:
        stage.fake("e1").freeze()
        began = stage.clock.monotonic()
        ran = stage.tasks("- {ask: one, timeout: 2, register: r}", hosts="e1,e2", forks=1)
        assert ran.failures() == ["not done within its timeout of 2 s"]
        assert ran.results()[0].result["timedout"] == {"period": 2}
        assert (ran.recap["e1"], ran.exit_code) == ({"failed": 1}, 2)
        assert stage.clock.monotonic() - began == 2

    def test_a_timeout_longer_than_connecting_may_take_changes_nothing(self, stage: Stage) -> None:
        stage.fake("e1").freeze()
        ran = stage.tasks("- {ask: one, timeout: 60}")
        assert (ran.recap["e1"], ran.exit_code) == ({"unreachable": 1}, 4)

    def test_a_command_that_hangs_ends_with_the_timeout(self, stage: Stage) -> None:
        stage.fake("e1").on("hang", lasting=math.inf)
        began = stage.clock.monotonic()
        ran = stage.tasks("[{ask: hang, timeout: 5}, {say: told}]", hosts="e1,e2", forks=1)
        assert ran.failures() == ["not done within its timeout of 5 s"]
        assert (ran.trace, ran.exit_code) == (["e2 told"], 2)
        assert stage.clock.monotonic() - began == 5


def test_resetting_the_connection_of_a_lost_host_is_no_error(stage: Stage) -> None:
    stage.fake("e1").freeze()
    ran = stage.tasks("[{meta: reset_connection}, {say: told}]")
    assert (ran.trace, ran.exit_code) == (["e1 told"], 0)
