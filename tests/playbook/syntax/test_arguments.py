"""Arguments are held against what a module declares: at loading where possible, else when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SourceError
from raftfleet.inventory import load_yaml
from raftfleet.playbook import Argument
from raftfleet.playbook.syntax.arguments import check_arguments, read_arguments
from raftfleet.playbook.syntax.kinds import WrongKindError, convert
from raftfleet.playbook.syntax.nodes import Signature

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("str", "text", "text"),
        ("str", "5", "5"),
        ("str", "0644", "0644"),
        ("str", "true", "True"),
        ("path", "/a/b", "/a/b"),
        ("int", "5", 5),
        ("int", "'5'", 5),
        ("int", "5.0", 5),
        ("float", "'1.5'", 1.5),
        ("float", "2", 2.0),
        ("bool", "yes", True),
        ("bool", "'no'", False),
        ("bool", "1", True),
        ("list", "[1, a]", [1, "a"]),
        ("list", "a, b", ["a", "b"]),
        ("list", "7", [7]),
        ("list", "''", []),
        ("dict", "{a: {b: 1}}", {"a": {"b": 1}}),
        ("raw", "{a: [1]}", {"a": [1]}),
        ("mode", "'0644'", "0644"),
        ("mode", "u=rw,go=r", "u=rw,go=r"),
        ("mode", "u+x", "u+x"),
        ("mode", "a=rX", "a=rX"),
        ("mode", "preserve", "preserve"),
    ],
)
def test_a_value_becomes_the_kind_that_is_asked_for(kind: str, written: str, value: Any) -> None:
    converted = convert(load_yaml(text=written), Argument(kind))
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("str", "[a]"),
        ("str", "{a: 1}"),
        ("int", "x"),
        ("int", "1.5"),
        ("int", "true"),
        ("float", "x"),
        ("float", "true"),
        ("bool", "maybe"),
        ("bool", "2"),
        ("bool", "[true]"),
        ("list", "{a: 1}"),
        ("dict", "a=1"),
        ("dict", "[1]"),
        ("mode", "0644"),
        ("mode", "644"),
        ("mode", "'rw'"),
        ("mode", "'0999'"),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: str, written: str) -> None:
    with pytest.raises(WrongKindError):
        convert(load_yaml(text=written), Argument(kind))


def test_a_mode_without_quotes_is_to_be_quoted(stage: Stage) -> None:
    with pytest.raises(SourceError) as caught:
        stage.load("- hosts: e1\n  tasks:\n    - typed: {mode: 0644}\n")
    assert caught.value.message == "typed: mode wants a quoted mode, not 0644"
    assert caught.value.hint == 'quote it: "0644"'
    assert str(caught.value.mark).endswith(":3:21")


@pytest.mark.parametrize(
    ("arguments", "place", "message", "hint"),
    [
        ("{cuont: 1}", "3:15", "typed has no argument 'cuont'", "did you mean count?"),
        ("{count: many}", "3:22", "typed: count wants a whole number, not 'many'", ""),
        ("{state: sideways}", "3:22", "typed: state wants one of up, down, not 'sideways'", ""),
        ("{dest: a, path: b}", "3:24", "typed: path says dest a second time", ""),
        ("text", "3:14", "typed: takes no plain text", "mapping"),
        ("[1]", "3:14", "typed: wants a mapping of arguments", ""),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(
    stage: Stage, arguments: str, place: str, message: str, hint: str
) -> None:
    with pytest.raises(SourceError) as caught:
        stage.load(f"- hosts: e1\n  tasks:\n    - typed: {arguments}\n")
    assert caught.value.message == message
    assert str(caught.value.mark).endswith(f":{place}")
    assert hint in (caught.value.hint or "")


def test_a_missing_argument_is_refused_before_anything_runs(stage: Stage) -> None:
    with pytest.raises(SourceError, match=r":3:7: next_answer: the argument 'name' is missing"):
        stage.load("- hosts: e1\n  tasks:\n    - next_answer: {}\n")
    with pytest.raises(SourceError, match="the argument 'name' is missing"):
        stage.load("- hosts: e1\n  tasks:\n    - next_answer:\n")


def test_what_a_template_hides_is_refused_when_it_is_known(stage: Stage) -> None:
    ran = stage.tasks("""
        - {typed: {count: "{{ n }}"}, vars: {n: many}}
    """)
    assert ran.exit_code == 2
    assert "play.yml:3:23: typed: count wants a whole number, not 'many'" in ran.failures()[0]
    ran = stage.tasks('- {typed: {mode: "{{ m }}"}, vars: {m: 0644}}')
    assert "wants a quoted mode" in ran.failures()[0]


def test_a_module_is_given_every_declared_argument_under_its_own_name(stage: Stage) -> None:
    ran = stage.tasks('- typed: {path: /x, count: "{{ 5 }}", "on": "yes"}')
    assert ran.results()[0].result["got"] == {
        "count": 5,
        "on": True,
        "mode": None,
        "names": None,
        "of": None,
        "state": None,
        "dest": "/x",
    }


def test_args_are_merged_and_the_modules_own_win(stage: Stage) -> None:
    ran = stage.tasks("""
        - typed: {count: 1}
          args: {count: 2, dest: /x}
    """)
    got = ran.results()[0].result["got"]
    assert (got["count"], got["dest"]) == (1, "/x")


def test_names_of_facts_may_be_templates(stage: Stage) -> None:
    ran = stage.tasks("""
        - {set_fact: {"{{ inventory_hostname }}_fact": 1}}
        - say: "{{ e1_fact }}"
    """)
    assert ran.of("e1") == ["1"]


COMMAND = Signature(
    "command",
    {
        "cmd": Argument(),
        "argv": Argument("list"),
        "chdir": Argument("path"),
        "creates": Argument("path"),
    },
    "cmd",
)


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("echo  a   b", {"cmd": "echo  a   b"}),
        ("touch x creates=/tmp/x", {"cmd": "touch x", "creates": "/tmp/x"}),
        ("chdir=/tmp ls -l", {"cmd": "ls -l", "chdir": "/tmp"}),
        (
            "ls creates='/a b' chdir={{ x }}/y",
            {"cmd": "ls", "creates": "/a b", "chdir": "{{ x }}/y"},
        ),
        ("env FOO=bar mycreates=3 --creates=4", {"cmd": "env FOO=bar mycreates=3 --creates=4"}),
        ("echo a; echo 'creates=x y'", {"cmd": "echo a; echo 'creates=x y'"}),
    ],
)
def test_a_commands_text_may_carry_its_options(line: str, given: dict[str, str]) -> None:
    written = load_yaml(text=f'"{line}"')
    arguments = read_arguments(COMMAND, written, load_yaml(text="{}"), None)
    assert dict(arguments) == given
    check_arguments(COMMAND, arguments, None)
