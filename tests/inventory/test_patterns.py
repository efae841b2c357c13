"""Host patterns: every expectation in patterns.json was recorded from ansible-core 2.19.14."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftfleet.errors import UsageError
from raftfleet.inventory import Inventory, load_inventory
from raftfleet.inventory.patterns import split

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "patterns.json").read_text())
INVENTORY = load_inventory([HERE / "patterns.yml"])
NAMES = [*INVENTORY.hosts, *INVENTORY.groups]
quick = settings(derandomize=True, max_examples=80, deadline=None)


def names(pattern: str, limit: str | None = None, inventory: Inventory = INVENTORY) -> list[str]:
    return [host.name for host in inventory.select(pattern, limit)]


@pytest.mark.parametrize("case", RECORDED, ids=lambda c: f"{c['pattern']} -l {c.get('limit')}")
def test_patterns_choose_what_ansible_chooses(case: dict[str, Any]) -> None:
    if case["hosts"] is None:
        with pytest.raises(UsageError):
            names(case["pattern"], case.get("limit"))
    else:
        assert names(case["pattern"], case.get("limit")) == case["hosts"]


@pytest.mark.parametrize("pattern", ["", " ", ":", ","])
def test_an_empty_pattern_is_refused_and_not_taken_for_all(pattern: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        names(pattern)
    with pytest.raises(UsageError, match="empty"):
        names("all", pattern)


def test_a_subscript_past_the_end_says_how_many_there_are() -> None:
    with pytest.raises(UsageError, match=r"east has 3 hosts"):
        names("east[3]")


def test_a_class_at_the_end_of_a_name_is_refused_as_ansible_takes_it_for_a_subscript() -> None:
    for pattern in ("e[1-3]", "all:!e[1-3]", "east[0-]"):
        with pytest.raises(UsageError, match="neither a subscript") as caught:
            names(pattern)
        assert ":" in str(caught.value.hint)
    assert names("e[1-3]*") == ["e1", "e2", "e3"]
    assert names("~e[1-3]$") == ["e1", "e2", "e3"]


def test_local_names_are_one_machine_until_one_is_listed() -> None:
    assert names("localhost,127.0.0.1") == ["localhost"]
    assert names("::1", "localhost") == ["::1"]
    assert names("localhost:!127.0.0.1") == []
    listed = load_inventory([Path("127.0.0.1,n1,")])
    assert names("localhost", inventory=listed) == ["127.0.0.1"]
    assert listed.select("localhost")[0].variables == {}
    assert names("all", inventory=listed) == ["127.0.0.1", "n1"]


def test_a_subscript_counts_a_host_on_every_way_it_is_found() -> None:
    assert names("e*") == ["e1", "e2", "e3"]  # each by the group east and by its own name
    assert names("e*[3]") == ["e1"]


@pytest.mark.parametrize(
    ("pattern", "unknown"),
    [
        ("all", []),
        ("*", []),
        ("empty", []),
        ("east[0]:&canary:!e1", []),
        ("nosuch:e1,nope*", ["nosuch:e1", "nope*"]),
        ("nosuch:e1", ["nosuch"]),
        ("all:!nosuch", ["!nosuch"]),
        ("~^q", []),
        ("~^zz", ["~^zz"]),
        ("localhost", []),
    ],
)
def test_parts_that_match_nothing_are_told(pattern: str, unknown: list[str]) -> None:
    assert INVENTORY.unmatched(pattern) == unknown


def test_a_limit_file_holds_patterns(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("e3\n\nw*:!w2\n")
    assert names("all", f"@{chosen}") == ["w1", "e3"]
    assert INVENTORY.unmatched(f"@{chosen}") == []


def test_a_limit_file_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="limit file"):
        names("all", f"@{tmp_path}/nope")


def test_this_machine_is_there_without_being_listed() -> None:
    host = INVENTORY.select("localhost")[0]
    assert host.variables["ansible_connection"] == "local"
    assert host.groups == ()
    assert "localhost" not in names("all")


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("a:b", ["a", "b"]),
        ("a,b:c", ["a", "b:c"]),
        ("a[1:2]:b", ["a[1:2]", "b"]),
        ("fe80::1", ["fe80::1"]),
        ("a b", ["a", "b"]),
    ],
)
def test_splitting(pattern: str, parts: list[str]) -> None:
    assert split(pattern) == parts


sets = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)


@quick
@given(union=sets, narrowed=sets, removed=sets)
def test_operations_are_those_of_sets_and_keep_the_order_of_the_union(
    union: list[str], narrowed: list[str], removed: list[str]
) -> None:
    def members(chosen: list[str]) -> set[str]:
        return {host for name in chosen for host in names(name)}

    first = names(",".join(union))
    assert len(set(first)) == len(first)
    parts = [*(f"!{name}" for name in removed), *union, f"&{narrowed[0]}"]
    kept = [h for h in first if h in members(narrowed[:1]) and h not in members(removed)]
    assert names(",".join(parts)) == kept


@quick
@given(
    group=st.sampled_from(["east", "servers", "deep", "all"]),
    n=st.integers(-14, 13),
    m=st.integers(0, 15),
)
def test_subscripts_are_those_of_a_list_with_the_end_included(group: str, n: int, m: int) -> None:
    whole = names(group)
    if -len(whole) <= n < len(whole):
        assert names(f"{group}[{n}]") == [whole[n]]
    if n >= 0:
        assert names(f"{group}[{n}:{n + m}]") == whole[n : n + m + 1]
