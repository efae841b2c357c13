"""What events say about a task beside its result: where it acts, in which mode, by which commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.events import PlayEnded, TaskCommand, TaskProgress, TaskStarted

if TYPE_CHECKING:
    from tests.playbook.conftest import Ran, Stage


def commands(ran: Ran) -> list[TaskCommand]:
    return [event for event in ran.events if isinstance(event, TaskCommand)]


def test_a_delegated_task_names_the_host_it_acted_on(stage: Stage) -> None:
    ran = stage.tasks("""
        - {say: here}
        - {say: there, delegate_to: e2}
        - {say: itself, delegate_to: "{{ inventory_hostname }}"}
        - {say: "{{ item }}", delegate_to: "{{ item }}", loop: [e2, e3]}
        - {say: all of one, delegate_to: e2, loop: [1, 2]}
        - {lose: , delegate_to: e2}
    """)
    told = [event.delegated for event in ran.results(items=True)]
    assert told == ["", "e2", "", "e2", "e3", "", "e2", "e2", "e2", "e2"]


def test_check_mode_is_told_with_the_task(stage: Stage) -> None:
    text = """
        - {say: a}
        - {say: b, check_mode: false}
        - {say: c, check_mode: true}
        - {say: d, check_mode: "{{ nope }}", ignore_errors: true}
    """
    for check, told in ((True, [True, False, True, False]), (False, [False, False, True, False])):
        ran = stage.tasks(text, check=check)
        assert [e.check for e in ran.events if isinstance(e, TaskStarted)] == told


def test_a_play_that_one_failure_ends_for_all_says_so(stage: Stage) -> None:
    play = "- {{hosts: east, any_errors_fatal: {}, tasks: [{{fail: , when: inventory_hostname == 'e1'}}]}}\n"
    for fatal in (True, False):
        ran = stage.run(play.format(str(fatal).lower()))
        assert [e.cut for e in ran.events if isinstance(e, PlayEnded)] == [fatal]


def test_a_retry_says_how_many_are_left(stage: Stage) -> None:
    ran = stage.tasks("- {fail: , retries: 2, delay: 0}")
    assert [e.left for e in ran.events if isinstance(e, TaskProgress)] == [2, 1]


def test_commands_are_told_from_the_third_v_on(stage: Stage) -> None:
    text = "- {ask: uptime, become: true, become_user: bob}"
    assert commands(stage.tasks(text, verbosity=2)) == []
    (told,) = commands(stage.tasks(text, verbosity=3))
    assert (told.host, told.what, told.line, told.become) == ("e1", "run", "uptime", "bob")


def test_commands_of_a_secret_task_are_hidden(stage: Stage) -> None:
    (told,) = commands(stage.tasks("- {ask: echo hunter2, no_log: true}", verbosity=3))
    assert told.line == "hidden by no_log"
