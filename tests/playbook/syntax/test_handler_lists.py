"""What may stand in a list of handlers, and what may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("include_role: {name: r}", "a role cannot be a handler"),
        ("import_role: {name: r}", "a role cannot be a handler"),
        ("meta: flush_handlers", "meta: flush_handlers cannot be a handler"),
        ("meta: end_role", "meta: end_role cannot be a handler"),
        ("block: [{say: x}]\n      rescue: []", "rescue: cannot stand here"),
        ("block: [{block: []}]", "block: cannot stand here"),
    ],
)
def test_what_ansible_refuses_too_is_refused_before_the_run(
    stage: Stage, handler: str, message: str
) -> None:
    stage.write("roles/r/tasks/main.yml", "[]")
    stage.write("roles/r/handlers/main.yml", "[]")
    with pytest.raises(SourceError, match=message) as caught:
        stage.load(f"- hosts: e1\n  handlers:\n    - name: h\n      {handler}\n")
    assert caught.value.mark is not None
    assert caught.value.mark.line >= 4


@pytest.mark.parametrize(
    "handler", ["include_tasks: more.yml", "meta: clear_facts", "block: [{name: a, say: x}]"]
)
def test_what_else_there_is_is_read(stage: Stage, handler: str) -> None:
    stage.write("more.yml", "[]")
    stage.load(f"- hosts: e1\n  handlers:\n    - name: h\n      {handler}\n")
