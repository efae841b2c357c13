"""Modules that act on the playbook: variables from files, new hosts, new groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


class TestIncludeVars:
    def test_values_from_the_file_are_the_authors_own_and_templated(self, stage: Stage) -> None:
        stage.write("vars/more.yml", 'a: "{{ inventory_hostname }}"')
        assert stage.tasks("[{include_vars: more.yml}, {say: '{{ a }}'}]").of("e1") == ["e1"]

    def test_a_folder_is_read_in_name_order_and_may_go_below_one_name(self, stage: Stage) -> None:
        stage.write("d/1.yml", "{a: 1, b: 1}")
        stage.write("d/2.yaml", "{b: 2}")
        stage.write("d/3.txt", "{b: 3}")
        ran = stage.tasks("""
            - include_vars: {dir: d, name: under, ignore_unknown_extensions: true}
            - say: "{{ under.a }} {{ under.b }} {{ a is defined }}"
        """)
        assert ran.of("e1") == ["1 2 False"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("nowhere.yml", "the file nowhere.yml does not exist"),
            ("{file: list.yml}", "wants a mapping of variables"),
            ("{dir: list.yml}", "is no folder"),
            ("{dir: d, files_matching: '('}", "is not valid"),
            ("{dir: d}", "x.txt ends in none of .json, .yaml, .yml"),
        ],
    )
    def test_what_cannot_be_read_fails_the_task(
        self, stage: Stage, arguments: str, message: str
    ) -> None:
        stage.write("list.yml", "[1]")
        stage.write("d/x.txt", "a: 1")
        assert message in stage.tasks(f"- include_vars: {arguments}").failures()[0]

    def test_neither_a_file_nor_a_folder_is_refused_before_anything_runs(
        self, stage: Stage
    ) -> None:
        with pytest.raises(SourceError, match="wants file or dir"):
            stage.tasks("- include_vars: {name: x}")

    @pytest.mark.parametrize(
        ("choice", "seen"),
        [
            ("depth: 1", "1 2 -"),
            ("files_matching: '^1'", "1 1 -"),
            ("ignore_files: [2.yml]", "1 1 3"),
            ("extensions: yaml, ignore_unknown_extensions: true", "- - 3"),
        ],
    )
    def test_some_files_of_a_folder(self, stage: Stage, choice: str, seen: str) -> None:
        stage.write("vars/d/1.yml", "{a: 1, b: 1}")
        stage.write("vars/d/2.yml", "{b: 2}")
        stage.write("vars/d/below/3.yaml", "{c: 3}")
        ran = stage.tasks(f"""
            - include_vars: {{dir: d, name: v, {choice}}}
            - say: "{{{{ v.a | default('-') }}}} {{{{ v.b | default('-') }}}} {{{{ v.c | default('-') }}}}"
        """)
        assert ran.of("e1") == [seen]

    def test_mappings_can_be_merged_with_what_is_there(self, stage: Stage) -> None:
        stage.write("first.yml", "m: {a: 1, in: {x: 1}}")
        stage.write("more.yml", "m: {b: 2, in: {y: 2}}")
        ran = stage.tasks("""
            - include_vars: first.yml
            - include_vars: {file: more.yml, hash_behaviour: merge}
            - say: "{{ m }}"
        """)
        assert ran.of("e1") == ["{'a': 1, 'in': {'x': 1, 'y': 2}, 'b': 2}"]


class TestAddHost:
    def test_what_is_there_already_is_no_change(self, stage: Stage) -> None:
        ran = stage.run("""
            - hosts: e1
              tasks:
                - {add_host: {name: n, groups: [a, b], v: 1}, register: first}
                - {add_host: {name: n, groups: a, v: 1}, register: again}
                - {add_host: {name: n, v: 2}, register: other}
                - {add_host: {name: n, groups: c}, register: more}
                - say: "{{ [first, again, other, more] | map(attribute='changed') | list }}"
        """)
        assert ran.of("e1") == ["[True, False, True, True]"]

    def test_makes_hosts_for_later_plays_once_for_all_hosts_of_the_task(self, stage: Stage) -> None:
        ran = stage.run("""
            - hosts: west
              tasks:
                - add_host: {name: "new-{{ item }}", groups: [fresh, "east"], colour: "{{ item }}"}
                  loop: [red, blue]
                - say: "{{ groups.fresh | join(',') }} {{ ansible_play_hosts | length }}"
            - hosts: fresh
              tasks:
                - say: "{{ colour }} {{ group_names | join(',') }} {{ groups.east | length }} {{ groups.all | length }}"
        """)
        assert ran.of("w1") == ran.of("w2") == ["new-red,new-blue 4"]
        assert ran.of("new-red") == ["red east,fresh 5 8"]
        assert ran.recap["w1"] == {"ok": 2, "changed": 2}
        assert ran.recap["w2"] == {"ok": 1, "changed": 1}

    def test_a_known_host_gets_more_variables_and_groups(self, stage: Stage) -> None:
        ran = stage.run("""
            - {hosts: e1, tasks: [{add_host: {name: lone, groups: "a, b", x: 1}}]}
            - {hosts: "a:&b", tasks: [{say: "{{ x }} {{ group_names }}"}]}
        """)
        assert ran.of("lone") == ["1 ['a', 'b']"]


def test_group_by_makes_groups_by_a_variable_of_each_host(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: east
          tasks: [{group_by: {key: "os {{ inventory_hostname[1] | int % 2 }}", parents: oses}}]
        - {hosts: os-1, tasks: [{say: "{{ groups['os-1'] }} {{ groups.oses | length }}"}]}
    """)
    assert ran.of("e1") == ["['e1', 'e3'] 3"]
    assert ran.of("e2") == []
    ran = stage.run("""
        - {hosts: e1, tasks: [{group_by: {key: plain}}]}
        - {hosts: plain, tasks: [{say: "{{ group_names | join(',') }} {{ groups.all | length }}"}]}
    """)
    assert ran.of("e1") == ["east,plain 6"]
