"""Everything that is wrong in a playbook, told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import Mark, SourceError
from raftfleet.playbook.syntax.faults import Faults

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


def told(stage: Stage, text: str) -> list[tuple[str, int, str]]:
    """Return file, line and message of every error of a playbook."""
    with pytest.raises(SourceError) as raised:
        stage.load(text)
    errors = (raised.value, *raised.value.more)
    return [(e.mark.file.rpartition("/")[2], e.mark.line, e.message) for e in errors if e.mark]


def test_reading_goes_on_behind_tasks_plays_and_imports(stage: Stage) -> None:
    stage.write("more.yml", "- {sayy: 1}\n- {say: 1}\n- {say: 1, whenn: x}")
    stage.write("roles/r/tasks/main.yml", "- {nothing: }")
    stage.write("other.yml", "- {hosts: e1, tasks: [{typed: {count: x}}]}")
    stage.write("broken.yml", "- [")
    play = """
        - hosts: e1
          taskz: []
          tasks:
            - block: [{say: 1, untill: x}, {say: 2}]
              rescue: [{saay: 1}]
            - import_tasks: more.yml
          post_tasks: [{say: "{{ x | nofilter }}"}]
        - import_playbook: other.yml
        - import_playbook: broken.yml
        - {hosts: e1, roles: [r, nosuch]}
        - {hosts: e1, handlers: [{name: h}]}
        - e1
    """
    assert [(file, line) for file, line, _ in told(stage, play)] == [
        ("play.yml", 2), ("play.yml", 4), ("play.yml", 5), ("play.yml", 7), ("play.yml", 10),
        ("play.yml", 11), ("play.yml", 12),
        ("more.yml", 1), ("more.yml", 3), ("other.yml", 1), ("broken.yml", 1), ("main.yml", 1),
    ]  # fmt: skip


def test_one_error_is_told_once_and_brings_no_others(stage: Stage) -> None:
    stage.write("roles/r/tasks/main.yml", "- {nothing: }")
    assert len(told(stage, "- {hosts: e1, roles: [r, r, {role: r, tags: x}]}")) == 1
    stage.write("more.yml", "- {nothing: }")
    assert (
        len(told(stage, "- hosts: e1\n  tasks: [import_tasks: more.yml, import_tasks: more.yml]"))
        == 1
    )
    assert [line for _, line, _ in told(stage, "- hosst: e1\n  tasks: []")] == [1]
    play = "- hosts: e1\n  tasks: [{say: x, notify: h}]\n  handlers: [{name: h, sayy: x}]"
    assert [line for _, line, _ in told(stage, play)] == [3]


def test_what_is_read_while_the_playbook_runs_is_not_collected(stage: Stage) -> None:
    stage.write("more.yml", "- {sayy: 1}\n- {say: never}")
    ran = stage.tasks('- {include_tasks: "{{ f }}", vars: {f: more.yml}}')
    assert (ran.trace, ran.exit_code) == ([], 2)


def test_errors_of_several_files_keep_their_order() -> None:
    faults = Faults()
    for file, line in [("b", 9), ("a", 1), ("b", 2)]:
        with faults.going_on():
            raise SourceError("wrong", Mark(file, line, 1))
    with pytest.raises(SourceError) as raised:
        faults.tell()
    marks = [error.mark for error in (raised.value, *raised.value.more)]
    assert list(map(str, marks)) == ["b:2:1", "b:9:1", "a:1:1"]
    with pytest.raises(SourceError, match="at once"), faults.going_on():
        raise SourceError("at once", None)


def test_nothing_wrong_is_nothing_told() -> None:
    Faults().tell()
