"""Variables are templated when they are read, once, and never longer than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.inventory import load_yaml
from raftfleet.playbook.templating import (
    OMIT,
    Scope,
    TemplatingError,
    evaluate,
    has_template,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path


def scope(text: str, **data: Any) -> Scope:
    return Scope([data, load_yaml(text=text, file="v.yml") or {}])


def template(text: str, of: Scope) -> Any:
    return of.template(load_yaml(text=text, file="t.yml"))


def failure(text: str, of: Scope) -> TemplatingError:
    with pytest.raises(TemplatingError) as caught:
        template(text, of)
    return caught.value


class TestTypes:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{{ one }}", 1),
            ("{{ one + 1 }}", 2),
            ("{{ one }}0", "10"),
            ("{{ '12' }}", "12"),
            ("{{ 12 }}", 12),
            ("{{ [one, 'b'] }}", [1, "b"]),
            ("[1, 2]", "[1, 2]"),
            ("{{ '[1, 2]' }}", "[1, 2]"),
            ("{{ one == 1 }}", True),
            ("{{ 'true' }}", "true"),
            ("{{ none }}", None),
            ("{{ {'k': one} }}", {"k": 1}),
            ("{{ one / 2 }}", 0.5),
            ("{{ one }}{{ one }}", "11"),
            (" {{ one }} ", " 1 "),
            ("x{{ none }}y", "xy"),
            ("{{ (1, 2) }}", [1, 2]),
            ("{{ [1, 2] | map('string') }}", ["1", "2"]),
            ("{{ {'a': 1}.values() }}", [1]),
            ("{{ range(3) }}", [0, 1, 2]),
            ("{% if one == 1 %}{{ one }}{% endif %}", 1),
            ("{% set x = 5 %}{{ x * 2 }}", 10),
            ("a{# not here #}b", "ab"),
            ("{% raw %}{{ kept }}{% endraw %}", "{{ kept }}"),
            ("{{ 'a' }} {{- 'b' }}", "ab"),
            ("{% for i in range(2) %}{{ i }},{% endfor %}", "0,1,"),
        ],
    )
    def test_a_lone_expression_keeps_its_type_and_other_text_stays_text(
        self, text: str, value: Any
    ) -> None:
        result = template(written_yaml(text), scope("one: 1"))
        assert result == value
        assert isinstance(result, type(value))

    @pytest.mark.parametrize(
        ("yaml", "value"),
        [
            ('\'{{ "a1" | regex_replace("\\d", "N") }}\'', "aN"),
            ("\"{{ 'a1' | regex_replace('\\\\d', 'N') }}\"", "aN"),
            ("\"{{ 'node-07' | regex_replace('node-(\\\\d+)', 'n\\\\1') }}\"", "n07"),
            ("'{{ \"x\\ty\" | length }}'", 4),
            ("\"{{ 'x\\ty' | length }}\"", 3),
        ],
    )
    def test_a_backslash_in_a_playbook_stands_for_itself(self, yaml: str, value: Any) -> None:
        assert template(yaml, scope("")) == value

    def test_in_a_template_file_jinjas_escapes_apply(self) -> None:
        assert evaluate("{{ 'x\\ty' | length }}", scope(""), of_file=True) == 3

    def test_blocks_take_their_newline_away_and_the_last_one_stays(self) -> None:
        text = "{% for h in [1, 2] %}\nhost {{ h }}\n{% endfor %}\nend\n"
        assert evaluate(text, scope(""), of_file=True) == "host 1\nhost 2\nend\n"


def written_yaml(text: str) -> str:
    """Return a text as a quoted YAML scalar."""
    return "'" + text.replace("'", "''") + "'"


class TestLaziness:
    def test_variables_may_refer_to_others_and_to_what_is_added_later(self) -> None:
        of = scope('a: "{{ b }}x"\nb: "{{ c }}"')
        assert of.over({"c": 1})["a"] == "1x"
        assert of.over({"c": 2})["a"] == "2x"

    def test_a_broken_variable_does_no_harm_until_it_is_used(self) -> None:
        of = scope('broken: "{{ nope }}"\ntable: {good: 1, bad: "{{ nope }}", worse: "{{ 1 + }}"}')
        assert template('"{{ broken is defined }}"', of) is False
        assert template("\"{{ broken | default('caught') }}\"", of) == "caught"
        assert template('"{{ table.good }}"', of) == 1
        assert template("\"{{ table.bad | default('caught') }}\"", of) == "caught"
        with pytest.raises(TemplatingError, match="'nope' is undefined"):
            template('"{{ table }}"', of)
        with pytest.raises(TemplatingError, match="not a template"):
            template('"{{ table.worse }}"', of)

    def test_nested_values_are_templated(self) -> None:
        of = scope('one: 1\nnested: {list: ["{{ one }}", {deep: "{{ one }}{{ one }}"}]}')
        assert of["nested"] == {"list": [1, {"deep": "11"}]}

    def test_data_is_not_looked_into(self) -> None:
        data = {"text": "{{ one }}", "list": ["{{ one }}"]}
        assert scope("one: 1", data=data)["data"] is data

    def test_the_strongest_layer_wins_and_names_are_listed_once(self) -> None:
        of = Scope([{"a": 1}, {}, {"a": 2, "b": 2}])
        assert dict(of) == {"a": 1, "b": 2}
        assert len(of) == 2
        assert "c" not in of
        with pytest.raises(KeyError):
            of["c"]

    def test_what_is_missing_stays_askable_down_the_path(self) -> None:
        of = scope("d: {k: v}")
        assert template("\"{{ nope.a.b['c'] | default(1) }}\"", of) == 1
        assert template('"{{ d.nope.deeper is defined }}"', of) is False

    def test_omit_comes_out_as_itself(self) -> None:
        assert template('"{{ nope | default(omit) }}"', scope("", omit=OMIT)) is OMIT


class TestFailures:
    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ("{{ hots }}", "the variable 'hots' is undefined", "did you mean hosts_?"),
            ("{{ qqq }}", "the variable 'qqq' is undefined", None),
            (
                "{{ d.kee }}",
                "a mapping with key, other has no attribute 'kee'",
                "did you mean key?",
            ),
            ("{{ hosts_[9] }}", "a list of 2 has no 9", None),
            ("{{ 1 | no_such }}", "No filter named 'no_such'", None),
            ("{{ 'a' | uper }}", "No filter named 'uper'", "did you mean upper?"),
            ("{{ 1 is ood }}", "No test named 'ood'", "did you mean odd?"),
            ("{{ x | json_query('a') }}", "No filter named 'json_query'", "selectattr"),
            ("{{ x | password_hash }}", "No filter named 'password_hash'", "beforehand"),
            ("{{ 1 + 'a' }}", "the template failed: unsupported operand", None),
            ("{{ lookup('fiel', 'x') }}", "there is no lookup 'fiel'", "did you mean file?"),
            ("{{ lookup('url', 'x') }}", "there is no lookup 'url'", "uri"),
            ("{{ undef(hint='say which') }}", "say which", None),
            ("{{ d | mandatory }}{{ nope | mandatory('give nope') }}", "give nope", None),
        ],
    )
    def test_say_what_and_the_nearest_word(self, text: str, message: str, hint: str | None) -> None:
        error = failure(written_yaml(text), scope("hosts_: [a, b]\nd: {key: 1, other: 2}\nx: {}"))
        assert message in error.message
        assert str(error.mark) == "t.yml:1:1"
        assert (hint is None) or (error.hint is not None and hint in error.hint)

    def test_name_the_line_inside_a_block_of_text(self) -> None:
        error = failure("text: |\n  one\n  {{ two }}\n  {{ 1 }}\n", scope(""))
        assert str(error.mark) == "t.yml:3:3"
        error = failure("text: |\n  one\n  {{ 1 }}\n  {{ 1 + }}\n", scope(""))
        assert str(error.mark) == "t.yml:4:3"
        error = failure("text: |\n  one\n  {{ 1 }}\n  {{ 1 + 'a' }}\n", scope(""))
        assert str(error.mark) == "t.yml:4:3"

    def test_name_the_variables_on_the_way(self) -> None:
        error = failure('"{{ a }}"', scope('x: 1\na: "{{ b }}"\nb: "-{{ nope }}"'))
        assert str(error.mark) == "v.yml:3:4"
        assert str(error).endswith("in the variable b, v.yml:3:4\nin the variable a, v.yml:2:4")

    @pytest.mark.parametrize(
        "variables", ['a: "{{ a }}"', 'a: "{{ b }}"\nb: "{{ c }}"\nc: "{{ a }}"']
    )
    def test_name_the_circle_in_which_variables_refer_to_themselves(self, variables: str) -> None:
        error = failure('"{{ a }}"', scope(variables))
        assert "a variable refers to itself: a -> " in error.message
        assert error.message.endswith("-> a")

    def test_a_line_of_a_template_file_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "t.j2"
        file.write_text("one\ntwo\n{{ nope }}\n")
        of = Scope([], find=lambda _kind, _name: file)
        error = failure("\"{{ lookup('template', 't.j2') }}\"", of)
        assert str(error.mark) == f"{file}:3:1"


def test_templates_are_found_at_any_depth() -> None:
    assert has_template(load_yaml(text='{a: [1, {b: "{{ x }}"}]}'))
    assert has_template(load_yaml(text='{"{{ k }}": 1}'))
    assert not has_template(load_yaml(text="{a: [1, {b: x}]}"))
    assert not has_template({"a": "{{ computed }}"})


def test_what_a_person_gave_in_another_way_counts_as_written() -> None:
    value = written({"a": ["{{ one }}"]})
    assert scope("one: 1").template(value) == {"a": [1]}
