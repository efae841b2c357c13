"""What a module returns becomes data that the journal can hold."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from raftfleet.inventory import load_yaml
from raftfleet.playbook import Result, Status
from raftfleet.playbook.engine.outcome import Outcome, bare_data


@pytest.mark.parametrize(
    ("value", "bare"),
    [
        ({"a": (1, {"b"})}, {"a": [1, ["b"]]}),
        (b"caf\xc3\xa9\xff", "café\ufffd"),
        ("\udcff", "?"),
        (Path("/a/b"), "/a/b"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (iter([1, 2]), [1, 2]),
        ({None: 1, True: 2, 3: 4}, {"None": 1, "True": 2, 3: 4}),
        (load_yaml(text="0644"), 420),
        (1.5, 1.5),
        (None, None),
        (True, True),
    ],
)
def test_odd_values_become_plain_ones(value: Any, bare: Any) -> None:
    result = bare_data(value)
    assert result == bare
    assert type(result) is type(bare)
    assert msgspec.json.decode(msgspec.json.encode(result)) is not ...


def test_what_the_author_wrote_loses_its_mark_at_any_depth() -> None:
    bare = bare_data(load_yaml(text='{k: ["{{ x }}", {l: "{{ y }}"}]}'))
    assert bare == {"k": ["{{ x }}", {"l": "{{ y }}"}]}
    assert {type(bare), type(bare["k"]), type(bare["k"][0]), type(bare["k"][1])} == {
        dict,
        list,
        str,
    }
    assert type(next(iter(bare))) is str


def test_numbers_that_json_lacks_do_not_break_the_journal() -> None:
    assert msgspec.json.encode(bare_data({"a": math.inf, "b": 2**63})) is not None


@pytest.mark.parametrize(
    ("result", "status", "values"),
    [
        (Result(), "ok", {"changed": False, "failed": False}),
        (Result(Status.CHANGED), "changed", {"changed": True, "failed": False}),
        (Result(Status.FAILED, "why"), "failed", {"changed": False, "failed": True, "msg": "why"}),
        (Result(Status.FAILED, values={"changed": True}), "failed", {"changed": True, "failed": True}),
        (Result(Status.SKIPPED, values={"rc": 0}), "skipped", {"changed": False, "failed": False, "skipped": True, "rc": 0}),
        (Result(Status.UNREACHABLE, "gone"), "unreachable", {"changed": False, "failed": False, "unreachable": True, "msg": "gone"}),
    ],
)  # fmt: skip
def test_register_sees_changed_and_failed_whatever_happened(
    result: Result, status: str, values: dict[str, Any]
) -> None:
    outcome = Outcome.of(result, diff=False)
    assert (str(outcome.status), outcome.values) == (status, values)


def test_a_diff_is_kept_only_where_it_was_asked_for() -> None:
    result = Result(Status.CHANGED, diff=("a\n", "b\n"))
    assert Outcome.of(result, diff=True).values["diff"] == {"before": "a\n", "after": "b\n"}
    assert "diff" not in Outcome.of(result, diff=False).values
