"""Every character of a text is found again where the author wrote it, in each of YAML's styles."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from raftfleet.errors import Mark
from raftfleet.inventory import load_yaml
from raftfleet.inventory.positions import place_of
from raftfleet.inventory.source import MarkedStr

# What is spelt differently in the file (escapes) or is no character of a line cannot be compared.
_PLAIN = "abc:{}#é"
_STYLES = ("'", '"', "|", ">", None)


@given(
    text=st.text(st.sampled_from(f"{_PLAIN}  \n\n'\"\\"), min_size=1, max_size=40),
    style=st.sampled_from(_STYLES),
    width=st.sampled_from([5, 20, 80]),
)
def test_a_character_is_where_it_was_written(text: str, style: str | None, width: int) -> None:
    written = yaml.dump([[{"z": text}]], default_style=style, width=width, allow_unicode=True)
    value = load_yaml(text=written, file="f.yml")[0][0]["z"]
    if value != text or not isinstance(value, MarkedStr):
        return  # a line end that this style cannot keep, or a word that YAML takes for no text
    lines = written.split("\n")
    for offset, character in enumerate(text):
        if character in _PLAIN:
            place = place_of(value, offset)
            assert place is not None
            assert lines[place.line - 1][place.column - 1] == character


def test_the_property_sees_texts_of_every_style() -> None:
    for style in _STYLES:
        written = yaml.dump([[{"z": "a b: c\nd\n"}]], default_style=style)
        value = load_yaml(text=written, file="f.yml")[0][0]["z"]
        place = place_of(value, value.index("d"))
        assert place is not None
        assert written.split("\n")[place.line - 1][place.column - 1] == "d"


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("k: &a 'ab X'", 1, 11),
        ("k: !!str ab X", 1, 13),
        ("k: &a\n  'ab X'", 2, 7),
        ('k: "\\u00e9\\\n  \\tX"', 2, 5),
        ("k: >-  # folded\n\n  ab\n   X\n", 4, 4),
        ("k: |\r\n  ab\r\n  X\r\n", 3, 3),
        ("k: 'it''s X'", 1, 11),
    ],
)
def test_what_stands_before_the_text_does_not_count(source: str, line: int, column: int) -> None:
    value = load_yaml(text=source, file="f.yml")["k"]
    place = place_of(value, value.index("X"))
    assert place is not None
    assert (place.line, place.column) == (line, column)


def test_a_text_that_is_a_whole_file_is_counted_in_lines() -> None:
    source = "one\ntwo X\n"
    text = MarkedStr(source, Mark("t.j2", 1, 1, source))
    assert place_of(text, source.index("X")) == Mark("t.j2", 2, 5, source)


def test_without_a_source_the_start_is_all_that_is_known() -> None:
    mark = Mark("f.yml", 3, 4)
    assert place_of(MarkedStr("a X", mark), 2) == mark
    assert place_of(MarkedStr("a X"), 2) is None


def test_a_text_that_is_not_there_gives_the_place_that_was_said() -> None:
    mark = Mark("f.yml", 1, 4, "k: other\n")
    assert place_of(MarkedStr("text", mark), 2) == mark
    beyond = Mark("f.yml", 9, 1, "k: text\n")
    assert place_of(MarkedStr("text", beyond), 2) == beyond
