"""Modules that act on the playbook: variables from files, new hosts, new groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
            ("{name: x}", "wants file or dir"),
        ],
    )
    def test_what_cannot_be_read_fails_the_task(
        self, stage: Stage, arguments: str, message: str
    ) -> None:
        stage.write("list.yml", "[1]")
        assert message in stage.tasks(f"- include_vars: {arguments}").failures()[0]


class TestAddHost:
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
