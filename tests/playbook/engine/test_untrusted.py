"""Text that came from a host is data: whatever braces it holds, it is never evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook import Result, Status, written
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage

EVIL = "{{ 7*7 }}{% for x in groups %}{{ x }}{% endfor %}{# gone #}"


@pytest.fixture(autouse=True)
def _host_that_speaks_templates(stage: Stage) -> None:
    stage.fake("e1").on("tell", Exited(status=0, stdout=EVIL.encode()))


def test_registered_output_stays_as_it_is_through_every_door(stage: Stage) -> None:
    ran = stage.tasks("""
        - {ask: tell, register: r}
        - say: "{{ r.stdout }}"
        - say: "<{{ r.stdout }}>"
        - set_fact: {fact: "{{ r.stdout }}", nested: {in: ["{{ r.stdout }}"]}}
        - say: "{{ fact }}"
        - say: "{{ nested['in'][0] }}"
        - say: "{{ again }}"
          vars: {again: "{{ fact }}"}
        - {say: "{{ item }}", loop: ["{{ r.stdout }}"]}
        - say: "{{ hostvars['e1'].fact }}"
        - say: "{{ '{{ 7*7 }}' }}"
    """)
    said = ran.of("e1")
    assert said == [EVIL, f"<{EVIL}>", EVIL, EVIL, EVIL, EVIL, EVIL, "{{ 7*7 }}"]


def test_a_template_file_does_not_evaluate_it_either(stage: Stage) -> None:
    stage.write("t.j2", "a {{ r.stdout }} b\n")
    ran = stage.tasks("""
        - {ask: tell, register: r}
        - say: "{{ lookup('template', 't.j2') }}"
    """)
    assert ran.of("e1") == [f"a {EVIL} b\n"]


def test_a_file_that_is_read_is_data_too(stage: Stage) -> None:
    stage.write("note.txt", EVIL)
    ran = stage.tasks("- say: \"{{ lookup('file', 'note.txt') }}\"")
    assert ran.of("e1") == [EVIL]


@pytest.mark.parametrize("source", ["from_json", "from_yaml"])
def test_what_is_parsed_from_it_is_data(stage: Stage, source: str) -> None:
    stage.transports["e1"].on("tell", Exited(status=0, stdout=b'{"k": "{{ 7*7 }}"}'))
    ran = stage.tasks(f"""
        - {{ask: tell, register: r}}
        - set_fact: {{parsed: "{{{{ r.stdout | {source} }}}}"}}
        - say: "{{{{ parsed.k }}}}"
    """)
    assert ran.of("e1") == ["{{ 7*7 }}"]


def test_it_is_no_condition(stage: Stage) -> None:
    stage.transports["e1"].on("tell", Exited(status=0, stdout=b"1 == 1"))
    ran = stage.tasks("""
        - {ask: tell, register: r}
        - {say: never, when: r.stdout, ignore_errors: true}
        - {say: never, when: "{{ r.stdout }}", ignore_errors: true}
        - {check: {that: "{{ r.stdout }}"}, ignore_errors: true}
        - {check: {that: ["1 == 1"]}}
    """)
    assert ran.of("e1") == []
    assert [e.status for e in ran.results()] == ["changed", "failed", "failed", "failed", "ok"]
    assert all("gives a text" in message for message in ran.failures())


def test_facts_that_a_module_returns_from_a_host_are_data(stage: Stage) -> None:
    stage.answers["facts"] = [Result(Status.OK, facts={"f": EVIL}, gathered={"g": [EVIL]})]
    ran = stage.tasks("""
        - next_answer: facts
        - say: "{{ f }}{{ g[0] }}{{ ansible_facts.g[0] }}"
    """)
    assert ran.of("e1")[-1] == EVIL * 3


def test_the_authors_text_becomes_data_when_it_comes_back_in_a_result(stage: Stage) -> None:
    own = written("{{ 7*7 }}")
    stage.answers["own"] = [
        Result(Status.OK, values={"v": own}, facts={"f": own}, gathered={"g": own})
    ]
    ran = stage.tasks("""
        - {next_answer: own, register: r}
        - say: "{{ f }}{{ g }}{{ r.v }}"
        - {say: "{{ item }}", loop: ["{{ r.v }}", "{{ f }}"]}
    """)
    assert ran.of("e1")[1:] == ["{{ 7*7 }}" * 3, "{{ 7*7 }}", "{{ 7*7 }}"]


def test_variables_of_the_command_line_are_the_authors_own(stage: Stage) -> None:
    ran = stage.tasks('- say: "{{ x }}"', extra_vars={"x": "{{ inventory_hostname }}!"})
    assert ran.of("e1") == ["e1!"]


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ [].append.__globals__ }}",
        "{{ (1).__class__ }}",
        "{{ groups.__init__ }}",
    ],
)
def test_templates_cannot_leave_the_sandbox(stage: Stage, attack: str) -> None:
    ran = stage.tasks(f'- say: "{attack}"')
    assert (ran.of("e1"), ran.exit_code) == ([], 2)
