"""What came from hosts cannot act on a terminal, and intervals read well."""

from __future__ import annotations

import math
import sys
import unicodedata

import pytest

from raftfleet.journal.values import Interval
from raftfleet.report.text import aligned, one_line, plain, seconds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ümläuts and 漢字", "plain text, ümläuts and 漢字"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb", "a\nb"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
    ],
)
def test_control_characters_are_shown_not_sent(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_nothing_harmful_is_left_of_any_character_there_is() -> None:
    left = plain("".join(map(chr, range(sys.maxunicode + 1))))
    left.encode()
    categories = {c: unicodedata.category(c) for c in set(left)}
    assert {c for c, category in categories.items() if category in {"Cc", "Cs"}} == {"\n", "\t"}
    assert not set("\u200b\u200e\u202e\u2028\u2066\ufeff") & set(left)
    assert plain(left) == left


def test_one_line_is_one_line() -> None:
    assert one_line("a\n  b\x1b[0m\tc") == "a b\\x1b[0m c"


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (None, "-"),
        (Interval(4.914, 4.934), "4.91-4.93 s"),
        (Interval(0.2124, 0.2139), "0.212-0.214 s"),
        (Interval(4.911, 4.912), "4.91 s"),
        (Interval(60.0, math.inf), "> 60.00 s"),
    ],
)
def test_intervals_are_written_as_people_read_them(interval: Interval | None, text: str) -> None:
    assert seconds(interval) == text


def test_columns_begin_at_the_same_place() -> None:
    assert aligned([("a", "bb", "c"), ("aaa", "b", "c")]) == ["a    bb  c", "aaa  b   c"]
    assert aligned([]) == []
