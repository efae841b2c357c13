"""Broken templates and conditions are found while a playbook is read, wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("- {hosts: '{{ a b }}', tasks: []}", "1:17"),
        ("- {hosts: e1, vars: {a: [{b: '{{ a b }}'}]}}", "1:36"),
        ("- {hosts: e1, environment: {A: '{{ a b }}'}}", "1:38"),
        ("- {hosts: e1, serial: '{{ a b }}'}", "1:29"),
        ("- {hosts: e1, become: '{{ a b }}'}", "1:29"),
        ("- {hosts: e1, vars_files: ['{{ a b }}.yml']}", "1:34"),
        ("- {hosts: e1, tasks: [{say: '{{ a b }}'}]}", "1:35"),
        ("- {hosts: e1, tasks: [{say: {text: ['{{ a b }}']}}]}", "1:43"),
        ("- {hosts: e1, tasks: [{say: , args: {text: '{{ a b }}'}}]}", "1:50"),
        ("- {hosts: e1, tasks: [{say: x, name: '{{ a b }}'}]}", "1:44"),
        ("- {hosts: e1, tasks: [{say: x, loop: '{{ a b }}'}]}", "1:44"),
        ("- {hosts: e1, tasks: [{say: x, with_items: ['{{ a b }}']}]}", "1:51"),
        ("- {hosts: e1, tasks: [{say: x, loop: [1], loop_control: {label: '{{ a b }}'}}]}", "1:71"),
        ("- {hosts: e1, tasks: [{say: x, vars: {a: '{{ a b }}'}}]}", "1:48"),
        ("- {hosts: e1, tasks: [{say: x, when: a b}]}", "1:40"),
        ("- {hosts: e1, tasks: [{say: x, when: [c, a b]}]}", "1:44"),
        ("- {hosts: e1, tasks: [{say: x, when: '{{ a b }}'}]}", "1:44"),
        ("- {hosts: e1, tasks: [{say: x, until: a b}]}", "1:41"),
        ("- {hosts: e1, tasks: [{say: x, changed_when: a b}]}", "1:48"),
        ("- {hosts: e1, tasks: [{say: x, failed_when: [a b]}]}", "1:48"),
        ("- {hosts: e1, tasks: [{check: {that: [c, a b]}}]}", "1:44"),
        ("- {hosts: e1, tasks: [{block: [], when: a b}]}", "1:43"),
        ("- {hosts: e1, tasks: [{block: [], vars: {a: '{{ a b }}'}}]}", "1:51"),
        ("- {hosts: e1, tasks: [{block: [], rescue: [{say: '{{ a b }}'}]}]}", "1:56"),
        ("- {hosts: e1, handlers: [{name: h, say: '{{ a b }}'}]}", "1:47"),
        ("- {hosts: e1, roles: [{role: r, when: a b}]}", "1:41"),
        ("- {hosts: e1, roles: [{role: r, p: '{{ a b }}'}]}", "1:42"),
        ("- {hosts: e1, tasks: [{include_tasks: '{{ a b }}.yml'}]}", "1:45"),
        ("- {hosts: e1, tasks: [{include_tasks: {file: x, apply: {vars: {a: '{{ a b }}'}}}}]}", "1:73"),
    ],
)  # fmt: skip
def test_wherever_it_stands(stage: Stage, text: str, place: str) -> None:
    stage.write("roles/r/tasks/main.yml", "[]")
    with pytest.raises(SourceError, match=r": not a (template|condition): expected") as caught:
        stage.load(text)
    error = caught.value
    assert error.mark is not None
    assert f"{error.mark.line}:{error.mark.column}" == place


def test_inside_the_files_of_a_role(stage: Stage) -> None:
    stage.write("roles/r/tasks/main.yml", "- say: |\n    one\n    {{ a b }}\n")
    with pytest.raises(SourceError, match=r"roles/r/tasks/main.yml:3:10: not a template"):
        stage.load("- {hosts: e1, roles: [r]}")


@pytest.mark.parametrize(
    "task",
    [
        "{say: x, vars: {a: '{{ b | nobody }}'}}",
        "{say: x, vars: {a: !unsafe '{{ a b }}'}}",
        "{say: !unsafe '{{ a b }}'}",
        "{say: x, when: }",
        "{say: x, when: true}",
        "{say: x, when: x is defined, changed_when: , failed_when: }",
    ],
)
def test_what_may_work_is_accepted(stage: Stage, task: str) -> None:
    stage.load(f"- {{hosts: e1, tasks: [{task}]}}")


def test_a_condition_with_nothing_in_it_is_no_condition(stage: Stage) -> None:
    assert stage.tasks("- {say: x, when: }").of("e1") == ["x"]


def test_an_alias_is_shown_where_its_value_was_written(stage: Stage) -> None:
    text = "- hosts: e1\n  vars:\n    it: &it {say: '{{ a | nobody }}'}\n  tasks:\n    - {<<: *it, name: x}\n"
    with pytest.raises(SourceError, match=r"play.yml:3:27: there is no filter 'nobody'"):
        stage.load(text)


@pytest.mark.parametrize(
    ("play", "place"),
    [
        ("- {hosts: e1, vars: {a: ['{{ b | nobody }}']}}", "play.yml:1:34"),
        ("- {hosts: e1, tasks: [{say: x, vars: {a: '{{ b | nobody }}'}}]}", "play.yml:1:50"),
        ("- {hosts: e1, tasks: [{block: [], vars: {a: '{{ b | nobody }}'}}]}", "play.yml:1:53"),
        ("- {hosts: e1, handlers: [{name: h, say: x, vars: {a: '{{ b | nobody }}'}}]}", "play.yml:1:62"),
        ("- {hosts: e1, roles: [{role: r, vars: {a: '{{ b | nobody }}'}}]}", "play.yml:1:51"),
        ("- {hosts: e1, roles: [d]}", "roles/d/defaults/main.yml:2:12"),
        ("- {hosts: e1, tasks: [{include_role: {name: d}}]}", "roles/d/defaults/main.yml:2:12"),
        ("- {hosts: e1, vars_files: [v.yml]}", "v.yml:1:12"),
    ],
)  # fmt: skip
def test_a_variable_that_nobody_may_read_is_accepted_with_a_warning(
    stage: Stage, play: str, place: str
) -> None:
    stage.write("roles/r/tasks/main.yml", "[]")
    stage.write("roles/d/defaults/main.yml", "good: 1\na: '{{ b | nobody }}'\n")
    stage.write("v.yml", "a: '{{ b | nobody }}'\n")
    (warning,) = stage.load(f"{play}\n").warnings
    assert f"{place}: there is no filter 'nobody' (" in warning
    assert warning.endswith("; a variable with it fails where it is used")


def test_what_is_wrong_in_many_variables_is_said_once(stage: Stage) -> None:
    stage.write(
        "roles/d/vars/main.yml", "a: '{{ b | nobody }}'\nc: '{{ b | nobody }}'\nd: '{{ a b }}'\n"
    )
    warnings = stage.load("- {hosts: e1, roles: [d]}\n").warnings
    assert [w.partition("roles/d/")[2].partition(":")[2][:24] for w in warnings] == [
        "1:12: there is no filter",
        "3:10: not a template: ex",
    ]
