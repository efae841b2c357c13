"""Blocks, roles and failures: who goes on, who is rescued, who is out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import HostKeyError
from raftfleet.journal.events import TaskResult
from raftfleet.transport.protocol import Lost

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


def test_a_failure_jumps_to_rescue_and_always_runs_last(stage: Stage) -> None:
    ran = stage.tasks("""
        - block:
            - say: before
            - {name: breaks, give: {status: failed, values: {rc: 9}}}
            - say: never
          rescue:
            - say: rescue {{ ansible_failed_task.name }} rc={{ ansible_failed_result.rc }}
          always:
            - say: always
        - say: after
    """)
    assert ran.of("e1") == ["before", "rescue breaks rc=9", "always", "after"]
    assert ran.recap == {"e1": {"ok": 4, "changed": 4, "rescued": 1}}
    assert ran.exit_code == 0


def test_only_the_host_that_failed_is_rescued_while_the_others_finish_the_block(
    stage: Stage,
) -> None:
    ran = stage.tasks(
        """
        - block:
            - {fail: , when: inventory_hostname == 'e2'}
            - say: block
          rescue:
            - say: rescue
          always:
            - say: always
        - say: after {{ ansible_play_hosts | join(',') }}
    """,
        hosts="east",
    )
    assert ran.of("e1") == ran.of("e3") == ["block", "always", "after e1,e2,e3"]
    assert ran.of("e2") == ["rescue", "always", "after e1,e2,e3"]


def test_always_runs_on_a_host_that_failed_for_good_and_the_failure_stays(stage: Stage) -> None:
    ran = stage.tasks("""
        - block:
            - fail:
          always:
            - say: always hosts={{ ansible_play_hosts | length }}
        - say: never
    """)
    assert ran.of("e1") == ["always hosts=0"]
    assert (ran.exit_code, ran.recap["e1"]["failed"]) == (2, 1)


def test_a_failing_rescue_leaves_the_host_failed_and_rescued(stage: Stage) -> None:
    ran = stage.tasks("""
        - block: [{fail: }]
          rescue: [{fail: }, {say: never}]
          always: [{say: always}]
        - say: never
    """)
    assert ran.of("e1") == ["always"]
    assert ran.recap["e1"] == {"ok": 1, "changed": 1, "failed": 1, "rescued": 1}


def test_a_failure_climbs_to_the_first_block_with_a_rescue(stage: Stage) -> None:
    ran = stage.tasks("""
        - block:
            - block: [{fail: {msg: inner}}]
              always: [{say: inner always}]
            - say: never
          rescue:
            - say: outer {{ ansible_failed_result.msg }}
    """)
    assert ran.of("e1") == ["inner always", "outer inner"]
    assert ran.recap["e1"]["rescued"] == 1


def test_a_failed_host_is_dropped_for_the_run_and_the_others_go_on(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: east
          tasks:
            - {fail: , when: inventory_hostname == 'e2'}
            - say: second {{ ansible_play_hosts | join(',') }} of {{ ansible_play_hosts_all | length }}
        - hosts: east
          tasks:
            - say: next {{ ansible_play_hosts | join(',') }} of {{ ansible_play_hosts_all | length }}
    """)
    assert ran.of("e2") == []
    assert ran.of("e1") == ["second e1,e3 of 3", "next e1,e3 of 3"]
    assert ran.exit_code == 2


def test_no_later_play_runs_after_all_hosts_failed(stage: Stage) -> None:
    ran = stage.run("""
        - {hosts: west, tasks: [{fail: }]}
        - {hosts: lone, tasks: [{say: never}]}
    """)
    assert (ran.trace, ran.exit_code) == ([], 2)


def test_an_unreachable_host_is_neither_rescued_nor_ignored(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: west
          tasks:
            - block:
                - {lose: , when: inventory_hostname == 'w1', ignore_errors: true}
              rescue: [{say: never}]
              always: [{say: always}]
            - say: after {{ ansible_play_hosts | join(',') }}
        - {hosts: west, tasks: [{say: next}]}
    """)
    assert ran.of("w1") == []
    assert ran.of("w2") == ["always", "after w2", "next"]
    assert ran.recap["w1"] == {"unreachable": 1}
    assert ran.exit_code == 4


def test_a_failed_task_outranks_an_unreachable_host(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - {lose: , when: inventory_hostname == 'e1'}
        - {fail: , when: inventory_hostname == 'e2'}
        - say: left
    """,
        hosts="east",
    )
    assert ran.trace == ["e3 left"]
    assert ran.exit_code == 2


@pytest.mark.parametrize("keyword", ["run_once", "any_errors_fatal"])
def test_who_only_goes_down_with_a_lost_host_has_not_failed(stage: Stage, keyword: str) -> None:
    ran = stage.run(f"""
        - hosts: east
          tasks:
            - {{lose: , when: inventory_hostname == 'e1', {keyword}: true}}
            - say: never
        - {{hosts: east, tasks: [{{say: never}}]}}
    """)
    assert (ran.trace, ran.recap["e1"]) == ([], {"unreachable": 1})
    assert ran.exit_code == 4


