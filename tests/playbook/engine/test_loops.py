"""Loops, retries, and what they register."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.playbook import Result, Status

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage

FAILED = Result(Status.FAILED, values={"rc": 1})
FINE = Result(Status.CHANGED, values={"rc": 0})


@pytest.mark.parametrize(
    ("loop", "items"),
    [
        ("loop: [1, two]", ["1", "two"]),
        ('loop: "{{ names[1:] + [10] }}"', ["y", "10"]),
        ('loop: "{{ range(2) }}"', ["0", "1"]),
        ('with_items: [a, [b, [c]], "{{ names }}"]', ["a", "b", "['c']", "x", "y"]),
        ("with_items: one", ["one"]),
        ("with_dict: {k: 1, l: 2}", ["{'key': 'k', 'value': 1}", "{'key': 'l', 'value': 2}"]),
    ],
)
def test_items_come_in_order(stage: Stage, loop: str, items: list[str]) -> None:
    ran = stage.tasks(f"""
        - say: "{{{{ item }}}}"
          vars: {{names: [x, y]}}
          {loop}
    """)
    assert ran.of("e1") == items
    assert ran.recap["e1"] == {"ok": 1, "changed": 1}


def test_loop_variable_index_and_label_are_the_authors(stage: Stage) -> None:
    ran = stage.tasks("""
        - say: "{{ pos }}:{{ name.k }} {{ item is defined }}"
          loop: [{k: a}, {k: b}, {k: c}]
          when: name.k != 'b'
          loop_control: {loop_var: name, index_var: pos, label: "<{{ name.k }}>"}
          register: r
        - say: "{{ r.results | map(attribute='pos') | join(',') }} {{ r.results[2].name.k }}"
    """)
    assert ran.of("e1") == ["0:a False", "2:c False", "0,1,2 c"]
    labels = [event.item for event in ran.results(items=True) if event.item]
    assert labels == ["<a>", "<b>", "<c>"]


def test_extended_tells_position_and_neighbours(stage: Stage) -> None:
    ran = stage.tasks("""
        - say: "{{ l.index }}/{{ l.length }} {{ l.first }} {{ l.revindex0 }} {{ l.previtem | default('-') }}{{ l.nextitem | default('-') }}"
          vars: {l: "{{ ansible_loop }}"}
          loop: [a, b]
          loop_control: {extended: true}
    """)
    assert ran.of("e1") == ["1/2 True 1 -b", "2/2 False 0 a-"]


def test_a_failing_item_does_not_stop_the_loop_and_fails_the_task(stage: Stage) -> None:
    ran = stage.tasks("""
        - block:
            - give: {status: "{{ 'failed' if item == 2 else 'changed' }}"}
              loop: [1, 2, 3]
              register: r
          rescue:
            - say: "{{ r is failed }} {{ r is changed }} {{ r.results | map(attribute='failed') | join(',') }}"
    """)
    assert ran.of("e1") == ["True True False,True,False"]


def test_a_loop_stops_at_an_item_that_finds_the_host_gone(stage: Stage) -> None:
    ran = stage.tasks("- {lose: , loop: [1, 2, 3]}")
    assert ran.recap == {"e1": {"unreachable": 1}}
    assert len(ran.results(items=True)) == 2


def test_a_loop_over_nothing_is_skipped_and_registers_no_results(stage: Stage) -> None:
    ran = stage.tasks("""
        - {say: never, loop: [], register: r}
        - say: "{{ r.results | length }} {{ r is skipped }} {{ r is changed }}"
    """)
    assert ran.of("e1") == ["0 True False"]
    assert ran.recap["e1"]["skipped"] == 1


def test_a_loop_whose_items_are_all_skipped_is_skipped(stage: Stage) -> None:
    ran = stage.tasks("- {say: never, loop: [1, 2], when: item > 5}")
    assert ran.recap == {"e1": {"skipped": 1}}


def test_a_condition_may_rule_out_a_loop_that_cannot_be_evaluated(stage: Stage) -> None:
    ran = stage.tasks("""
        - {say: never, loop: "{{ nope }}", when: nope is defined}
        - {say: never, loop: "{{ nope }}", ignore_errors: true}
    """)
    assert ran.recap["e1"] == {"ok": 1, "skipped": 1, "ignored": 1}
    assert "'nope' is undefined" in ran.failures()[0]


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ('loop: "{{ 5 }}"', "loop: wants a list, not a value of type int"),
        ("loop: \"{{ {'a': 1} }}\"", "dict2items"),
        ("with_dict: [1]", "with_dict: wants a mapping"),
    ],
)
def test_what_cannot_be_gone_over_fails_the_task(stage: Stage, loop: str, message: str) -> None:
    ran = stage.tasks(f"""
        - say: never
          {loop}
    """)
    assert message in ran.failures()[0]
    assert ran.exit_code == 2


def test_facts_set_by_one_item_are_seen_by_the_next(stage: Stage) -> None:
    ran = stage.tasks("""
        - set_fact: {all: "{{ all | default([]) + [item] }}"}
          loop: [1, 2, 3]
        - say: "{{ all }}"
    """)
    assert ran.of("e1") == ["[1, 2, 3]"]


def test_pause_between_items_passes_on_the_clock(stage: Stage) -> None:
    began = stage.clock.monotonic()
    stage.tasks("- {say: x, loop: [1, 2, 3], loop_control: {pause: 10}}")
    assert stage.clock.monotonic() - began == pytest.approx(20)


def test_until_tries_four_times_by_default_five_seconds_apart(stage: Stage) -> None:
    stage.answers["a"] = [FAILED] * 9
    began = stage.clock.monotonic()
    ran = stage.tasks("""
        - {next_answer: a, register: r, until: r.rc == 0, ignore_errors: true}
        - say: "{{ r is failed }} {{ r.attempts }}"
    """)
    assert ran.of("e1") == ["a", "a", "a", "a", "True 3"]
    assert stage.clock.monotonic() - began == pytest.approx(15)
    assert ran.progress() == [
        "FAILED - RETRYING (3 retries left)",
        "FAILED - RETRYING (2 retries left)",
        "FAILED - RETRYING (1 retry left)",
    ]


def test_until_stops_at_the_first_success_and_counts_once(stage: Stage) -> None:
    stage.answers["a"] = [FAILED, FAILED, FINE, FAILED]
    ran = stage.tasks("""
        - {next_answer: a, register: r, until: r is succeeded, retries: 9, delay: 1}
        - say: "{{ r.attempts }} {{ r is changed }}"
    """)
    assert ran.of("e1") == ["a", "a", "a", "3 True"]
    assert ran.recap["e1"] == {"ok": 2, "changed": 2}


def test_until_that_never_holds_fails_a_task_that_itself_did_not(stage: Stage) -> None:
    stage.answers["a"] = [FINE] * 9
    ran = stage.tasks("- {next_answer: a, register: r, until: r.rc == 7, retries: 1, delay: 0}")
    assert (ran.of("e1"), ran.recap) == (["a", "a"], {"e1": {"failed": 1}})


def test_no_retries_means_one_try(stage: Stage) -> None:
    stage.answers["a"] = [FAILED] * 9
    ran = stage.tasks("""
        - {next_answer: a, register: r, until: r.rc == 0, retries: 0, ignore_errors: true}
        - say: "{{ r.attempts | default('none') }}"
    """)
    assert ran.of("e1") == ["a", "none"]


def test_retries_without_until_repeat_until_success(stage: Stage) -> None:
    stage.answers["a"] = [FAILED, FINE, FAILED]
    assert stage.tasks("- {next_answer: a, retries: 5, delay: 0}").recap["e1"] == {
        "ok": 1,
        "changed": 1,
    }


def test_an_error_that_a_module_raises_is_retried_like_a_failure(stage: Stage) -> None:
    ran = stage.tasks("- {fail: , register: r, until: r is succeeded, retries: 2, delay: 0}")
    assert (len(stage.contexts), ran.recap) == (3, {"e1": {"failed": 1}})


def test_an_unreachable_host_is_not_tried_again(stage: Stage) -> None:
    ran = stage.tasks("- {lose: , register: r, until: r is succeeded, retries: 5}")
    assert (ran.recap, ran.progress()) == ({"e1": {"unreachable": 1}}, [])


@pytest.mark.parametrize(
    ("keywords", "status"),
    [
        ("changed_when: false", "ok"),
        ("changed_when: \"'x' in r.said\"", "changed"),
        ("changed_when: [\"'x' in r.said\", false]", "ok"),
        ("failed_when: \"'x' in r.said\"", "failed"),
        ("failed_when: [\"'x' in r.said\", \"'y' in r.said\"]", "changed"),
        ("failed_when: r.nope", "failed"),
    ],
)
def test_the_author_decides_what_counts_as_changed_or_failed(
    stage: Stage, keywords: str, status: str
) -> None:
    ran = stage.tasks(f"""
        - say: x
          register: r
          {keywords}
    """)
    assert ran.results()[0].status == status


def test_failed_when_false_forgives_and_says_so(stage: Stage) -> None:
    ran = stage.tasks("""
        - {fail: , register: r, failed_when: false}
        - say: "{{ r.failed }} {{ r.failed_when_result }}"
    """)
    assert ran.of("e1") == ["False False"]


def test_a_skipped_task_replaces_what_was_registered(stage: Stage) -> None:
    ran = stage.tasks("""
        - {say: x, register: r}
        - {say: y, register: r, when: false}
        - say: "{{ r is skipped }} {{ r.changed }} {{ r is failed }} {{ r.said is defined }}"
    """)
    assert ran.of("e1")[-1] == "True False False False"
