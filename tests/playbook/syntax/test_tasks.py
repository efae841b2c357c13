"""What is wrong with a playbook is said with its place, the nearest word and a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError
from raftfleet.playbook.syntax.words import REFUSED

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


def complaint(stage: Stage, text: str) -> tuple[str, str, str]:
    """Return place, message and hint."""
    with pytest.raises(SourceError) as caught:
        stage.load(text)
    error = caught.value
    place = f"{error.mark.line}:{error.mark.column}" if error.mark else "nowhere"
    return place, error.message, error.hint or ""


def of_task(stage: Stage, task: str) -> tuple[str, str, str]:
    """Return the complaint about one task, whose first line is line 3 from column 7 on."""
    indented = task.replace("\n", "\n      ")
    return complaint(stage, f"- hosts: e1\n  tasks:\n    - {indented}\n")


def test_the_error_shows_three_lines_a_caret_and_the_way_out(stage: Stage) -> None:
    with pytest.raises(SourceError) as caught:
        stage.load("- hosts: e1\n  tasks:\n    - say: 1\n      untill: true\n      register: r\n")
    assert str(caught.value) == (
        f"{stage.folder}/play.yml:4:7: 'untill' is not a keyword of a task\n"
        "    3 |     - say: 1\n"
        "    4 |       untill: true\n"
        "      |       ^\n"
        "    5 |       register: r\n"
        "hint: did you mean until?"
    )


@pytest.mark.parametrize(
    ("task", "place", "message", "hint"),
    [
        ("say: 1\nregistre: r", "4:7", "'registre' is not a keyword of a task", "did you mean register?"),
        ("sya: 1", "3:7", "there is no module 'sya'", "did you mean say?"),
        ("community.docker.container: {}", "3:7", "there is no module 'community.docker.container'", "command or shell"),
        ("say: 1\ngive: {}", "4:7", "a task has one module, not say and give", "two tasks"),
        ("name: nothing", "3:7", "this task names no module", "command: uptime"),
        ("say: 1\nloop: {a: 1}", "4:13", "loop: wants a list, not a mapping", "dict2items"),
        ("say: 1\nloop: [1]\nwith_items: [1]", "5:7", "a task has one loop, not loop and with_items", ""),
        ("say: 1\nloop: [1]\nloop_control: {lop_var: x}", "5:22", "'lop_var' is not a keyword of loop_control", "loop_var"),
        ("say: 1\nregister: a-b", "4:17", "register: 'a-b' is not a name for a variable", "letters"),
        ("say: 1\nignore_errors: perhaps", "4:22", "ignore_errors: wants true or false, not the text perhaps", ""),
        ("say: 1\nretries: many", "4:16", "retries: wants a number, not the text many", ""),
        ("say: 1\nwhen: ''", "4:13", "when: wants a condition, not the text", "without braces"),
        ("say: 1\nwhen: [3]", "4:14", "when: wants a condition, not the number 3", ""),
        ("say: 1\nvars: [a]", "4:13", "vars: wants a mapping, not a list", "join"),
        ("say: 1\nvars: {a-b: 1}", "4:14", "'a-b' is not a name for a variable", ""),
        ("say: 1\ntags: 5", "4:13", "tags: wants a text or a list of texts, not the number 5", "quote it"),
        ("say: 1\nconnection: docker", "4:19", "connection: wants ssh or local, not the text docker", ""),
        ("say: 1\nbecome_method: su", "4:22", "become_method: wants sudo, not the text su", ""),
        ("say: 1\nenvironment: word", "4:20", "environment: wants a mapping", ""),
        ("block: [{say: 1}]\nloop: [1]", "4:7", "a block takes no loop:", "include_tasks"),
        ("block: {say: 1}", "3:14", "tasks are a list", "'- '"),
        ("rescue: [{say: 1}]", "3:7", "rescue: stands beside block: only", "block:"),
        ("import_playbook: x.yml", "3:7", "import_playbook stands among plays", ""),
        ("import_tasks: '{{ x }}'", "3:21", "import_tasks: the name cannot be a template", "include_tasks"),
        ("import_tasks: x.yml\nloop: [1]", "4:7", "import_tasks cannot be repeated by loop", "include_tasks"),
        ("import_tasks: nowhere.yml", "3:21", "the file nowhere.yml does not exist", "looked in"),
        ("import_role: {name: nowhere}", "3:27", "the role 'nowhere' was not found", "looked in"),
        ("include_tasks: {fil: x.yml}", "3:23", "include_tasks has no argument 'fil'", "did you mean file?"),
        ("include_tasks: file=x.yml", "3:22", "include_tasks: k=v arguments are not supported", "include_tasks: {file: x.yml}"),
        ("typed: dest=x count=1", "3:14", "typed: k=v arguments are not supported", "typed: {dest: x, count: 1}"),
        ("user: {name: x}", "3:7", "there is no module 'user'", ""),
        ("include_tasks: {file: x.yml, apply: {whn: x}}", "3:44", "'whn' is not a keyword of apply", "when"),
        ("meta: end_paly", "3:13", "meta: there is no action 'end_paly'", "did you mean end_play?"),
        ("meta: refresh_inventory", "3:13", "meta: refresh_inventory is not supported", "add_host"),
        ("no: x", "3:7", "a keyword is a word, and YAML reads this one as False", ""),
        ("1: x", "3:7", "there is no module '1'", ""),
    ],
)  # fmt: skip
def test_a_wrong_task_is_refused(
    stage: Stage, task: str, place: str, message: str, hint: str
) -> None:
    seen_place, seen_message, seen_hint = of_task(stage, task)
    assert message in seen_message
    assert seen_place == place
    assert hint in seen_hint


@pytest.mark.parametrize("word", sorted(REFUSED))
def test_a_word_that_is_left_out_on_purpose_names_the_way_out(stage: Stage, word: str) -> None:
    place, message, hint = of_task(stage, f"say: 1\n{word}: x")
    assert (place, message, hint) == ("4:7", f"{word!r} is not supported", REFUSED[word])


def test_a_way_of_looping_that_nobody_lists_is_refused_too(stage: Stage) -> None:
    _, message, hint = of_task(stage, "say: 1\nwith_something_of_my_own: x")
    assert "'with_something_of_my_own' is not supported" in message
    assert "loop" in hint


def test_a_module_that_is_not_offered_names_what_to_write_instead(stage: Stage) -> None:
    with pytest.raises(SourceError) as caught:
        stage.load(
            "- hosts: e1\n  tasks: [{apt: x}]\n", instead={"apt": "command: apt-get install"}
        )
    assert caught.value.hint == "write command: apt-get install"


def test_names_may_carry_the_prefix_of_ansibles_own_collection(stage: Stage) -> None:
    ran = stage.tasks("""
        - ansible.builtin.say: x
        - ansible.builtin.meta: noop
        - ansible.builtin.set_fact: {a: 1}
    """)
    assert ran.recap["e1"]["ok"] == 2


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("- gather_facts: false\n", "1:3", "a play needs hosts:", "hosts: all"),
        ("- hosts:\n", "1:3", "hosts: wants a pattern, or a list of patterns, not nothing", ""),
        ("- hosts: e1\n  taks: []\n", "2:3", "'taks' is not a keyword of a play", "did you mean tasks?"),
        ("- hosts: e1\n  strategy: free\n", "2:13", "the strategy free is not supported", "leave it out"),
        ("- hosts: e1\n  vars_prompt: []\n", "2:3", "'vars_prompt' is not supported", "-e"),
        ("- hosts: e1\n  user: me\n", "2:3", "'user' is not supported", "remote_user"),
        ("- hosts: e1\n  module_defaults: {}\n", "2:3", "'module_defaults' is not supported", ""),
        ("- hosts: e1\n  order: random\n", "2:10", "order: wants one of inventory", ""),
        ("- hosts: e1\n  serial: some\n", "2:11", "serial: wants a number", ""),
        ("- hosts: e1\n  gather_facts: true\n", "2:17", "needs the module setup", "gather_facts: false"),
        ("- hosts: e1\n  max_fail_percentage: x\n", "2:24", "max_fail_percentage: wants a number", ""),
        ("- hosts: e1\n  roles: r\n", "2:10", "roles: wants a list, not the text r", ""),
        ("- hosts: e1\n  roles: [{tags: x}]\n", "2:11", "a role entry needs role: NAME", ""),
        ("- hosts: e1\n  vars_files: [1]\n", "2:16", "vars_files: wants a list of file names", ""),
        ("- hosts: e1\n  handlers: [{block: [{block: []}]}]\n", "2:24", "block: cannot stand here", "listen"),
        ("- hosts: e1\n  handlers: [{block: [], rescue: []}]\n", "2:26", "rescue: cannot stand here", "listen"),
        ("- hosts: e1\n  handlers: [{block: {say: x}}]\n", "2:22", "handlers are a list", "'- '"),
        ("- hosts: e1\n  handlers: [{block: [], loop: [1]}]\n", "2:26", "a block takes no loop:", ""),
        ("hosts: e1\n", "1:1", "a playbook is a list of plays", "- hosts"),
        ("- e1\n", "1:3", "a play is a mapping, not the text e1", ""),
        ("- import_playbook: nowhere.yml\n", "1:20", "the file nowhere.yml does not exist", ""),
        ("- import_playbook: x.yml\n  hosts: e1\n", "2:3", "'hosts' is not a keyword of import_playbook", ""),
    ],
)  # fmt: skip
def test_a_wrong_play_is_refused(
    stage: Stage, text: str, place: str, message: str, hint: str
) -> None:
    seen_place, seen_message, seen_hint = complaint(stage, text)
    assert message in seen_message
    assert seen_place == place
    assert hint in seen_hint


def test_collections_of_a_play_are_accepted_with_one_warning(stage: Stage) -> None:
    play = "- {hosts: e1, collections: [a.b], tasks: [{say: x}]}"
    playbook = stage.load(f"{play}\n{play}\n")
    (warning,) = playbook.warnings
    assert warning.startswith(f"{stage.folder}/play.yml:1:15: collections:")
    assert stage.run(play).of("e1") == ["x"]


def test_an_empty_playbook_of_no_tasks_is_fine(stage: Stage) -> None:
    ran = stage.run("- {hosts: e1, tasks: , roles: , handlers: }")
    assert (ran.recap, ran.exit_code) == ({}, 0)


class TestRoles:
    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"roles/r/library/x.py": ""}, "brings library/, which is not supported"),
            ({"roles/r/defaults/main.yml": "[1]"}, "wants a mapping of variables"),
            ({"roles/r/meta/main.yml": "dependencies: [r]"}, "the role r needs itself"),
            (
                {"roles/r/meta/main.yml": "dependencies: [{role: gone}]"},
                "the role 'gone' was not found",
            ),
            ({"roles/r/tasks/main.yml": "- sya: x"}, "there is no module 'sya'"),
            ({"roles/rr/x": ""}, "the role 'r' was not found"),
        ],
    )
    def test_a_wrong_role_is_refused(
        self, stage: Stage, files: dict[str, str], message: str
    ) -> None:
        for name, text in files.items():
            stage.write(name, text)
        with pytest.raises(SourceError, match=message):
            stage.load("- {hosts: e1, roles: [r]}")

    def test_a_missing_file_that_was_asked_for_is_refused(self, stage: Stage) -> None:
        stage.write("roles/r/tasks/main.yml", "[]")
        with pytest.raises(SourceError, match=r"the role has no file tasks/extra.yml"):
            stage.load("- {hosts: e1, tasks: [{import_role: {name: r, tasks_from: extra}}]}")

    def test_a_role_of_a_collection_is_refused_by_name(self, stage: Stage) -> None:
        _, message, hint = complaint(stage, "- {hosts: e1, roles: [a.b.c]}")
        assert message == "roles of collections are not supported: a.b.c"
        assert hint == "copy the role into roles/"

    def test_defaults_may_be_a_folder_and_files_end_as_they_like(self, stage: Stage) -> None:
        stage.write("roles/r/defaults/main/1.yml", "{a: 1, b: 1}")
        stage.write("roles/r/defaults/main/2.yml", "{b: 2}")
        stage.write("roles/r/tasks/main.yaml", "- say: '{{ a }} {{ b }}'")
        assert stage.run("- {hosts: e1, roles: [r]}").of("e1") == ["1 2"]