def test_who_goes_down_with_a_lost_host_and_then_fails_has_failed(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - block: [{lose: , when: inventory_hostname == 'e1', any_errors_fatal: true}]
          always: [{fail: }]
    """,
        hosts="east",
    )
    assert ran.exit_code == 2


def test_ignore_unreachable_keeps_the_host(stage: Stage) -> None:
    ran = stage.tasks("""
        - {lose: , ignore_unreachable: true, register: r}
        - say: unreachable={{ r is unreachable }}
    """)
    assert ran.of("e1") == ["unreachable=True"]
    assert ran.recap["e1"] == {"ok": 2, "changed": 1, "ignored": 1}
    assert ran.exit_code == 0


def test_an_ignored_failure_counts_as_ok_and_keeps_whether_it_changed(stage: Stage) -> None:
    ran = stage.tasks("""
        - {give: {status: failed, values: {changed: true}}, ignore_errors: true, register: r}
        - {fail: , ignore_errors: "{{ r is failed }}"}
        - say: last
    """)
    assert ran.recap["e1"] == {"ok": 3, "changed": 2, "ignored": 2}
    assert ran.exit_code == 0


def test_any_errors_fatal_lets_the_task_finish_everywhere_and_ends_the_run(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: east
          any_errors_fatal: true
          tasks:
            - block:
                - say: first
                - {fail: , when: inventory_hostname == 'e2'}
                - say: never
              always: [{say: always}]
        - {hosts: west, tasks: [{say: never}]}
    """)
    assert ran.of("e1") == ["first", "always"]
    assert {host: counts.get("failed", 0) for host, counts in ran.recap.items()} == {
        "e1": 0,
        "e2": 1,
        "e3": 0,
    }
    assert ran.exit_code == 2


def test_any_errors_fatal_sends_the_others_into_the_rescue_too(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - any_errors_fatal: true
          block:
            - {fail: , when: inventory_hostname == 'e2'}
            - say: goes on
          rescue: [{say: rescued}]
        - say: after
    """,
        hosts="east",
    )
    assert ran.of("e1") == ["rescued", "after"]
    assert ran.of("e2") == ["rescued", "after"]


def test_a_defect_of_a_module_fails_one_host_and_the_process_says_250(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - {boom: , when: inventory_hostname == 'e1'}
        - say: left
    """,
        hosts="e1:e2",
    )
    assert ran.trace == ["e2 left"]
    assert ran.exit_code == 250
    assert isinstance(ran.result.defects[0], ZeroDivisionError)
    assert ran.failures()[0].startswith("defect in boom: ZeroDivisionError: the module is broken")


def test_a_changed_host_key_stops_the_run_after_it_was_recorded(stage: Stage) -> None:
    stage.fake("e1").refuse(HostKeyError("the key of e1 changed"))
    with pytest.raises(HostKeyError, match="the key of e1 changed"):
        stage.tasks("[{ask: ls}, {say: never}]", hosts="e1:e2")
    statuses = {e.host: e.status for e in stage.events if isinstance(e, TaskResult)}
    assert statuses == {"e1": "unreachable", "e2": "changed"}
    assert stage.trace == []


def test_a_lost_connection_is_unreachable_and_not_a_failed_command(stage: Stage) -> None:
    stage.fake("e1")
    stage.transports["e1"].on("ls", Lost(reason="the wire was cut"))
    ran = stage.tasks("- ask: ls")
    assert ran.recap == {"e1": {"unreachable": 1}}
    assert ran.failures() == ["the wire was cut"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("[n > 2, name == 'alpha']", True),
        ("[n > 2, name == 'beta']", False),
        ("n > 5 or (name in ['alpha'] and not n == 4)", True),
        ("false", False),
        ('"{{ n == 3 }}"', True),
        ("nope is defined and nope.deep > 1", False),
    ],
)
def test_conditions_decide_whether_a_task_runs(stage: Stage, condition: str, said: bool) -> None:
    ran = stage.tasks(f"""
        - say: ran
          when: {condition}
          vars: {{n: 3, name: alpha}}
    """)
    assert ran.of("e1") == (["ran"] if said else [])
    assert ran.recap["e1"] == ({"ok": 1, "changed": 1} if said else {"skipped": 1})


def test_the_condition_of_a_block_is_evaluated_before_each_task_inside(stage: Stage) -> None:
    ran = stage.tasks("""
        - set_fact: {go: true}
        - when: go
          block:
            - say: one
            - set_fact: {go: false}
            - say: two
    """)
    assert ran.of("e1") == ["one"]
    assert ran.recap["e1"] == {"ok": 3, "changed": 1, "skipped": 1}
