"""Which tasks tags leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SourceError
from raftfleet.playbook import Result
from raftfleet.playbook.engine import Selection
from tests.playbook.conftest import FakeModule

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


@pytest.mark.parametrize(
    ("only", "skip", "tags", "taken"),
    [
        ("all", "", "", True),
        ("all", "", "never", False),
        ("all", "", "never a", False),
        ("a c", "", "a", True),
        ("a c", "", "b", False),
        ("a c", "", "", False),
        ("a c", "", "always", True),
        ("a c", "", "never c", True),
        ("a c", "", "never", False),
        ("untagged", "", "", True),
        ("untagged", "", "x", False),
        ("tagged", "", "x", True),
        ("tagged", "", "", False),
        ("tagged", "", "never x", False),
        ("never", "", "never", True),
        ("all", "a", "a b", False),
        ("all", "a", "always", True),
        ("all", "a", "always a", False),
        ("all", "all", "x", False),
        ("all", "all", "always", True),
        ("all", "all always", "always", False),
        ("all", "tagged", "x", False),
        ("all", "tagged", "", True),
        ("all", "untagged", "", False),
    ],
)
def test_a_task_is_taken_or_left(only: str, skip: str, tags: str, taken: bool) -> None:
    selection = Selection(frozenset(only.split()), frozenset(skip.split()))
    assert selection.takes(frozenset(tags.split())) is taken


def test_tags_are_inherited_from_plays_and_blocks(stage: Stage) -> None:
    play = """
        - hosts: e1
          tags: p
          tasks:
            - {say: in play}
            - {tags: [b, never], block: [{say: in block, tags: "x,y"}]}
    """
    assert stage.run(play, tags=["p"]).of("e1") == ["in play", "in block"]
    assert stage.run(play, tags=["x"]).of("e1") == ["in block"]
    assert stage.run(play).of("e1") == ["in play"]
    assert stage.run(play, skip_tags=["p"]).trace == []


class TestTemplates:
    def test_stand_on_every_kind_of_node(self, stage: Stage) -> None:
        stage.write("roles/r/meta/main.yml", 'dependencies: [{role: d, tags: "{{ x }}-d"}]')
        stage.write("roles/r/tasks/main.yml", "- say: in r")
        stage.write("roles/d/tasks/main.yml", '- {say: in d, tags: "{{ from_d }}"}')
        stage.write("roles/d/defaults/main.yml", "from_d: d")
        stage.write("more.yml", '- {say: "in {{ what }}", tags: "{{ what }}"}')
        play = """
            - hosts: e1
              vars: {x: one, both: [a, b]}
              tags: "{{ x }}-play"
              roles: [{role: r, tags: "{{ x }}-role"}]
              tasks:
                - {say: list, tags: ["{{ both }}", "c, {{ x }}-comma"]}
                - {tags: "{{ x }}-block", block: [{say: inside}], always: [{say: always, tags: "{{ x }}-inside"}]}
                - {import_tasks: more.yml, vars: {what: nobody sees}, tags: "{{ x }}-import"}
                - {include_tasks: {file: more.yml, apply: {tags: "{{ x }}-apply"}}, vars: {what: file}, tags: always}
            """
        text = play.replace("- {import", "#- {import")
        asked = {
            "one-play": ["in d", "in r", "list", "inside", "always", "in file"],
            "one-role": ["in d", "in r"],
            "one-d": ["in d"],
            "d": ["in d"],
            "b": ["list"],
            "one-comma": ["list"],
            "one-block": ["inside", "always"],
            "one-inside": ["always"],
            "one-apply": ["in file"],
            "file": ["in file"],
            "none": [],
        }
        for tag, said in asked.items():
            assert stage.run(text, tags=[tag]).of("e1") == said, tag
        with pytest.raises(SourceError, match="'what' is undefined"):
            stage.run(play)

    def test_what_holds_for_one_host_only_is_not_seen(self, stage: Stage) -> None:
        stage.write("hosts.yml", "all: {hosts: {e1: {v: x}}}")
        stage.write("vars.yml", "f: of_file")
        ran = stage.tasks(
            """
            - {say: host, tags: "{{ v | default('unset') }}"}
            - {say: task, tags: "{{ own | default('unset') }}", vars: {own: x}}
            - {say: name, tags: "{{ 'x' if inventory_hostname is defined else 'unset' }}"}
            - {say: extra, tags: "{{ e | default('unset') }}"}
            - {say: run, tags: "{{ ansible_run_tags }}"}
            - {say: batch, tags: "{{ ansible_play_batch | join }}"}
            """,
            tags=["x", "e1", "given"],
            extra_vars={"e": "given"},
        )
        assert ran.of("e1") == ["extra", "run", "batch"]

    def test_what_is_undefined_ends_the_run_before_its_play(self, stage: Stage) -> None:
        play = """
            - {hosts: nobody, tags: "{{ nosuch }}", tasks: [{say: never}]}
            - {hosts: e1, tasks: [{say: first}]}
            - {hosts: e1, tasks: [{say: never}, {say: unasked, tags: ["{{ nosuch }}", b]}]}
        """
        with pytest.raises(SourceError, match="'nosuch' is undefined") as raised:
            stage.run(play, tags=["untagged"])
        assert stage.trace == ["e1 first"]
        assert raised.value.mark is not None
        assert (raised.value.mark.line, raised.value.mark.column) == (3, 60)

    def test_what_is_undefined_in_an_include_fails_the_include(self, stage: Stage) -> None:
        stage.write("more.yml", '- {say: never, tags: "{{ nosuch }}"}')
        ran = stage.tasks("""
            - include_tasks: more.yml
              when: inventory_hostname == 'e1'
            - say: after
        """, hosts="e1,e2")  # fmt: skip
        assert ran.trace == ["e2 after"]
        assert ran.recap["e1"] == {"failed": 1}

    def test_a_mapping_is_no_tag(self, stage: Stage) -> None:
        with pytest.raises(SourceError, match="tags: wants a text or a list of texts"):
            stage.tasks('- {say: never, tags: "{{ m }}"}', extra_vars={"m": {"a": 1}})

    def test_of_handlers_are_not_looked_at(self, stage: Stage) -> None:
        handlers = '[{name: h, say: handled, tags: "{{ nosuch }}"}]'
        ran = stage.run(
            f"- {{hosts: e1, handlers: {handlers}, tasks: [{{say: x, notify: h}}]}}", tags=["all"]
        )
        assert ran.of("e1") == ["x", "handled"]


@pytest.mark.parametrize(
    ("tags", "options", "gathered"),
    [
        ("", {}, True),
        ("", {"tags": ["x"]}, True),
        ("", {"skip_tags": ["always"]}, False),
        ("p", {}, True),
        ("p", {"tags": ["x"]}, False),
        ("p", {"tags": ["p"]}, True),
        ("p", {"skip_tags": ["p"]}, False),
        ("p", {"skip_tags": ["always"]}, True),
        ("'{{ t }}'", {"tags": ["x"], "extra_vars": {"t": "x"}}, True),
    ],
)
def test_facts_are_gathered_always_unless_the_play_has_tags(
    stage: Stage, tags: str, options: dict[str, Any], gathered: bool
) -> None:
    stage.add(FakeModule("setup", lambda _arguments, _context: Result()))
    ran = stage.run(f"- {{hosts: e1, tags: {tags or '[]'}, tasks: []}}", **options)
    assert ran.started() == (["Gathering Facts"] if gathered else [])
