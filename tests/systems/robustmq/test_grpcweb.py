"""gRPC-web: recorded frames, errors in headers and trailers, and every way a body can be cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from raftfleet.systems import AccessError, Answer
from raftfleet.systems.robustmq.grpcweb import (
    GrpcError,
    NotGrpcError,
    frame,
    messages,
    string_field,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KIND = {"content-type": "application/grpc-web+proto"}
OK = bytes([0x80, 0, 0, 0, 15]) + b"grpc-status:0\r\n"


def test_an_empty_request_is_five_zero_bytes() -> None:
    assert frame() == bytes(5)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_recorded_answer_holds_one_message_with_json(
    recorded_answer: Callable[[str], Answer], number: int
) -> None:
    (message,) = messages(recorded_answer(f"cluster-status-n{number}.json"))
    assert set(json.loads(string_field(message, 1))) == {"metadata_0", "offset_0", "data_0"}


def test_a_stream_gives_every_message_in_order() -> None:
    assert messages(Answer(200, KIND, frame(b"a") + frame() + frame(b"c") + OK)) == [
        b"a",
        b"",
        b"c",
    ]


def test_an_empty_message_may_end_the_body() -> None:
    assert messages(Answer(200, KIND, OK + frame())) == [b""]


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384])
def test_a_text_of_any_length_is_read(size: int) -> None:
    head, left = b"", size
    while left >= 0x80:
        head, left = head + bytes([left & 0x7F | 0x80]), left >> 7
    assert string_field(b"\x0a" + head + bytes([left]) + b"x" * size, 1) == "x" * size


def test_an_error_in_the_headers_is_decoded() -> None:
    # as a follower answers a write: HTTP 200, no body, everything in the headers
    headers = {
        **KIND,
        "grpc-status": "13",
        "grpc-message": "has%20to%20forward%20request%20to:%20Some(1),%20%22ip:port%22",
    }
    with pytest.raises(GrpcError) as caught:
        messages(Answer(200, headers, b""))
    assert caught.value.status == 13
    assert caught.value.message == 'has to forward request to: Some(1), "ip:port"'


def test_an_error_in_the_trailers_wins_over_the_messages_before_it() -> None:
    trailer = b"grpc-status: 14\r\ngrpc-message: no%20leader\r\n"
    body = frame(b"half") + bytes([0x80]) + len(trailer).to_bytes(4, "big") + trailer
    with pytest.raises(GrpcError, match="gRPC status 14: no leader"):
        messages(Answer(200, KIND, body))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404, {}, b""), "HTTP status 404, content type 'missing'"),
        (Answer(200, {"content-type": "text/html"}, b"<html>"), "b'<html>', which is no gRPC-web"),
        (Answer(400, {"content-type": "application/grpc-web+proto"}, b"x"), "HTTP status 400"),
    ],
)
def test_another_protocol_is_told_apart(answer: Answer, words: str) -> None:
    with pytest.raises(NotGrpcError) as caught:
        messages(answer)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (frame(b"abc"), "ends without trailers"),
        (b"", "ends without trailers"),
        (frame(b"abc")[:3], "ends inside a frame head"),
        (frame(b"abc")[:-1], "cut short: 2 of 3 bytes"),
        (frame(b"abc") + OK[:-1], "cut short: 14 of 15 bytes"),
        (bytes([0x80, 0, 0, 0, 14]) + b"grpc-status:x\n", "status is no number"),
    ],
)
def test_a_broken_body_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(AccessError) as caught:
        messages(Answer(200, KIND, body))
    assert words in str(caught.value)


def test_every_cut_of_a_recorded_answer_is_noticed(
    recorded_answer: Callable[[str], Answer],
) -> None:
    whole = recorded_answer("cluster-status-n2.json")
    for size in range(len(whole.body)):
        with pytest.raises(AccessError):
            messages(Answer(200, whole.headers, whole.body[:size]))
    assert len(messages(whole)) == 1


def test_fields_of_other_kinds_are_passed_over() -> None:
    other = b"\x08\x96\x01" + b"\x15abcd" + b"\x19abcdefgh" + b"\x22\x02xy"
    assert string_field(other + b"\x0a\x02hi" + other, 1) == "hi"


def test_a_missing_field_is_empty_and_the_last_of_several_counts() -> None:
    assert string_field(b"\x12\x01x", 1) == ""
    assert string_field(b"\x0a\x01a\x0a\x01b", 1) == "b"


@pytest.mark.parametrize(
    "message", [b"\x0a", b"\x0a\x05ab", b"\x0b\x00", b"\xff" * 12, b"\x0a\x01\xff", b"\x09abc"]
)
def test_bytes_that_are_no_protobuf_are_refused(message: bytes) -> None:
    with pytest.raises(AccessError):
        string_field(message, 1)
