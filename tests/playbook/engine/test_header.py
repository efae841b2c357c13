"""What a play's header says when templates stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SourceError
from raftfleet.playbook import Result, list_plays
from tests.playbook.conftest import FakeModule

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


def test_sees_the_plays_variables_its_files_its_roles_and_extra_ones(stage: Stage) -> None:
    stage.write("vars.yml", "size: 2")
    stage.write("roles/r/defaults/main.yml", "file: vars")
    stage.write("roles/r/vars/main.yml", "where: east")
    ran = stage.run(
        """
        - hosts: "{{ where }}"
          order: "{{ o }}"
          serial: "{{ size }}"
          vars_files: ["{{ file }}.yml"]
          roles: [r]
          tasks: [{say: "{{ ansible_play_batch | join(',') }}"}]
        """,
        extra_vars={"o": "reverse_sorted"},
        forks=1,
    )
    assert ran.trace == ["e3 e3,e2", "e2 e3,e2", "e1 e1"]


def test_a_serial_may_be_a_list_out_of_a_template(stage: Stage) -> None:
    ran = stage.run('- {hosts: east, serial: "{{ s }}", vars: {s: [1, "100%"]}, tasks: [{say: x}]}')
    assert ran.plays() == [("east", ("e1",)), ("east", ("e2", "e3"))]


@pytest.mark.parametrize(
    ("keyword", "value", "told"),
    [
        ("order", "sideways", "order: wants one of inventory, sorted"),
        ("order", "", "order: wants one of inventory, sorted"),
        ("strategy", "free", "strategy: wants linear, not 'free'"),
        ("gather_facts", "maybe", "gather_facts: wants true or false, not 'maybe'"),
        ("force_handlers", 7, "force_handlers: wants true or false, not 7"),
        ("max_fail_percentage", "many", "max_fail_percentage: wants a number, not 'many'"),
        ("max_fail_percentage", True, "max_fail_percentage: wants a number, not True"),
    ],
)
def test_what_comes_out_as_something_else_ends_the_run_before_the_play(
    stage: Stage, keyword: str, value: Any, told: str
) -> None:
    play = f"""
        - {{hosts: e1, tasks: [{{say: first}}]}}
        - {{hosts: nobody, {keyword}: "{{{{ x }}}}"}}
        - {{hosts: e1, tasks: [{{say: never}}]}}
    """
    with pytest.raises(SourceError, match=told) as raised:
        stage.run(play, extra_vars={"x": value})
    assert stage.trace == ["e1 first"]
    assert raised.value.mark is not None
    assert raised.value.mark.line == 2
    with pytest.raises(SourceError, match="'x' is undefined"):
        stage.run(play)


@pytest.mark.parametrize(
    ("play", "option", "runs"),
    [
        ("", False, False),
        ("", True, True),
        ("force_handlers: true", False, True),
        ("force_handlers: false", True, False),
        ("force_handlers: 'no'", True, False),
        ("force_handlers: '{{ false }}'", True, False),
        ("force_handlers: '{{ omit }}'", True, True),
    ],
)
def test_handlers_of_failed_hosts_run_as_the_play_says_and_else_the_command_line(
    stage: Stage, play: str, option: bool, runs: bool
) -> None:
    ran = stage.run(
        f"""
        - hosts: e1
          {play}
          handlers: [{{name: h, say: handled}}]
          tasks: [{{say: x, notify: h}}, {{fail: }}]
        """,
        force_handlers=option,
    )
    assert ran.of("e1") == (["x", "handled"] if runs else ["x"])


@pytest.mark.parametrize(("percent", "goes_on"), [("50%", True), ("49 %", False)])
@pytest.mark.parametrize("templated", [True, False])
def test_a_percentage_may_have_its_sign(
    stage: Stage, percent: str, goes_on: bool, templated: bool
) -> None:
    written = "{{ p }}" if templated else percent
    ran = stage.run(
        f"""
        - hosts: west
          max_fail_percentage: "{written}"
          tasks: [{{fail: , when: inventory_hostname == 'w2'}}, {{say: second}}]
        """,
        extra_vars={"p": percent},
    )
    assert ran.of("w1") == (["second"] if goes_on else [])


@pytest.mark.parametrize(("wanted", "gathered"), [("true", True), ("'no'", False), ("omit", True)])
def test_facts_are_gathered_as_a_template_says(stage: Stage, wanted: str, gathered: bool) -> None:
    stage.add(FakeModule("setup", lambda _arguments, _context: Result()))
    ran = stage.run(f'- {{hosts: e1, gather_facts: "{{{{ {wanted} }}}}"}}')
    assert ran.started() == (["Gathering Facts"] if gathered else [])


@pytest.mark.parametrize("keyword", ["any_errors_fatal", "throttle"])
def test_what_holds_for_all_hosts_together_and_is_undefined_fails_the_task(
    stage: Stage, keyword: str
) -> None:
    ran = stage.run(f"""
        - hosts: west
          tasks:
            - block: [{{say: never, {keyword}: "{{{{ nosuch }}}}"}}]
              rescue: [{{say: rescued}}]
    """)
    assert sorted(ran.trace) == ["w1 rescued", "w2 rescued"]
    assert "'nosuch' is undefined" in ran.failures()[0]


def test_what_is_looked_at_afterwards_is_evaluated_before_anything_is_done(stage: Stage) -> None:
    ran = stage.tasks('- {say: never, delegate_facts: "{{ nosuch }}", ignore_errors: true}')
    assert (ran.trace, ran.recap["e1"]) == ([], {"ok": 1, "ignored": 1})


def test_numbers_that_are_omitted_are_as_if_not_written(stage: Stage) -> None:
    began = stage.clock.monotonic()
    omitted = (
        'throttle: "{{ omit }}", timeout: "{{ omit }}", retries: "{{ omit }}", delay: "{{ omit }}"'
    )
    ran = stage.tasks(f"- {{fail: , {omitted}, register: r}}")
    assert len(ran.progress()) == 3
    assert stage.clock.monotonic() - began == pytest.approx(15)


def test_an_empty_list_of_hosts_out_of_a_template_is_nobody(stage: Stage) -> None:
    play = """
        - {hosts: "{{ groups.nosuch | default([]) }}", tasks: [{say: never}]}
        - {hosts: lone, tasks: [{say: next}]}
    """
    ran = stage.run(play)
    assert (ran.trace, ran.exit_code) == (["lone next"], 0)
    assert ran.plays() == [("!all", ()), ("lone", ("lone",))]
    (nobody, _) = list_plays(stage.load(play), stage.inventory())
    assert (nobody.hosts, nobody.unmatched) == ((), ())
    with pytest.raises(SourceError, match="hosts: wants a pattern, not ''"):
        stage.run('- hosts: "{{ x }}"', extra_vars={"x": ""})


@pytest.mark.parametrize("keyword", ["become_method", "vars: {ansible_become_method"])
def test_a_become_method_out_of_a_template_is_sudo_or_fails_the_task(
    stage: Stage, keyword: str
) -> None:
    end = "}" if "vars" in keyword else ""
    task = f'- {{ask: ls, become: true, {keyword}: "{{{{ m }}}}"{end}}}'
    assert stage.tasks(task, extra_vars={"m": "ansible.builtin.sudo"}).exit_code == 0
    ran = stage.tasks(task, extra_vars={"m": "su"})
    assert ran.failures() == ["become_method: su is not supported\nhint: use sudo"]
    assert stage.tasks(task.replace("true", "false"), extra_vars={"m": "su"}).exit_code == 0
