"""Batches, order, run_once, forks: on whom a task runs, and when."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError, UsageError
from raftfleet.inventory import Host
from raftfleet.playbook import Argument, Result
from raftfleet.playbook.engine.batches import batches, ordered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from raftfleet.playbook import ModuleContext
    from tests.playbook.conftest import Stage

ALL = ["lone", "e1", "e2", "e3", "w1", "w2"]


def hosts(*names: str) -> list[Host]:
    return [Host(name) for name in names]


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        ([], [7]),
        ([3], [3, 3, 1]),
        ([1, 2, "35%"], [1, 2, 2, 2]),
        (["10%"], [1] * 7),
        (["100%"], [7]),
        ([0], [7]),
        ([10], [7]),
    ],
)
def test_batches_have_these_sizes(serial: list[Any], sizes: list[int]) -> None:
    divided = batches(hosts(*"abcdefg"), serial)
    assert [len(batch) for batch in divided] == sizes
    assert [host.name for batch in divided for host in batch] == list("abcdefg")


def test_a_batch_size_that_is_no_number_is_refused() -> None:
    with pytest.raises(UsageError, match="'many' is neither"):
        batches(hosts("a"), ["many"])


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("inventory", "b a c"),
        ("sorted", "a b c"),
        ("reverse_sorted", "c b a"),
        ("reverse_inventory", "c a b"),
    ],
)
def test_order_is_the_order_of_execution(order: str, names: str) -> None:
    assert [host.name for host in ordered(hosts("b", "a", "c"), order)] == names.split()


def test_shuffle_keeps_every_host_once() -> None:
    shuffled = ordered(hosts(*ALL), "shuffle")
    assert sorted(host.name for host in shuffled) == sorted(ALL)


def test_serial_runs_the_whole_play_batch_by_batch_handlers_included(stage: Stage) -> None:
    ran = stage.run(
        """
        - hosts: east
          serial: 2
          tasks:
            - {say: "task {{ ansible_play_batch | join(',') }}", notify: h}
          handlers:
            - {name: h, say: handler}
    """,
        forks=1,
    )
    assert ran.trace == [
        "e1 task e1,e2",
        "e2 task e1,e2",
        "e1 handler",
        "e2 handler",
        "e3 task e3",
        "e3 handler",
    ]
    assert ran.plays() == [("east", ("e1", "e2")), ("east", ("e3",))]


def test_a_batch_in_which_all_fail_ends_the_run(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: east
          serial: 1
          tasks:
            - {fail: , when: inventory_hostname == 'e1'}
            - say: never
        - {hosts: west, tasks: [{say: never}]}
    """)
    assert (ran.trace, ran.exit_code) == ([], 2)


@pytest.mark.parametrize(
    ("percent", "goes_on"), [(50, True), (49, False), ("49.9", False), ('"{{ 60 }}"', True)]
)
def test_max_fail_percentage_must_be_exceeded(stage: Stage, percent: Any, goes_on: bool) -> None:
    ran = stage.run(f"""
        - hosts: west
          max_fail_percentage: {percent}
          tasks:
            - {{fail: , when: inventory_hostname == 'w2'}}
            - say: second
        - {{hosts: lone, tasks: [{{say: next}}]}}
    """)
    assert ran.of("w1") == (["second"] if goes_on else [])
    assert ran.of("lone") == (["next"] if goes_on else [])
    assert ran.recap["w2"] == {"failed": 1}


def test_run_once_runs_on_the_first_host_and_gives_its_result_to_all(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - {say: "by {{ inventory_hostname }}", run_once: true, register: r}
        - {set_fact: {f: "{{ inventory_hostname }}"}, run_once: true}
        - {say: never, run_once: true, when: inventory_hostname == 'e2', register: s}
        - say: "{{ r.said }} {{ f }} {{ s is skipped }}"
    """,
        hosts="east",
    )
    assert ran.of("e1") == ["by e1", "by e1 e1 True"]
    assert ran.of("e3") == ["by e1 e1 True"]
    assert ran.recap["e1"] == {"ok": 3, "changed": 2, "skipped": 1}


def test_a_failing_run_once_ends_the_run_for_all_but_counts_on_one(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: west
          tasks: [{fail: , run_once: true}, {say: never}]
        - {hosts: lone, tasks: [{say: never}]}
    """)
    assert (ran.trace, ran.recap, ran.exit_code) == ([], {"w1": {"failed": 1}}, 2)


