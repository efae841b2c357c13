"""`no_log`: nothing of a task reaches an event, whatever it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

if TYPE_CHECKING:
    from tests.playbook.conftest import Ran, Stage

SECRET = "hunter2"


def shown(ran: Ran) -> str:
    """Everything that was recorded, as it would stand in the journal."""
    return b"\n".join(map(msgspec.json.encode, ran.events)).decode()


@pytest.mark.parametrize(
    "task",
    [
        'say: "{{ secret }}"',
        'say: "{{ item }}"\n  loop: ["{{ secret }}"]',
        'give: {status: failed, msg: "{{ secret }}"}',
        'give: {status: failed, msg: "{{ secret }}"}\n  loop: [1]',
        'fail: {msg: "{{ secret }}"}\n  retries: 1\n  delay: 0',
        'say: "{{ {}[secret] }}"',
        'typed: {count: "{{ secret }}"}',
        "boom:",
        'name: "set {{ secret }}"\n  say: x',
        'set_fact: {copy: "{{ secret }}"}',
        'say: x\n  loop: ["{{ secret }}"]\n  loop_control: {label: "{{ item }}"}',
        'say: x\n  when: "secret"',
    ],
)
def test_no_log_hides_it_in_every_event(stage: Stage, task: str) -> None:
    play = f"- {task}\n  ignore_errors: true\n  vars: {{secret: {SECRET}}}\n"
    open_run = stage.tasks(play)
    hidden = stage.tasks(f"{play}  no_log: true\n")
    if "when" not in task:
        assert SECRET in shown(open_run)
    assert SECRET not in shown(hidden)
    assert hidden.results()[0].result["censored"] == "hidden by no_log"
    assert [e.status for e in hidden.results()] == [e.status for e in open_run.results()]


def test_what_is_registered_stays_usable(stage: Stage) -> None:
    ran = stage.tasks(f"""
        - {{say: "{SECRET}", no_log: true, register: r}}
        - {{say: "{{{{ r.said }}}}", no_log: true}}
    """)
    assert ran.of("e1") == [SECRET, SECRET]
    assert SECRET not in shown(ran)


def test_no_log_is_inherited_and_its_condition_may_be_a_template(stage: Stage) -> None:
    ran = stage.run(f"""
        - hosts: e1
          no_log: "{{{{ hide }}}}"
          vars: {{hide: true}}
          tasks:
            - block: [{{say: {SECRET}}}]
            - {{say: open, no_log: false}}
    """)
    assert SECRET not in shown(ran)
    assert ran.results()[1].result["said"] == "open"


def test_a_no_log_that_cannot_be_evaluated_hides(stage: Stage) -> None:
    ran = stage.tasks(f'- {{say: {SECRET}, no_log: "{{{{ nope }}}}"}}')
    assert SECRET not in shown(ran)


def test_a_defect_in_a_secret_task_does_not_tell_the_secret_at_the_end(stage: Stage) -> None:
    assert SECRET in str(stage.tasks("- boom:").result.defects[0])
    assert SECRET not in str(stage.tasks("- {boom: , no_log: true}").result.defects[0])


def test_progress_of_a_secret_task_is_hidden(stage: Stage) -> None:
    ran = stage.tasks("- {fail: , no_log: true, retries: 1, delay: 0}")
    assert ran.progress() == ["hidden by no_log"]


def test_the_name_of_what_a_secret_include_takes_is_hidden(stage: Stage) -> None:
    stage.write(f"{SECRET}.yml", "- {say: inside}\n")
    include = (
        f'- {{include_tasks: "{{{{ secret }}}}.yml", vars: {{secret: {SECRET}}}, no_log: true}}'
    )
    ran = stage.tasks(include)
    assert ran.of("e1") == ["inside"]
    assert not [e for e in ran.results() if SECRET in str(e)]
