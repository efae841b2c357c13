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
