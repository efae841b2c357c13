"""Errors say where and what next, and the worst exit code wins."""

from __future__ import annotations

import inspect

import pytest

from raftfleet import errors
from raftfleet.errors import ExitCode, Mark, RaftfleetError, SourceError, nearest, worst


def test_every_public_name_is_exported() -> None:
    public = {
        name
        for name, value in vars(errors).items()
        if getattr(value, "__module__", "") == "raftfleet.errors" and not name.startswith("_")
    }
    assert public == set(errors.__all__)


def test_the_docstring_draws_the_whole_tree() -> None:
    drawn = errors.__doc__ or ""
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, RaftfleetError) and kind is not RaftfleetError:
            line = next(line for line in drawn.splitlines() if f" {kind.__name__} " in line)
            assert f" {int(kind.exit_code)} " in line


@pytest.mark.parametrize(
    ("codes", "wins"),
    [
        ([], 0),
        ([0, 4], 4),
        ([4, 6], 6),
        ([6, 2], 2),
        ([2, 3], 3),
        ([3, 5], 5),
        ([5, 130], 130),
        ([130, 250], 250),
        ([4, 0, 6, 3], 3),
    ],
)
def test_the_worst_exit_code_wins(codes: list[int], wins: int) -> None:
    assert worst(ExitCode(code) for code in codes) == wins


def test_a_source_error_shows_the_line_with_a_caret_and_a_hint() -> None:
    mark = Mark("play.yml", 2, 3, "- hosts: all\n  tsaks: []\n  name: x\n")
    said = str(SourceError("unknown key", mark, hint="did you mean tasks?"))
    assert said.splitlines() == [
        "play.yml:2:3: unknown key",
        "    1 | - hosts: all",
        "    2 |   tsaks: []",
        "      |   ^",
        "    3 |   name: x",
        "hint: did you mean tasks?",
    ]


def test_the_nearest_word_is_near() -> None:
    assert nearest("taks", ["tasks", "roles"]) == "tasks"
    assert nearest("zzzz", ["tasks", "roles"]) is None


@pytest.mark.parametrize(
    ("line", "column", "caret"),
    [
        ("\tx: y", 2, "\t^"),
        ("名前: y", 5, "      ^"),
        ("e\u0301: y", 5, "   ^"),
    ],
)
def test_the_caret_stands_under_the_character_as_a_terminal_shows_it(
    line: str, column: int, caret: str
) -> None:
    shown = Mark("f.yml", 1, column, line).excerpt().splitlines()
    assert shown == [f"    1 | {line}", f"      | {caret}"]


def test_of_a_very_long_line_the_surroundings_are_shown() -> None:
    line, caret = Mark("f.yml", 1, 5001, "a" * 5000 + "X" + "b" * 5000).excerpt().splitlines()
    assert len(line) == 168
    assert line[caret.index("^")] == "X"


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    assert Mark("f.yml", 1, 1, "a\x1b[2Jb").excerpt().splitlines()[0] == "    1 | a?[2Jb"
