"""On which machine a task acts, as whom, in which environment, in which mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import TaskError
from raftfleet.transport.protocol import Command

if TYPE_CHECKING:
    from raftfleet.inventory import Host
    from tests.playbook.conftest import Stage


def connection(host: Host) -> dict[str, Any]:
    return {key: value for key, value in host.variables.items() if key.startswith("ansible_")}


class TestDelegation:
    def test_acts_on_the_other_host_with_the_variables_of_its_own(self, stage: Stage) -> None:
        stage.write("hosts.yml", "all: {hosts: {e1: {v: of e1}, e2: {v: of e2}}}")
        ran = stage.tasks("""
            - {ask: "echo {{ inventory_hostname }} {{ v }}", delegate_to: e2, register: r}
            - say: "{{ r.on }} {{ hostvars.e2.r is defined }}"
        """)
        assert stage.transports["e2"].lines() == ["echo e1 of e1"]
        assert "e1" not in stage.transports
        assert ran.of("e1") == ["e2 False"]
        assert ran.recap["e1"]["ok"] == 2

    def test_may_differ_by_item_and_name_hosts_that_nobody_listed(self, stage: Stage) -> None:
        stage.tasks("""
            - {ask: ls, delegate_to: "{{ item }}", loop: [e2, localhost, 192.0.2.7]}
        """)
        assert [host.name for host in stage.reached] == ["e2", "localhost", "192.0.2.7"]
        assert connection(stage.reached[1]) == {"ansible_connection": "local"}

    def test_facts_stay_with_the_delegating_host_unless_delegated_too(self, stage: Stage) -> None:
        ran = stage.tasks("""
            - {set_fact: {f: x}, delegate_to: e2}
            - {set_fact: {g: x}, delegate_to: e2, delegate_facts: true}
            - say: "{{ f | default('-') }}{{ hostvars.e2.f | default('-') }} {{ g | default('-') }}{{ hostvars.e2.g | default('-') }}"
        """)
        assert ran.of("e1") == ["x- -x"]

    def test_omit_means_its_own_host(self, stage: Stage) -> None:
        stage.tasks('- {ask: ls, delegate_to: "{{ omit }}"}')
        assert [host.name for host in stage.reached] == ["e1"]


class TestConnection:
    def test_variables_are_templated_before_a_transport_is_asked_for(self, stage: Stage) -> None:
        stage.write(
            "hosts.yml",
            'all: {vars: {net: 192.0.2}, hosts: {e1: {ansible_host: "{{ net }}.1", ansible_port: 22}}}',
        )
        stage.tasks("- ask: ls")
        assert connection(stage.reached[0]) == {"ansible_host": "192.0.2.1", "ansible_port": 22}

    def test_a_variable_outranks_the_keyword_that_says_the_same(self, stage: Stage) -> None:
        stage.write("hosts.yml", "all: {hosts: {e1: {ansible_user: var}, e2: {}}}")
        stage.tasks("- {ask: ls, remote_user: word, connection: local}", hosts="all", forks=1)
        assert [connection(host) for host in stage.reached] == [
            {"ansible_user": "var", "ansible_connection": "local"},
            {"ansible_user": "word", "ansible_connection": "local"},
        ]

    def test_defaults_of_the_command_line_hold_unless_the_play_says_otherwise(
        self, stage: Stage
    ) -> None:
        play = "[{ask: one}, {ask: two, become: false, remote_user: other}]"
        stage.tasks(play, defaults={"become": True, "remote_user": "cli"})
        assert [c.command.become for c in stage.transports["e1"].calls if c.command] == [
            "root",
            None,
        ]
        assert [connection(host)["ansible_user"] for host in stage.reached] == ["cli", "other"]

    def test_a_module_that_needs_no_connection_gets_none(self, stage: Stage) -> None:
        stage.tasks("- say: x")
        assert stage.reached == []
        with pytest.raises(TaskError, match="needs no connection to e1, and asks for one"):
            stage.contexts[0].transport.run(Command("ls"), timeout=1)


@pytest.mark.parametrize(
    ("keywords", "user"),
    [
        ("", None),
        ("become: true", "root"),
        ("become: true\n  become_user: app", "app"),
        ("become: false\n  become_user: app", None),
        ('become: "{{ yes_ }}"\n  become_user: "{{ who }}"\n  vars: {yes_: true, who: me}', "me"),
        ("vars: {ansible_become: true, ansible_become_user: var}\n  become_user: app", "var"),
    ],
)
def test_become_names_the_user_to_become(stage: Stage, keywords: str, user: str | None) -> None:
    stage.tasks(f"- ask: ls\n  {keywords}")
    (call,) = stage.transports["e1"].calls
    assert call.command is not None
    assert call.command.become == user


def test_environments_of_all_levels_are_merged_and_the_nearer_wins(stage: Stage) -> None:
    stage.run("""
        - hosts: e1
          environment: {A: play, B: play, N: 1}
          vars: {more: {E: from variable}, v: templated}
          tasks:
            - environment: {B: block}
              block: [{ask: ls, environment: [{C: "{{ v }}"}, "{{ more }}"]}]
            - ask: ls
    """)
    inner, outer = (call.command for call in stage.transports["e1"].calls)
    assert inner is not None
    assert inner.env == {
        "A": "play",
        "B": "block",
        "N": "1",
        "C": "templated",
        "E": "from variable",
    }
    assert outer is not None
    assert outer.env == {"A": "play", "B": "play", "N": "1"}


@pytest.mark.parametrize("check", [True, False])
def test_check_and_diff_mode_reach_the_module_unless_the_task_decides(
    stage: Stage, check: bool
) -> None:
    stage.tasks(
        "[{say: a}, {say: b, check_mode: false, diff: true}, {say: c, check_mode: true, diff: false}]",
        check=check,
        diff=check,
    )
    modes = [(context.check_mode, context.diff) for context in stage.contexts]
    assert modes == [(check, check), (False, True), (True, False)]


def test_a_timeout_is_the_modules_deadline_and_a_task_that_outlasts_it_failed(
    stage: Stage,
) -> None:
    stage.fake("e1")
    stage.transports["e1"].on("slow", lasting=3)
    ran = stage.tasks("[{ask: slow, timeout: 5}, {ask: slow, timeout: 2}]")
    assert [context.deadline for context in stage.contexts] == [5, 2]
    assert [event.status for event in ran.results()] == ["changed", "failed"]


def test_a_keyword_that_comes_out_as_nonsense_fails_the_task(stage: Stage) -> None:
    ran = stage.tasks('- {ask: ls, become: "{{ 5 }}"}')
    assert ran.failures() == ["become: wants true or false, not 5"]
