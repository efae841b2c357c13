"""YAML read with places: what stays text, what is refused, and where the caret stands."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from raftfleet.errors import Mark, SourceError, UsageError
from raftfleet.inventory.source import (
    MarkedDict,
    MarkedList,
    MarkedStr,
    Octal,
    load_yaml,
    mark_of,
    plain,
)

if TYPE_CHECKING:
    from pathlib import Path


def read(text: str) -> Any:
    return load_yaml(text=text, file="f.yml")


def refusal(text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(text)
    return caught.value


def place(value: Mark | None) -> tuple[int, int]:
    assert value is not None
    return value.line, value.column


class TestValues:
    @pytest.mark.parametrize("text", ["", "---\n", "# only a comment\n", "~"])
    def test_an_empty_document_is_none(self, text: str) -> None:
        assert read(text) is None

    @pytest.mark.parametrize("word", ["yes", "Yes", "on", "TRUE", "true"])
    def test_words_of_yaml_1_1_are_true(self, word: str) -> None:
        assert read(f"a: {word}")["a"] is True

    @pytest.mark.parametrize("word", ["no", "off", "False", "No"])
    def test_words_of_yaml_1_1_are_false(self, word: str) -> None:
        assert read(f"a: {word}")["a"] is False

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("12", 12),
            ("-3", -3),
            ("0x1F", 31),
            ("-0b11", -3),
            ("1_000", 1000),
            ("1.5", 1.5),
            ("-.inf", float("-inf")),
            ("1_0.5", 10.5),
            ("~", None),
            ("null", None),
        ],
    )
    def test_numbers_and_null(self, written: str, value: object) -> None:
        found = read(f"a: {written}")["a"]
        assert found == value
        assert type(found) is type(value)

    @pytest.mark.parametrize(
        "written", ["1:30", "1:2.5", "2024-01-31", "2024-01-31T10:00:00Z", "=", "08", "1e3", "y"]
    )
    def test_what_yaml_1_1_would_turn_into_something_else_stays_text(self, written: str) -> None:
        found = read(f"a: {written}")["a"]
        assert found == written
        assert isinstance(found, MarkedStr)

    def test_a_date_would_be_a_date_without_our_reader(self) -> None:
        assert yaml.safe_load("2024-01-31") == dt.date(2024, 1, 31)

    def test_a_leading_zero_is_remembered_as_written(self) -> None:
        found = read("mode: 0644")["mode"]
        assert isinstance(found, Octal)
        assert found == 420
        assert found.text == "0644"
        assert place(mark_of(found)) == (1, 7)

    def test_quotes_keep_text(self) -> None:
        assert read("{a: '0644', b: \"yes\", c: '', d: !!str 5}") == {
            "a": "0644",
            "b": "yes",
            "c": "",
            "d": "5",
        }

    def test_block_texts_keep_their_lines(self) -> None:
        assert read("a: |\n  x {{ y }}\n  z\nb: >-\n  one\n  two\n") == {
            "a": "x {{ y }}\nz\n",
            "b": "one two",
        }

    def test_anchors_aliases_and_merge_keys(self) -> None:
        text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 3}\nc:\n  <<: [*a, *b]\n  x: 9\nd: *a\n"
        found = read(text)
        assert found["c"] == {"x": 9, "y": 2, "z": 3}
        assert found["d"] == {"x": 1, "y": 2}
        assert place(found["c"].key_mark("z")) == (2, 14)
        assert place(found["c"].key_mark("x")) == (5, 3)

    def test_unsafe_text_is_nobodys_template(self) -> None:
        found = read("a: !unsafe '{{ x }}'\nb: !unsafe [y, {c: z}]\nd: !unsafe 5\ne: '{{ x }}'\n")
        assert found == {"a": "{{ x }}", "b": ["y", {"c": "z"}], "d": 5, "e": "{{ x }}"}
        assert [type(found[key]) for key in "ae"] == [str, MarkedStr]
        assert [type(found["b"][0]), type(found["b"][1]["c"])] == [str, str]

    def test_many_aliases_do_not_multiply(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
        found = read("\n".join(lines[:5]))
        assert found["a4"][0] is found["a4"][9] is found["a3"]
        error = refusal("\n".join(lines))
        assert "aliases make more than 1000000 values" in error.message
        assert place(error.mark) == (6, 45)

    def test_aliases_do_not_hide_how_deep_a_value_is(self) -> None:
        deep = f"{'[' * 60}x{']' * 60}"
        read(f"a: &a {deep}\nb: {'[' * 38}*a{']' * 38}\n")
        error = refusal(f"a: &a {deep}\nb: {'[' * 40}*a{']' * 40}\n")
        assert "nested deeper than 100 levels" in error.message
        assert place(error.mark) == (2, 44)

    def test_values_survive_a_copy_with_their_places(self) -> None:
        found = copy.deepcopy(read("a: [x, {b: y}]"))
        assert found == {"a": ["x", {"b": "y"}]}
        assert place(mark_of(found["a"][1]["b"])) == (1, 12)
        assert place(found["a"].item_mark(1)) == (1, 8)

    def test_plain_values_have_no_places_left(self) -> None:
        found = plain(read("a: [x, 0644, {b: y, 5: ~}]"))
        assert found == {"a": ["x", 420, {"b": "y", 5: None}]}
        kinds = {type(found), type(found["a"]), *map(type, found["a"])}
        assert kinds == {dict, list, str, int}


class TestPlaces:
    def test_every_value_knows_where_it_stands(self) -> None:
        found = read("top:\n  - one\n  - key: 'two'\n    other: 5\n")
        assert isinstance(found, MarkedDict)
        assert isinstance(found["top"], MarkedList)
        inner = found["top"][1]
        assert place(found.key_mark("top")) == (1, 1)
        assert place(mark_of(found["top"])) == (2, 3)
        assert place(found["top"].item_mark(0)) == (2, 5)
        assert place(mark_of(inner["key"])) == (3, 10)
        assert place(inner.key_mark("other")) == (4, 5)
        assert place(inner.value_mark("other")) == (4, 12)

    def test_an_empty_value_stands_at_its_key(self) -> None:
        assert place(read("a:\nbee:\n").value_mark("bee")) == (2, 1)

    def test_columns_count_characters_and_not_bytes(self) -> None:
        assert place(mark_of(read("é: {ü: x}")["é"]["ü"])) == (1, 8)

    def test_an_unknown_key_or_item_gives_the_place_of_the_whole(self) -> None:
        found = read("a: [x]")
        assert place(found.key_mark("nope")) == (1, 1)
        assert place(found["a"].item_mark(7)) == (1, 4)

    @pytest.mark.parametrize("value", [5, 1.5, True, None, "made here", {}, []])
    def test_values_from_elsewhere_have_no_place(self, value: object) -> None:
        assert mark_of(value) is None

    def test_the_file_is_named_as_it_was_given(self, tmp_path: Path) -> None:
        path = tmp_path / "x.yml"
        path.write_text("\ufeffa: b\n", encoding="utf-8")
        mark = mark_of(load_yaml(path)["a"])
        assert mark is not None
        assert mark.file == str(path)
        assert (mark.line, mark.column) == (1, 4)


REFUSED = [
    ("a: {{ x }}", (1, 4), "template", "quoted"),
    ("a: {{ x }} more", (1, 4), "template", "quoted"),
    ("a:\n  - {{ x }} more\n  - b", (2, 5), "template", "quoted"),
    ("a: {k: {{ x }}}", (1, 8), "template", "quoted"),
    ("a: {% if x %}1{% endif %}", (1, 4), "template", "quoted"),
    ('a: 1\nb: "never closed\nc: 2\n', (2, 4), "never closed", "close it"),
    ("a: 'x\nb: 'y'\n", (2, 5), "expected a key", "quote"),
    ("a: b: c", (1, 5), "second ': ' in this line", "must be quoted"),
    ("a: 1\n b: 2", (2, 3), "indentation", "compare the indentation"),
    ("a:b\nc: d", (2, 2), "indentation", "missing space after ':'"),
    ("a:\n\tb: 1", (2, 1), "tab", "spaces"),
    ("a:\n  b: 1\n  \tc: 2", (3, 3), "tab", "spaces"),
    ("a: @x", (1, 4), "'@'", "quote"),
    ("a: `x`", (1, 4), "'`'", "quote"),
    ("a: *.org", (1, 5), "'*'", "quote it"),
    ("a: *west", (1, 4), "'*'", "must be quoted"),
    ("a: !west", (1, 4), "'!west'", "must be quoted"),
    ("a: !vault |\n  612", (1, 4), "vault", "environment"),
    ("a: !!python/object:os.system {}", (1, 4), "python/object", "quoted"),
    ("$ANSIBLE_VAULT;1.1;AES256\n61", (1, 1), "vault", "decrypt"),
    ("a: [1,\nb: 2", (1, 4), "'[' is never closed", None),
    ("a: {that: x == ['e']}\nb: 1", (1, 16), "expected ',' or '}' here", "must be quoted"),
    ("a: [b c, 'd' e]", (1, 14), "expected ',' or ']' here", "must be quoted"),
    ("a: {b: 1", (1, 4), "'{' is never closed", None),
    ('a: "\\d"', (1, 5), "backslash", "single quotes"),
    ("a: 1\n---\nb: 2", (2, 1), "second document", None),
    ("é: 1\na: \x01", (2, 4), "U+0001", "remove"),
    ("a: &x [*x]", (1, 8), "inside the value", None),
    ("<<: 1", (1, 1), "'<<'", None),
    ("? [1]\n: 2", (1, 3), "key must be", None),
    ("a: !!int x", (1, 4), "'x'", None),
    ("a: !!bool maybe", (1, 4), "'maybe'", None),
    ('sh: "x" > /tmp/y', (1, 11), "block of text", "quotes"),
    ("- a\nb: 1", (2, 1), "'- '", "compare the indentation"),
]


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "where", "message", "hint"), REFUSED, ids=[r[0] for r in REFUSED]
    )
    def test_what_cannot_be_meant_is_refused_with_its_place_and_a_way_out(
        self, text: str, where: tuple[int, int], message: str, hint: str | None
    ) -> None:
        error = refusal(text)
        assert place(error.mark) == where
        assert message in error.message
        assert error.hint is None if hint is None else hint in (error.hint or "")

    def test_a_key_that_stands_twice_names_the_first(self) -> None:
        error = refusal("a: 1\nb: 2\n'a': 3\n")
        assert place(error.mark) == (3, 1)
        assert "first at 1:1" in error.message

    def test_the_message_shows_the_lines_and_a_caret(self) -> None:
        assert str(refusal("one: 1\ntwo: @\nthree: 3\n")) == (
            "f.yml:2:6: a value cannot start with '@' here\n"
            "    1 | one: 1\n"
            "    2 | two: @\n"
            "      |      ^\n"
            "    3 | three: 3\n"
            "hint: quote the value"
        )

    def test_depth_is_bounded_and_does_not_end_the_process(self) -> None:
        assert "nested deeper" in refusal("[" * 200_000).message
        assert read("[" * 50 + "]" * 50) != []

    def test_other_encodings_are_named_with_their_place(self, tmp_path: Path) -> None:
        path = tmp_path / "latin.yml"
        path.write_bytes(b"a: 1\nb: \xe9\n")
        with pytest.raises(SourceError, match=r"latin\.yml:2:4.*UTF-8"):
            load_yaml(path)

    def test_a_missing_file_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="No such file"):
            load_yaml(tmp_path / "nope.yml")


def test_json_is_read_as_json() -> None:
    written = {"a": "\U0001f600 \\ud83d", "b": 1e-7, "c": "1e3", "d": [1e16, -2.5e300]}
    loaded = load_yaml(text=json.dumps(written))
    assert plain(loaded) == written
    assert load_yaml(text="{a: 1e3}") == {"a": "1e3"}
