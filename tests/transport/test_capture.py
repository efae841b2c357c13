"""Output is kept the same however it is cut into pieces on its way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftfleet.transport.capture import LONGEST_LINE, Capture, Framed, Lines

PIECES = st.lists(st.binary(max_size=40), max_size=20)


@given(pieces=PIECES, cap=st.integers(2, 60))
def test_head_and_tail_are_kept_up_to_the_cap(pieces: list[bytes], cap: int) -> None:
    capture, whole = Capture(cap), b"".join(pieces)
    for piece in pieces:
        capture.feed(piece)
    if len(whole) <= cap:
        assert capture.value() == whole
        assert not capture.truncated
        return
    assert capture.truncated
    assert capture.dropped == len(whole) - cap
    head, tail = whole[: cap // 2], whole[len(whole) - (cap - cap // 2) :]
    assert capture.value() == head + b"\n[... %d bytes dropped ...]\n" % capture.dropped + tail


@given(pieces=PIECES)
def test_lines_are_the_same_in_any_pieces(pieces: list[bytes]) -> None:
    lines, whole = Lines(), b"".join(pieces)
    for piece in pieces:
        lines.feed(piece)
    assert lines.unread() == whole
    taken = []
    while (line := lines.take()) is not None:
        taken.append(line)
    *complete, rest = whole.split(b"\n")
    assert taken == complete
    assert lines.take_rest() == (rest or None)
    assert lines.unread() == b""


def test_a_line_without_an_end_comes_in_pieces() -> None:
    lines = Lines()
    for _ in range(3 * LONGEST_LINE // 65536):
        lines.feed(bytes(65536))
    assert [lines.take(), lines.take(), lines.take()] == [bytes(LONGEST_LINE)] * 3
    assert not lines.any()


def test_lines_nobody_reads_do_not_fill_the_memory() -> None:
    lines = Lines(cap=100)
    for number in range(100):
        lines.feed(b"line %04d\n" % number)
    assert lines.truncated
    assert lines.take() == b"line 0089"


@given(
    noise=st.binary(max_size=60).filter(lambda noise: b"rf-t " not in noise),
    output=st.binary(max_size=60),
    cuts=st.lists(st.integers(0, 140), max_size=6),
)
def test_only_what_follows_the_mark_is_output(noise: bytes, output: bytes, cuts: list[int]) -> None:
    said = noise + b"rf-t 4711\n" + output
    capture = Capture()
    framed = Framed(b"rf-t ", capture)
    edges = [0, *sorted(cuts), len(said)]
    for begin, end in itertools.pairwise(edges):
        framed.feed(said[begin:end])
    assert framed.group == 4711
    assert capture.value() == output
    assert bytes(framed.noise) == noise


@pytest.mark.parametrize("said", [b"", b"nothing of ours", b"rf-t 47"])
def test_without_the_mark_nothing_is_output(said: bytes) -> None:
    capture = Capture()
    framed = Framed(b"rf-t ", capture)
    framed.feed(said)
    assert framed.group is None
    assert capture.value() == b""
    assert bytes(framed.noise) == said


def test_endless_noise_is_not_kept_and_does_not_hide_the_mark() -> None:
    capture = Capture()
    framed = Framed(b"rf-t ", capture)
    for _ in range(100):
        framed.feed(b"x" * 10_000)
    assert len(framed.noise) <= 65536
    framed.feed(b"rf-t 1\nout")
    assert capture.value() == b"out"
