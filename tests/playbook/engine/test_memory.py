"""What one playbook leaves to the next on the same command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.playbook import Memory, Placement, Result
from tests.playbook.conftest import FakeModule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from raftfleet.playbook import ModuleContext
    from tests.playbook.conftest import Stage

FIRST = """
    - hosts: e1
      vars: {of_play: x}
      tasks:
        - {set_fact: {fact: 1}}
        - {say: x, register: heard}
        - join:
"""
SECOND = """
    - hosts: e1,joined
      tasks:
        - say: "{{ fact | default('-') }} {{ heard.said | default('-') }} {{ of_play | default('-') }}"
        - say: "{{ groups.joined | default([]) }} {{ hostvars.new.v | default('-') }}"
"""


def _join(_arguments: Mapping[str, Any], _context: ModuleContext) -> Result:
    return Result(placements=(Placement("new", ("joined",), variables={"v": 2}),))


def test_facts_and_added_hosts_last_for_as_long_as_the_memory(stage: Stage) -> None:
    stage.add(FakeModule("join", _join))
    memory = Memory()
    stage.run(FIRST, memory=memory)
    ran = stage.run(SECOND, memory=memory)
    assert ran.of("e1") == ["1 x -", "['new'] 2"]
    assert ran.of("new") == ["- - -", "['new'] 2"]
    stage.run(FIRST)
    assert stage.run(SECOND).of("e1") == ["- - -", "[] -"]
