"""Which variable wins, and what is known without being defined."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SourceError, UnreachableError

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


class TestPrecedence:
    def test_from_the_weakest_to_the_strongest(self, stage: Stage) -> None:
        """Each name is defined from some level upwards; the level that wins must be the highest."""
        levels = [
            "default",
            "host",
            "play",
            "file",
            "role",
            "entry",
            "block",
            "task",
            "included",
            "fact",
            "param",
            "extra",
        ]
        names = [f"v{n}" for n in range(len(levels))]

        def upto(level: str) -> dict[str, str]:
            """Variables that this level defines: all those whose winner is at or above it."""
            rank = levels.index(level)
            return {name: level for n, name in enumerate(names) if n >= rank}

        stage.write("roles/r/defaults/main.yml", str(upto("default")))
        stage.write("roles/r/vars/main.yml", str(upto("role")))
        stage.write("file.yml", str(upto("file")))
        stage.write("more.yml", str(upto("included")))
        stage.write("hosts.yml", f"all: {{hosts: {{e1: {upto('host')}}}}}")
        stage.write(
            "roles/r/tasks/main.yml",
            f"""
            - set_fact: {upto("fact")}
            - include_vars: ../../more.yml
            - vars: {upto("block")}
              block:
                - say: "{{{{ [{", ".join(names)}] | join(' ') }}}}"
                  vars: {upto("task")}
            """,
        )
        param = ", ".join(f"{name}: {value}" for name, value in upto("param").items())
        ran = stage.run(
            f"""
            - hosts: e1
              vars: {upto("play")}
              vars_files: [file.yml]
              roles:
                - {{role: r, vars: {upto("entry")}, {param}}}
            """,
            extra_vars=upto("extra"),
        )
        assert ran.of("e1") == [" ".join(levels)]

    def test_variables_end_with_their_block_and_the_inner_one_wins(self, stage: Stage) -> None:
        ran = stage.tasks("""
            - block:
                - block: [{say: "{{ a }}{{ b }}{{ c }}", vars: {a: task}}]
                  vars: {b: inner, a: inner}
              vars: {c: outer, b: outer, a: outer}
            - say: "{{ a is defined }}"
        """)
        assert ran.of("e1") == ["taskinnerouter", "False"]

    def test_facts_and_included_variables_outlive_the_play_and_play_variables_do_not(
        self, stage: Stage
    ) -> None:
        stage.write("more.yml", "{i: included}")
        ran = stage.run("""
            - hosts: e1
              vars: {p: play}
              tasks: [{set_fact: {f: "{{ p }}"}}, {include_vars: more.yml}, {say: 1, register: r}]
            - hosts: e1
              tasks: [{say: "{{ f }} {{ i }} {{ r.said }} {{ p | default('gone') }}"}]
        """)
        assert ran.of("e1")[-1] == "play included 1 gone"

    def test_vars_files_take_the_first_of_a_list_and_templates_in_their_names(
        self, stage: Stage
    ) -> None:
        stage.write("one.yml", "{a: one, b: one}")
        stage.write("two-e1.yml", "{b: two}")
        ran = stage.run("""
            - hosts: e1
              vars: {a: play, which: two}
              vars_files: [one.yml, [nowhere.yml, "{{ which }}-{{ inventory_hostname }}.yml"]]
              tasks: [{say: "{{ a }} {{ b }}"}]
        """)
        assert ran.of("e1") == ["one two"]

    def test_a_missing_vars_file_ends_the_run_with_its_place(self, stage: Stage) -> None:
        with pytest.raises(
            SourceError, match=r"play.yml:2:16: vars_files: the file does not exist"
        ):
            stage.run("""
                - hosts: e1
                  vars_files: [nowhere.yml]
                  tasks: [{say: never}]
            """)

    def test_role_variables_are_seen_by_the_whole_play(self, stage: Stage) -> None:
        stage.write("roles/r/defaults/main.yml", "d: default")
        stage.write("roles/r/vars/main.yml", "v: var")
        ran = stage.run("""
            - hosts: e1
              pre_tasks: [{say: "{{ d }} {{ v }}"}]
              roles: [r]
        """)
        assert ran.of("e1") == ["default var"]


class TestMagic:
    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("inventory_hostname", "e1"),
            ("group_names", "['east']"),
            ("groups.west", "['w1', 'w2']"),
            ("groups | dict2items | length", "4"),
            ("hostvars | length", "6"),
            ("hostvars['w1'].inventory_hostname", "w1"),
            ("play_hosts", "['e1', 'e2']"),
            ("ansible_play_hosts_all", "['e1', 'e2']"),
            ("ansible_play_batch", "['e1', 'e2']"),
            ("ansible_play_name", "e1:e2"),
            ("ansible_host", "e1"),
            ("ansible_check_mode", "True"),
            ("ansible_diff_mode", "False"),
            ("ansible_forks", "20"),
            ("playbook_dir | basename", "book"),
            ("inventory_file | basename", "hosts.yml"),
            ("inventory_dir | basename", "book"),
            ("role_name | default('none')", "none"),
            ("nope is defined", "False"),
        ],
    )
    def test_is_known_without_being_defined(
        self, stage: Stage, expression: str, value: str
    ) -> None:
        ran = stage.tasks(
            f'- say: "{{{{ {expression} }}}}"',
            hosts="e1:e2",
            check=True,
            inventory_file=stage.folder / "hosts.yml",
        )
        assert ran.of("e1") == [value]

    def test_a_role_knows_its_name_and_folder(self, stage: Stage) -> None:
        stage.write("roles/r/tasks/main.yml", "- say: '{{ role_name }} {{ role_path | basename }}'")
        assert stage.run("- {hosts: e1, roles: [r]}").of("e1") == ["r r"]

    def test_hostvars_hold_facts_and_inventory_but_no_play_variables(self, stage: Stage) -> None:
        stage.write(
            "hosts.yml", "all: {hosts: {e1: {own: '{{ inventory_hostname }}'}, e2: {own: x}}}"
        )
        ran = stage.run("""
            - hosts: all
              vars: {p: play}
              tasks:
                - set_fact: {f: "{{ inventory_hostname }}"}
                - say: "{{ hostvars.e1.own }} {{ groups.all | map('extract', hostvars, 'f') | join }} {{ hostvars.e2.p | default('-') }}"
        """)
        assert ran.of("e2") == ["e1 e1e2 -"]

    def test_omit_takes_an_argument_away_wherever_it_stands(self, stage: Stage) -> None:
        ran = stage.tasks("""
            - typed:
                count: "{{ nope | default(omit) }}"
                names: [a, "{{ omit }}"]
                of: {k: "{{ omit }}", l: 1}
        """)
        got = ran.results()[0].result["got"]
        assert (got["count"], got["names"], got["of"]) == (None, ["a"], {"l": 1})


class TestProviders:
    def test_are_asked_once_a_task_and_give_every_host_the_same(self, stage: Stage) -> None:
        asked: list[int] = []

        def provide() -> object:
            asked.append(len(asked))
            return {"leader": f"n{len(asked)}"}

        ran = stage.tasks(
            """
            - say: "{{ raft.leader }} {{ raft.leader }}"
            - {say: "{{ raft.leader }}", loop: [1, 2]}
            - say: not asked
        """,
            hosts="west",
            variable_providers={"raft": provide},
        )
        assert ran.of("w1") == ran.of("w2") == ["n1 n1", "n2", "n2", "not asked"]
        assert len(asked) == 2

    def test_wins_over_the_inventory_and_is_never_templated(self, stage: Stage) -> None:
        ran = stage.tasks(
            '- {say: "{{ raft }}", vars: {raft: task}}',
            variable_providers={"raft": lambda: "{{ 7*7 }}"},
        )
        assert ran.of("e1") == ["{{ 7*7 }}"]

    def test_an_error_of_a_provider_is_the_tasks(self, stage: Stage) -> None:
        def provide() -> Any:
            raise UnreachableError("no node answers")

        ran = stage.tasks('- say: "{{ raft.x }}"', variable_providers={"raft": provide})
        assert ran.recap == {"e1": {"unreachable": 1}}
        assert ran.failures() == ["no node answers"]

    def test_are_asked_from_one_thread_at_a_time(self, stage: Stage) -> None:
        inside = threading.Lock()

        def provide() -> object:
            assert inside.acquire(blocking=False)
            inside.release()
            return {"x": 1}

        ran = stage.tasks(
            '- say: "{{ raft.x }}"', hosts="all", variable_providers={"raft": provide}
        )
        assert ran.exit_code == 0
