"""What is included by a name that is known is read before the first host is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage

_WRONG = "- say: x\n  untill: 1\n"


@pytest.mark.parametrize(
    "task",
    [
        "{include_tasks: wrong.yml}",
        "{include_tasks: wrong.yml, loop: [1]}",
        "{include_tasks: {file: wrong.yml}, when: x is defined}",
        "{block: [], rescue: [{include_tasks: wrong.yml}]}",
        "{include_tasks: between.yml}",
        "{import_tasks: between.yml}",
        "{include_role: {name: r, tasks_from: through}}",
    ],
)
@pytest.mark.parametrize("section", ["tasks", "pre_tasks", "post_tasks"])
def test_a_wrong_file_is_refused_with_its_place(stage: Stage, section: str, task: str) -> None:
    stage.write("wrong.yml", _WRONG)
    stage.write("between.yml", "- include_tasks: wrong.yml\n")
    stage.write("roles/r/tasks/through.yml", "- include_tasks: wrong.yml\n")
    with pytest.raises(SourceError, match=r"wrong.yml:2:3: 'untill' is not a keyword of a task"):
        stage.load(f"- {{hosts: e1, {section}: [{task}]}}")


def test_handlers_and_roles_are_looked_into_too(stage: Stage) -> None:
    stage.write("roles/r/tasks/wrong.yml", _WRONG)
    stage.write("roles/r/tasks/main.yml", "[]")
    for name, text in (
        ("roles/r/tasks/main.yml", "- include_tasks: wrong.yml\n"),
        ("roles/r/handlers/main.yml", "- {name: h, include_tasks: wrong.yml}\n"),
    ):
        stage.write(name, text)
        for play in ("roles: [r]", "tasks: [{include_role: {name: r}}]"):
            with pytest.raises(SourceError, match=r"roles/r/tasks/wrong.yml:2:3"):
                stage.load(f"- {{hosts: e1, {play}}}")
        stage.write(name, "[]")


@pytest.mark.parametrize(
    "task",
    [
        "{include_tasks: nowhere.yml, when: x is defined}",
        "{include_role: {name: nowhere}}",
        "{include_tasks: '{{ x }}.yml'}",
        "{include_role: {name: '{{ x }}'}}",
        "{include_tasks: again.yml}",
    ],
)
def test_what_is_not_known_yet_is_left_to_the_run(stage: Stage, task: str) -> None:
    stage.write("again.yml", "- {include_tasks: again.yml, when: x is defined}\n")
    stage.load(f"- {{hosts: e1, tasks: [{task}]}}")


def test_the_folder_of_the_playbook_and_of_the_role_are_known_names(stage: Stage) -> None:
    stage.write("parts/said.yml", "- say: '{{ word }}'\n")
    stage.write("roles/r/tasks/main.yml", "- import_tasks: '{{ role_path }}/more/own.yml'\n")
    stage.write("roles/r/more/own.yml", "- say: own\n")
    ran = stage.tasks("""
        - {import_tasks: "{{ playbook_dir }}/parts/said.yml", vars: {word: one}}
        - {import_role: {name: "{{playbook_dir}}/roles/r"}}
    """)
    assert ran.of("e1") == ["one", "own"]
    with pytest.raises(SourceError, match="the name cannot be a template"):
        stage.tasks("- import_tasks: '{{ role_path }}/x.yml'")


@pytest.mark.parametrize(
    "play",
    [
        "tasks: [{include_tasks: apt.yml, when: x is defined}]",
        "tasks: [{block: [{include_tasks: apt.yml}], when: x is defined}]",
        "tasks: [{include_tasks: between.yml, when: x is defined}]",
        "roles: [{role: r, when: x is defined}]",
        "tasks: [{include_role: {name: r}, when: x is defined}]",
    ],
)
def test_what_is_not_supported_behind_a_condition_is_left_to_the_run(
    stage: Stage, play: str
) -> None:
    stage.write("apt.yml", "- say: x\n- community.general.parted: {}\n")
    stage.write("between.yml", "- include_tasks: apt.yml\n")
    stage.write("roles/r/tasks/main.yml", "- include_tasks: apt.yml\n")
    playbook = stage.load(f"- {{hosts: e1, {play}}}")
    (warning,) = playbook.warnings
    assert warning.startswith(f"{stage.folder}/apt.yml:2:3: there is no module 'community.general")
    assert warning.endswith("it stands behind a condition, so the run goes as far as there")


@pytest.mark.parametrize(
    ("text", "play"),
    [
        ("- community.general.parted: {}\n", "[{include_tasks: wrong.yml}]"),
        (
            "- community.general.parted: {}\n",
            "[{include_tasks: wrong.yml, when: x}, {include_tasks: wrong.yml}]",
        ),
        ("- sya: x\n", "[{include_tasks: wrong.yml, when: x}]"),
        ("- {say: x, untill: 1}\n", "[{include_tasks: wrong.yml, when: x}]"),
        ("- {say: '{{ a | defualt(1) }}'}\n", "[{include_tasks: wrong.yml, when: x}]"),
    ],
)
def test_what_is_wrong_in_any_case_is_refused_behind_a_condition_too(
    stage: Stage, text: str, play: str
) -> None:
    stage.write("wrong.yml", text)
    with pytest.raises(SourceError, match=r"wrong.yml:1:"):
        stage.load(f"- {{hosts: e1, tasks: {play}}}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "vars/v.yml:1:1: a file of variables is a mapping"),
        ("42\n", "vars/v.yml:1:1: a file of variables is a mapping"),
        ("a: 1\nb: [\n", "vars/v.yml:2:5: expected a value here"),
    ],
)
def test_a_file_of_variables_that_cannot_be_read_is_refused_before_the_run(
    stage: Stage, text: str, message: str
) -> None:
    stage.write("vars/v.yml", text)
    with pytest.raises(SourceError, match=message):
        stage.load("- {hosts: e1}\n- {hosts: e1, vars_files: [vars/v.yml]}\n")
    stage.load("- {hosts: e1, vars_files: ['{{ x }}.yml', [vars/v.yml, w.yml], gone.yml]}\n")


def test_a_file_of_variables_that_a_play_writes_anew_counts_as_it_is_then(stage: Stage) -> None:
    path = stage.write("v.yml", "a: old\n")
    playbook = stage.load("- {hosts: e1, vars_files: [v.yml]}\n")
    stage.write("v.yml", "a: new\n")
    assert playbook.library.document(path) == {"a": "new"}
