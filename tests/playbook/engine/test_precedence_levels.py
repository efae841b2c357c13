"""Variable precedence: all 22 levels, lowest first, as probed in ansible-core 2.19.14."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftfleet.inventory import load_inventory
from raftfleet.journal.events import TaskResult
from raftfleet.playbook import Engine
from tests.playbook.conftest import Stage

if TYPE_CHECKING:
    from raftfleet.inventory import Inventory
    from raftfleet.journal.events import Event

LOWEST_FIRST = (
    "role defaults",
    "inventory file: all",
    "inventory file: parent",
    "inventory file: child",
    "inventory group_vars/all",
    "playbook group_vars/all",
    "inventory group_vars/parent",
    "inventory group_vars/child",
    "playbook group_vars/child",
    "inventory file: host",
    "inventory host_vars",
    "playbook host_vars",
    "play vars",
    "vars_files",
    "role vars",
    "role entry vars",
    "block vars",
    "task vars",
    "include_vars",
    "set_fact",
    "role parameters",
    "extra vars",
)
subsets = st.lists(st.sets(st.sampled_from(LOWEST_FIRST), min_size=1), min_size=1, max_size=8)


class Project:
    """An inventory and a playbook in folders of their own; every level sets what it is told."""

    def __init__(self, root: Path, chosen: list[set[str]]) -> None:
        self._stage = Stage(root / "book")
        self._root = root
        self._said = {
            level: {f"v{n}": level for n, levels in enumerate(chosen) if level in levels}
            for level in LOWEST_FIRST
        }
        self._names = [f"v{n}" for n in range(len(chosen))]

    def _write(self, name: str, content: object) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def inventory(self) -> Inventory:
        said = self._said
        child = {
            "hosts": {"h": said["inventory file: host"]},
            "vars": said["inventory file: child"],
        }
        parent = {"children": {"child": child}, "vars": said["inventory file: parent"]}
        everything = {"children": {"parent": parent}, "vars": said["inventory file: all"]}
        self._write("inv/hosts.json", {"all": everything})
        for level in LOWEST_FIRST:
            where, _, name = level.partition(" ")
            folder = {"inventory": "inv", "playbook": "book"}.get(where)
            if folder and name.startswith("group_vars/"):
                self._write(f"{folder}/{name}.json", said[level])
            elif folder and name == "host_vars":
                self._write(f"{folder}/host_vars/h.json", said[level])
        return load_inventory([self._root / "inv/hosts.json"])

    def play(self) -> list[dict[str, Any]]:
        said = self._said
        ask = {"say": ["{{ " + name + " }}" for name in self._names], "vars": said["task vars"]}
        first: list[dict[str, Any]] = [{"set_fact": said["set_fact"]}] if said["set_fact"] else []
        if said["include_vars"]:
            first.append({"include_vars": "included.json"})
        self._write("book/roles/r/defaults/main.yml", said["role defaults"])
        self._write("book/roles/r/vars/main.yml", said["role vars"])
        self._write("book/roles/r/tasks/main.yml", [{"block": [ask], "vars": said["block vars"]}])
        self._write("book/included.json", said["include_vars"])
        self._write("book/file.json", said["vars_files"])
        entry = {"role": "r", "vars": said["role entry vars"], **said["role parameters"]}
        play = {"hosts": "h", "vars": said["play vars"], "vars_files": ["file.json"]}
        return [{**play, "gather_facts": False, "pre_tasks": first, "roles": [entry]}]

    def found(self) -> dict[str, str]:
        """Run the play and return what each variable was."""
        stage = self._stage
        playbook = stage.load(json.dumps(self.play()))
        result = Engine(
            playbook,
            self.inventory(),
            transports=stage.transport,
            record=stage.events.append,
            clock=stage.clock,
            extra_vars=self._said["extra vars"],
        ).run()
        assert result.exit_code == 0, stage.events
        (said,) = [e.result["said"] for e in stage.events if _said(e)]
        return dict(zip(self._names, said, strict=True))


def _said(event: Event) -> TypeGuard[TaskResult]:
    return isinstance(event, TaskResult) and "said" in event.result


def winners(chosen: list[set[str]]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as root:
        return Project(Path(root), chosen).found()


@settings(derandomize=True, max_examples=30, deadline=None)
@given(subsets)
def test_of_any_levels_the_highest_wins(chosen: list[set[str]]) -> None:
    expected = {f"v{n}": max(levels, key=LOWEST_FIRST.index) for n, levels in enumerate(chosen)}
    assert winners(chosen) == expected


@pytest.mark.parametrize("place", range(1, len(LOWEST_FIRST)), ids=LOWEST_FIRST.__getitem__)
def test_each_level_wins_over_all_below_it(place: int) -> None:
    assert winners([set(LOWEST_FIRST[: place + 1])]) == {"v0": LOWEST_FIRST[place]}
