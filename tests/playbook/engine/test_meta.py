"""`meta`: ending plays, batches and hosts, taking hosts back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


def test_end_host_ends_the_play_for_one_host_and_the_next_play_has_it_back(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: east
          tasks:
            - {meta: end_host, when: inventory_hostname == 'e2'}
            - say: after {{ ansible_play_hosts | join(',') }}
        - {hosts: east, tasks: [{say: next}]}
    """)
    assert ran.of("e1") == ["after e1,e3", "next"]
    assert ran.of("e2") == ["next"]
    assert ran.recap["e2"] == {"ok": 1, "changed": 1}


@pytest.mark.parametrize(
    ("action", "batches"), [("end_play", ["e1"]), ("end_batch", ["e1", "e2", "e3"])]
)
def test_end_play_drops_handlers_always_and_further_batches(
    stage: Stage, action: str, batches: list[str]
) -> None:
    ran = stage.run(f"""
        - hosts: east
          serial: 1
          tasks:
            - {{say: before, notify: h}}
            - block: [{{meta: {action}}}]
              always: [{{say: never}}]
            - say: never
          handlers: [{{name: h, say: never}}]
        - {{hosts: e1, tasks: [{{say: next}}]}}
    """)
    assert ran.trace == [*(f"{host} before" for host in batches), "e1 next"]
    assert ran.exit_code == 0


def test_the_condition_of_end_play_is_that_of_the_first_host(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - {meta: end_play, when: inventory_hostname == 'e3'}
        - say: going
        - {meta: end_play, when: inventory_hostname == 'e1'}
        - say: never
    """,
        hosts="east",
    )
    assert sorted(ran.trace) == ["e1 going", "e2 going", "e3 going"]


def test_clear_host_errors_takes_lost_and_failed_hosts_back(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - {lose: , when: inventory_hostname == 'e1'}
        - {fail: , when: inventory_hostname == 'e2'}
        - say: one
        - meta: clear_host_errors
    """,
        hosts="east",
    )
    assert ran.trace == ["e3 one"]
    ran = stage.run("""
        - hosts: east
          tasks:
            - {lose: , when: inventory_hostname == 'e1'}
            - meta: clear_host_errors
        - {hosts: east, tasks: [{say: back}]}
    """)
    assert sorted(ran.trace) == ["e1 back", "e2 back", "e3 back"]
    assert ran.exit_code == 0


def test_reset_connection_closes_it(stage: Stage) -> None:
    stage.fake("e1")
    stage.tasks("[{ask: ls}, {meta: reset_connection}]")
    assert [call.name for call in stage.transports["e1"].calls][-1] == "close"


def test_meta_counts_as_no_task(stage: Stage) -> None:
    ran = stage.tasks("[{meta: noop}, {meta: flush_handlers}, {meta: noop, when: false}]")
    assert (ran.recap, ran.started()) == ({}, [])


def test_a_condition_that_cannot_be_evaluated_fails_the_host(stage: Stage) -> None:
    ran = stage.tasks(
        """
        - {set_fact: {known: false}, when: inventory_hostname == 'e2'}
        - {meta: end_play, when: known}
        - say: left
    """,
        hosts="e1:e2",
    )
    assert ran.trace == ["e2 left"]
    assert ran.recap["e1"] == {"skipped": 1, "failed": 1}
    assert "'known' is undefined" in ran.failures()[0]
