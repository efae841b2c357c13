"""Ranges and ports in host names."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftfleet.inventory.names import expand, split_port

quick = settings(derandomize=True, max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("n1", ["n1"]),
        ("n[1:3]", ["n1", "n2", "n3"]),
        ("p[08:11]", ["p08", "p09", "p10", "p11"]),
        ("s[1:9:4].example.org", ["s1.example.org", "s5.example.org", "s9.example.org"]),
        ("l-[a:c]", ["l-a", "l-b", "l-c"]),
        ("[X:Z]", ["X", "Y", "Z"]),
        ("m[1:2]-[x:y]", ["m1-x", "m1-y", "m2-x", "m2-y"]),
        ("n[:2]", ["n0", "n1", "n2"]),
        ("n[3:3]", ["n3"]),
        ("n[a]", ["n[a]"]),
    ],
)
def test_ranges(written: str, names: list[str]) -> None:
    assert expand(written) == names


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("n[3:1]", "ends before"),
        ("n[c:a]", "ends before"),
        ("n[1:]", "no end"),
        ("n[01:100]", "number of digits"),
        ("n[1:9:0]", "above 0"),
        ("n[1:9:x]", "above 0"),
        ("n[1:b]", "numbers or over single letters"),
        ("n[aa:bb]", "numbers or over single letters"),
        ("n[0:99999999]", "more than"),
        ("n[0:999]-[0:999]", "more than"),
    ],
)
def test_broken_ranges_say_why(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        expand(written)


@quick
@given(
    first=st.integers(0, 300),
    length=st.integers(0, 40),
    step=st.integers(1, 7),
    width=st.integers(0, 5),
)
def test_a_range_is_what_counting_by_hand_gives(
    first: int, length: int, step: int, width: int
) -> None:
    last = first + length
    low, high = str(first).zfill(width), str(last).zfill(width)
    if low.startswith("0") and len(low) > 1 and len(low) != len(high):
        return
    padding = len(low) if low.startswith("0") and len(low) > 1 else 0
    expected = [f"n{number:0{padding}d}.x" for number in range(first, last + 1, step)]
    assert expand(f"n[{low}:{high}:{step}].x") == expected


@quick
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_several_ranges_multiply_with_the_first_slowest(ends: list[int]) -> None:
    combinations = itertools.product(*(range(1, end + 1) for end in ends))
    expected = ["h" + "".join(f"-{number}" for number in numbers) for numbers in combinations]
    assert expand("h" + "".join(f"-[1:{end}]" for end in ends)) == expected


@pytest.mark.parametrize(
    ("written", "name", "port"),
    [
        ("n1", "n1", None),
        ("n1:2222", "n1", 2222),
        ("n[1:3]:22", "n[1:3]", 22),
        ("n[1:3]", "n[1:3]", None),
        ("fe80::1", "fe80::1", None),
        ("[fe80::1]:22", "fe80::1", 22),
        ("n1:web", "n1:web", None),
    ],
)
def test_a_port_behind_the_name(written: str, name: str, port: int | None) -> None:
    assert split_port(written) == (name, port)
