"""Handlers: who is notified, in which order they run, and on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError
from raftfleet.journal.events import TaskStarted

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


def test_handlers_run_once_in_the_order_of_definition_after_the_tasks(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1
          tasks:
            - {say: 1, notify: [b, a]}
            - {say: 2, notify: a}
            - {say: 3, notify: c, changed_when: false}
          handlers:
            - {name: a, say: a}
            - {name: b, say: b}
            - {name: c, say: never}
    """)
    assert ran.of("e1") == ["1", "2", "3", "a", "b"]


def test_handlers_are_flushed_after_each_section_and_where_meta_says(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1
          post_tasks: [{say: post, notify: h}]
          tasks:
            - {say: task, notify: h}
            - meta: flush_handlers
            - say: between
            - {say: again, notify: h}
          pre_tasks: [{say: pre, notify: h}]
          handlers: [{name: h, say: "-h-"}]
    """)
    assert ran.of("e1") == ["pre", "-h-", "task", "-h-", "between", "again", "-h-", "post", "-h-"]


def test_several_handlers_may_listen_to_one_topic_and_each_runs_once(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1
          tasks: [{say: 1, notify: [topic, by name]}]
          handlers:
            - {name: a, listen: topic, say: a}
            - {name: by name, listen: [topic, other], say: by name}
            - {name: b, listen: other, say: never}
            - {listen: topic, say: unnamed}
    """)
    assert ran.of("e1") == ["1", "a", "by name", "unnamed"]


def test_a_handler_notified_by_a_later_handler_runs_in_another_pass(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1
          tasks: [{say: 1, notify: second}]
          handlers:
            - {name: first, say: first}
            - {name: second, say: second, notify: first}
    """)
    assert ran.of("e1") == ["1", "second", "first"]


def test_only_notified_hosts_that_did_not_fail_run_a_handler(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: east
          tasks:
            - {say: 1, notify: h, changed_when: inventory_hostname != 'e3'}
            - {fail: , when: inventory_hostname == 'e2'}
          handlers: [{name: h, say: handler}]
    """)
    assert [line for line in ran.trace if "handler" in line] == ["e1 handler"]


def test_force_handlers_runs_them_on_failed_hosts_but_no_further_task(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1:e2
          force_handlers: true
          tasks:
            - {say: 1, notify: h}
            - {fail: , when: inventory_hostname == 'e1'}
          post_tasks: [{say: post}]
          handlers: [{name: h, say: handler}]
    """)
    assert ran.of("e1") == ["1", "handler"]
    assert ran.of("e2") == ["1", "handler", "post"]
    assert ran.exit_code == 2


def test_a_handler_that_fails_drops_its_host(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1
          tasks: [{say: 1, notify: [a, b]}]
          post_tasks: [{say: never}]
          handlers: [{name: a, fail: }, {name: b, say: never}]
    """)
    assert (ran.of("e1"), ran.exit_code) == (["1"], 2)


def test_names_may_be_templates_on_both_sides(stage: Stage) -> None:
    ran = stage.run("""
        - hosts: e1
          vars: {service: raft}
          tasks: [{say: 1, notify: "restart {{ service }}"}]
          handlers: [{name: "restart {{ service }}", say: restarted}]
    """)
    assert ran.of("e1") == ["1", "restarted"]


def test_handlers_need_no_matching_tag_and_are_marked_in_the_journal(stage: Stage) -> None:
    ran = stage.run(
        """
        - hosts: e1
          tasks: [{say: 1, notify: h, tags: t}]
          handlers: [{name: h, say: handler}]
    """,
        tags=["t"],
    )
    assert ran.of("e1") == ["1", "handler"]
    assert [e.handler for e in ran.events if isinstance(e, TaskStarted)] == [False, True]


def test_role_handlers_answer_to_both_names_and_a_play_handler_of_the_name_wins(
    stage: Stage,
) -> None:
    stage.write("roles/r/tasks/main.yml", "- say: role")
    stage.write("roles/r/defaults/main.yml", "text: from role")
    stage.write(
        "roles/r/handlers/main.yml",
        """
        - {name: shared, say: "role shared {{ text }}"}
        - {name: only role, say: only role}
        """,
    )
    ran = stage.run("""
        - hosts: e1
          roles: [r]
          tasks:
            - {say: 1, notify: ["r : shared", only role]}
            - meta: flush_handlers
            - {say: 2, notify: shared}
          handlers: [{name: shared, say: play shared}]
    """)
    assert ran.of("e1") == ["role", "1", "role shared from role", "only role", "2", "play shared"]


def test_imported_handlers_keep_their_listen_and_take_the_imports_settings(stage: Stage) -> None:
    stage.write("more.yml", "- {name: h, listen: topic, say: 'h {{ v }}'}")
    ran = stage.run("""
        - hosts: e1
          tasks: [{say: 1, notify: topic}]
          handlers: [{import_tasks: more.yml, vars: {v: imported}}]
    """)
    assert ran.of("e1") == ["1", "h imported"]


def test_an_unknown_handler_is_refused_before_anything_runs(stage: Stage) -> None:
    with pytest.raises(SourceError, match=r"play.yml:2:28: there is no handler 'restat'") as caught:
        stage.run("""
            - hosts: e1
              tasks: [{say: 1, notify: restat}]
              handlers: [{name: restart, say: x}]
        """)
    assert caught.value.hint == "did you mean 'restart'?"
    assert stage.events == []


def test_an_unknown_handler_whose_name_is_a_template_ends_the_run_when_it_is_notified(
    stage: Stage,
) -> None:
    with pytest.raises(SourceError, match="there is no handler 'nope'"):
        stage.run("""
            - hosts: e1
              vars: {which: nope}
              tasks: [{say: 1, notify: "{{ which }}"}, {say: never}]
              handlers: [{name: h, say: x}]
        """)
    assert stage.trace == ["e1 1"]


def test_handlers_in_a_block_are_notified_each_for_itself(stage: Stage) -> None:
    ran = stage.run("""
- hosts: e1
  tasks: [{say: x, notify: [two, three]}]
  handlers:
    - when: word == 'said'
      vars: {word: said}
      block:
        - {name: one, say: one}
        - {name: two, say: "two {{ word }}"}
        - {name: three, say: three, when: word == 'other'}
""")
    assert ran.of("e1") == ["x", "two said"]
