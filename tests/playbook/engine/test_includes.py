"""Includes, imports and roles: what runs, with which variables, tags and conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


class TestTasks:
    def test_an_include_may_loop_and_differ_by_host(self, stage: Stage) -> None:
        stage.write("inner.yml", '- say: "{{ item }} {{ extra }}"')
        stage.write("e1.yml", "- say: own file")
        ran = stage.tasks(
            """
            - include_tasks: inner.yml
              loop: [1, 2]
              vars: {extra: "x{{ item }}"}
            - include_tasks: "{{ inventory_hostname }}.yml"
              when: inventory_hostname == 'e1'
            - include_tasks: {file: inner.yml}
              vars: {item: plain, extra: "{{ inventory_hostname }}"}
        """,
            hosts="e1:w1",
        )
        assert ran.of("e1") == ["1 x1", "2 x2", "own file", "plain e1"]
        assert ran.of("w1") == ["1 x1", "2 x2", "plain w1"]
        assert ran.recap["e1"] == {"ok": 8, "changed": 4}
        assert ran.recap["w1"] == {"ok": 6, "changed": 3, "skipped": 1}

    def test_an_item_that_comes_twice_is_included_at_each_of_its_turns(self, stage: Stage) -> None:
        stage.write("inner.yml", '- say: "{{ item }}"')
        ran = stage.tasks(
            """
            - include_tasks: inner.yml
              loop: [1, 2, 1]
        """,
            hosts="e1:w1",
        )
        assert ran.of("e1") == ["1", "2", "1"]
        assert ran.of("w1") == ["1", "2", "1"]

    def test_what_an_include_passes_on_wins_over_facts(self, stage: Stage) -> None:
        stage.write("inner.yml", "- say: '{{ v }}'")
        ran = stage.tasks("""
            - set_fact: {v: fact}
            - {include_tasks: inner.yml, vars: {v: passed}}
            - {import_tasks: inner.yml, vars: {v: imported}}
        """)
        assert ran.of("e1") == ["passed", "fact"]

    def test_the_condition_of_an_include_holds_once_that_of_an_import_for_each_task(
        self, stage: Stage
    ) -> None:
        stage.write(
            "inner.yml",
            """
            - say: "{{ via }} one"
            - set_fact: {go: false}
            - say: "{{ via }} two"
            """,
        )
        ran = stage.tasks("""
            - set_fact: {go: true}
            - {include_tasks: inner.yml, when: go, vars: {via: include}}
            - set_fact: {go: true}
            - {import_tasks: inner.yml, when: go, vars: {via: import}}
        """)
        assert ran.of("e1") == ["include one", "include two", "import one"]

    def test_tags_reach_inside_an_import_and_not_inside_an_include_unless_applied(
        self, stage: Stage
    ) -> None:
        stage.write("inner.yml", "[{say: '{{ via }} plain'}, {say: '{{ via }} tagged', tags: t}]")
        ran = stage.tasks(
            """
            - {import_tasks: inner.yml, vars: {via: import}, tags: t}
            - {include_tasks: inner.yml, vars: {via: include}, tags: t}
            - {include_tasks: {file: inner.yml, apply: {tags: [t]}}, vars: {via: apply}, tags: t}
            - {include_tasks: inner.yml, vars: {via: untagged include}}
            - block: [{include_tasks: inner.yml, vars: {via: block}}]
              tags: t
        """,
            tags=["t"],
        )
        assert ran.of("e1") == [
            "import plain",
            "import tagged",
            "include tagged",
            "apply plain",
            "apply tagged",
            "block plain",
            "block tagged",
        ]

    def test_files_are_looked_for_beside_the_including_file_first(self, stage: Stage) -> None:
        stage.write("sub/a.yml", "[{include_tasks: b.yml}, {import_tasks: c.yml}]")
        stage.write("sub/b.yml", "- say: sub b")
        stage.write("b.yml", "- say: top b")
        stage.write("c.yml", "- say: top c")
        assert stage.tasks("- include_tasks: sub/a.yml").of("e1") == ["sub b", "top c"]

    def test_a_file_that_is_missing_fails_the_including_host_only(self, stage: Stage) -> None:
        stage.write("e2.yml", "- say: there")
        ran = stage.tasks(
            """
            - block: [{include_tasks: "{{ inventory_hostname }}.yml"}]
              rescue: [{say: "rescued {{ ansible_failed_task.action }}"}]
        """,
            hosts="e1:e2",
        )
        assert (ran.of("e1"), ran.of("e2")) == (["rescued include_tasks"], ["there"])
        assert "the file e1.yml does not exist" in ran.failures()[0]

    def test_an_included_file_that_is_wrong_fails_with_its_place(self, stage: Stage) -> None:
        stage.write("wrong.yml", "- say: x\n  untill: 1\n")
        ran = stage.tasks("""
            - {include_tasks: "{{ name }}.yml", vars: {name: wrong}}
        """)
        assert "wrong.yml:2:3: 'untill' is not a keyword of a task" in ran.failures()[0]
        assert ran.exit_code == 2

    def test_a_failure_inside_an_include_is_rescued_outside(self, stage: Stage) -> None:
        stage.write("inner.yml", "[{fail: }, {say: never}]")
        ran = stage.tasks("""
            - block: [{include_tasks: inner.yml}, {say: never}]
              rescue: [{say: rescued}]
        """)
        assert ran.of("e1") == ["rescued"]

    def test_an_import_inside_itself_is_refused_and_an_include_may_end(self, stage: Stage) -> None:
        stage.write("loop.yml", "- import_tasks: loop.yml")
        with pytest.raises(SourceError, match="imported inside itself"):
            stage.tasks("- import_tasks: loop.yml")
        stage.write(
            "down.yml",
            """
            - say: "{{ n }}"
            - {include_tasks: down.yml, when: n | int > 1, vars: {m: "{{ n | int - 1 }}", n: "{{ m }}"}}
            """,
        )
        stage.write("once.yml", "- {include_tasks: once2.yml, vars: {n: 1}}")
        stage.write("once2.yml", "- {say: '{{ n }}', when: n == 1}")
        assert stage.tasks("- include_tasks: once.yml").of("e1") == ["1"]


class TestPlaybooks:
    def test_an_imported_playbook_takes_vars_tags_and_a_condition(self, stage: Stage) -> None:
        stage.write(
            "sub/other.yml",
            """
            - hosts: "{{ target }}"
              vars: {b: play}
              tasks: [{say: "{{ a }} {{ b }}"}, {import_tasks: here.yml}]
            """,
        )
        stage.write("sub/here.yml", "- say: found beside it")
        play = """
            - {import_playbook: sub/other.yml, vars: {target: w1, a: passed, b: weaker}, tags: t}
            - {hosts: e1, tasks: [{say: between}]}
            - {import_playbook: sub/other.yml, vars: {target: w1, a: never}, when: a == 'x'}
        """
        ran = stage.run(play)
        assert ran.trace == ["w1 passed weaker", "w1 found beside it", "e1 between"]
        assert ran.recap["w1"]["skipped"] == 2
        assert stage.run(play, tags=["t"]).trace == ["w1 passed weaker", "w1 found beside it"]

    def test_a_playbook_inside_itself_is_refused(self, stage: Stage) -> None:
        with pytest.raises(SourceError, match="imported inside itself"):
            stage.run("- import_playbook: play.yml")


class TestRoles:
    def test_sections_run_in_their_order_wherever_they_stand(self, stage: Stage) -> None:
        stage.write("roles/r/tasks/main.yml", "- say: role")
        ran = stage.run("""
            - hosts: e1
              post_tasks: [{say: post}]
              tasks: [{say: task}]
              roles: [r]
              pre_tasks: [{say: pre}]
        """)
        assert ran.of("e1") == ["pre", "role", "task", "post"]

    def test_dependencies_run_before_and_a_shared_one_once(self, stage: Stage) -> None:
        stage.write("roles/base/tasks/main.yml", "- say: base")
        stage.write("roles/base/defaults/main.yml", "d: of base")
        stage.write("roles/net/tasks/main.yml", "- say: net {{ port }}")
        stage.write("roles/net/meta/main.yml", "dependencies: [{role: base}]")
        stage.write("roles/app/meta/main.yml", "dependencies: [base, {role: net, vars: {port: 7}}]")
        stage.write("roles/app/tasks/main.yml", "- say: app {{ d }}")
        ran = stage.run("- {hosts: e1, roles: [app, base]}")
        assert ran.of("e1") == ["base", "net 7", "app of base"]

    def test_the_same_role_runs_again_only_with_other_parameters(self, stage: Stage) -> None:
        stage.write("roles/one/tasks/main.yml", "- say: one {{ n }}")
        stage.write("roles/one/defaults/main.yml", "n: 1")
        stage.write("roles/many/tasks/main.yml", "- say: many")
        stage.write("roles/many/meta/main.yml", "allow_duplicates: true")
        ran = stage.run("""
            - hosts: e1
              roles: [one, one, {role: one, n: 2}, {role: one, vars: {n: 3}}, {role: one, n: 2}, many, many]
              tasks:
                - import_role: {name: one}
        """)
        assert ran.of("e1") == ["one 1", "one 2", "one 3", "many", "many", "one 1"]
        ran = stage.run("""
            - hosts: e1
              roles: [{role: one, tags: a}, {role: one, tags: b}, {role: one, when: n == 1}]
        """)
        assert ran.of("e1") == ["one 1"] * 3

    def test_a_role_that_ran_on_one_host_still_runs_on_another(self, stage: Stage) -> None:
        stage.write("roles/one/tasks/main.yml", "- say: one")
        ran = stage.run("- {hosts: east, serial: 1, roles: [one, one]}")
        assert ran.trace == ["e1 one", "e2 one", "e3 one"]

    def test_include_role_takes_other_files_and_keeps_its_variables_unless_public(
        self, stage: Stage
    ) -> None:
        stage.write("roles/r/tasks/extra.yml", "- say: extra {{ who }}")
        stage.write("roles/r/defaults/main.yml", "who: default")
        stage.write("roles/r/defaults/other.yml", "who: other")
        stage.write("roles/r/vars/main.yml", "v: of r")
        ran = stage.tasks("""
            - import_role: {name: r, tasks_from: extra}
              vars: {who: imported}
            - include_role: {name: r, tasks_from: extra.yml, defaults_from: other.yml}
            - include_role: {name: r, tasks_from: extra}
              loop: [a, b]
              loop_control: {loop_var: who}
        """)
        assert ran.of("e1") == ["extra imported", "extra other", "extra a", "extra b"]
        ran = stage.tasks("""
            - include_role: {name: r, tasks_from: extra}
            - say: "{{ v | default('hidden') }}"
            - include_role: {name: r, tasks_from: extra, public: true}
            - say: "{{ v | default('hidden') }} {{ who }}"
        """)
        assert ran.of("e1") == ["extra default", "hidden", "extra default", "of r default"]

    def test_handlers_of_an_included_role_join_the_play(self, stage: Stage) -> None:
        stage.write("roles/r/tasks/main.yml", "- {say: role, notify: h}")
        stage.write("roles/r/handlers/main.yml", '- {name: h, say: "by {{ role_name }}"}')
        assert stage.tasks("- include_role: {name: r}").of("e1") == ["role", "by r"]

    def test_roles_are_found_beside_the_playbook_above_it_and_in_further_folders(
        self, stage: Stage
    ) -> None:
        for place in ("roles/a", "../roles/a", "../roles/b", "../shipped/b", "../shipped/c"):
            stage.write(f"{place}/tasks/main.yml", f"- say: {place.removeprefix('../')}")
        ran = stage.run(
            "- {hosts: e1, roles: [a, b, c]}", load={"role_paths": [stage.folder / "../shipped"]}
        )
        assert ran.of("e1") == ["roles/a", "roles/b", "shipped/c"]

    def test_conditions_and_tags_of_a_role_entry_reach_its_tasks(self, stage: Stage) -> None:
        stage.write("roles/r/tasks/main.yml", "- say: role")
        play = "- {hosts: e1:e2, roles: [{role: r, when: inventory_hostname == 'e2', tags: t}]}"
        assert stage.run(play).trace == ["e2 role"]
        assert stage.run(play, tags=["other"]).trace == []

    def test_files_are_looked_up_in_the_role_before_the_playbook(self, stage: Stage) -> None:
        stage.write("roles/r/files/both.txt", "role")
        stage.write("files/both.txt", "play")
        stage.write("files/only.txt", "play only")
        stage.write(
            "roles/r/tasks/main.yml",
            "- say: \"{{ lookup('file', 'both.txt') }} {{ lookup('file', 'only.txt') }}\"",
        )
        ran = stage.run("""
            - hosts: e1
              roles: [r]
              tasks: [{say: "{{ lookup('file', 'both.txt') }}"}]
        """)
        assert ran.of("e1") == ["role play only", "play"]

    def test_task_names_carry_the_role(self, stage: Stage) -> None:
        stage.write("roles/r/tasks/main.yml", "- {name: 'do {{ inventory_hostname }}', say: x}")
        assert stage.run("- {hosts: e1, roles: [r]}").started() == ["r : do e1"]