def test_a_failing_run_once_in_a_block_leads_its_own_host_alone_to_the_rescue(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - block: [{fail: , run_once: true}, {say: never}]
          rescue: [{say: rescued}]
          always: [{say: always}]
        - say: after
    """,
        hosts="west",
    )
    assert ran.of("w1") == ["rescued", "always", "after"]
    assert ran.of("w2") == ["always"]


def test_a_module_that_runs_once_is_given_all_hosts_and_its_result_reaches_all(
    stage: Stage,
) -> None:
    ran = stage.tasks(
        """
        - {say_once: "{{ item }}", loop: [a, b], register: r}
        - say: "{{ r.results | map(attribute='said') | join('') }}"
    """,
        hosts="east",
    )
    assert ran.trace[:2] == ["e1 a", "e1 b"]
    assert ran.of("e3") == ["ab"]
    assert [host.name for host in stage.contexts[0].hosts] == ["e1", "e2", "e3"]


def test_hosts_run_at_the_same_time_as_far_as_forks_allow(stage: Stage) -> None:
    together = threading.Barrier(3, timeout=20)
    meet = MeetModule(together)
    stage.add(meet)
    ran = stage.tasks("- meet:", hosts="east", forks=3)
    assert ran.recap["e1"] == {"ok": 1}
    assert meet.most == 3


def test_throttle_bounds_how_many_run_at_the_same_time(stage: Stage) -> None:
    meet = MeetModule(None)
    stage.add(meet)
    stage.tasks("- {meet: , throttle: 1}", hosts="all", forks=6)
    assert (meet.most, meet.times) == (1, 6)


class MeetModule:
    """Counts how many hosts are in it at the same time."""

    name = "meet"
    free_form: str | None = None
    once = False
    local = True
    raw: frozenset[str] = frozenset()

    def __init__(self, barrier: threading.Barrier | None) -> None:
        self.arguments: Mapping[str, Argument] = {}
        self._barrier = barrier
        self._others = threading.Condition()
        self._inside = 0
        self.most = 0
        self.times = 0

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        del arguments, context
        with self._others:
            self._inside += 1
            self.times += 1
            self.most = max(self.most, self._inside)
            self._others.notify_all()
            if self._barrier is None:  # give others the chance to come in, if they may
                self._others.wait_for(lambda: self._inside > 1, timeout=0.1)
        if self._barrier is not None:
            self._barrier.wait()
        with self._others:
            self._inside -= 1
        return Result()


def test_a_play_whose_pattern_matches_nobody_is_told_and_the_next_one_runs(stage: Stage) -> None:
    ran = stage.run("""
        - {hosts: "nosuch", tasks: [{say: never}]}
        - {hosts: "west:&east", tasks: [{say: never}]}
        - {hosts: lone, tasks: [{say: ran}]}
    """)
    assert ran.trace == ["lone ran"]
    assert ran.plays() == [("nosuch", ()), ("west:&east", ()), ("lone", ("lone",))]


def test_the_pattern_may_be_a_template_over_extra_and_play_variables(stage: Stage) -> None:
    ran = stage.run(
        """
        - {hosts: "{{ target }}", tasks: [{say: one}]}
        - {hosts: "{{ other | default('lone') }}", tasks: [{say: two}]}
        - {hosts: [w2, "{{ mine }}"], vars: {mine: e1}, tasks: [{say: three}]}
    """,
        extra_vars={"target": "w1"},
    )
    assert sorted(ran.trace) == ["e1 three", "lone two", "w1 one", "w2 three"]


def test_a_pattern_that_comes_out_empty_is_refused_with_its_place(stage: Stage) -> None:
    with pytest.raises(SourceError, match=r"play.yml:1:3: hosts: wants a pattern"):
        stage.run("""
            - {hosts: "{{ nothing }}", vars: {nothing: ""}, tasks: [{say: never}]}
        """)


def test_limit_narrows_every_play_and_leaves_groups_whole(stage: Stage) -> None:
    ran = stage.run(
        """
        - {hosts: all, tasks: [{say: "{{ groups.east | length }} {{ ansible_play_hosts | length }}"}]}
        - {hosts: east, tasks: [{say: second}]}
    """,
        limit="e2:w*:!w2",
    )
    assert sorted(ran.trace) == ["e2 3 2", "e2 second", "w1 3 2"]


@pytest.mark.parametrize(
    ("limit", "message"),
    [("nosuch", "no host or group matches nosuch"), ("e1:!e1", "leaves no host")],
)
def test_a_limit_without_a_match_is_refused_before_anything_runs(
    stage: Stage, limit: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        stage.run("- {hosts: all, tasks: [{say: never}]}", limit=limit)
    assert stage.events == []


def test_start_at_task_skips_what_stands_before_and_handlers_stay_known(stage: Stage) -> None:
    play = """
        - hosts: e1
          tasks:
            - {name: first, say: first}
            - block:
                - {name: second, say: second}
                - {name: third, say: third, notify: h}
            - {name: fourth, say: fourth}
          handlers:
            - {name: h, say: handler}
        - {hosts: e1, tasks: [{say: next play}]}
    """
    assert stage.run(play, start_at_task="third").of("e1") == [
        "third",
        "fourth",
        "handler",
        "next play",
    ]
    with pytest.raises(UsageError, match=r"no task 'thrid'\nhint: did you mean 'third'"):
        stage.run(play, start_at_task="thrid")
