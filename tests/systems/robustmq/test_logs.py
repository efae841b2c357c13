"""The log: recorded excerpts with their colours, every marker, and what is masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.systems.robustmq.logs import MARKERS, parse_log, redact

if TYPE_CHECKING:
    from collections.abc import Callable

    Recorded = Callable[[str], bytes]


GRACEFUL = ["shutdown_requested", "terminating", "meta_shutdown", "raft_stopped"]


def marked(text: bytes) -> list[str]:
    """The markers of a log in order, without those of Raft's inner life."""
    return [
        marker
        for _, _, _, message in parse_log(text)
        for marker, part in MARKERS.items()
        if part in message
    ]


@pytest.mark.parametrize(
    ("name", "markers"),
    [
        ("start-bootstrap.log", ["configured", "bootstrapping", "ready", "registered"]),
        ("start-join.log", ["joining", "ready", "joined", "registered"]),
        (
            "exit-graceful.log",
            ["shutdown_requested", "terminating", "meta_shutdown", "raft_stopped"],
        ),
        (
            "exit-graceful-swapped.log",
            ["terminating", "shutdown_requested", "meta_shutdown", "raft_stopped"],
        ),
        (
            "exit-late.log",
            ["recovering", "ready", "registered", *GRACEFUL],
        ),
        (
            "exit-watchdog.log",
            [
                "recovering",
                "waiting",
                "shutdown_requested",
                "waiting",
                "waiting",
                "waiting",
                "forced",
            ],
        ),
        ("snapshot-and-spans.log", ["snapshot_empty"]),
    ],
)
def test_a_recorded_log_says_what_happened(
    recorded_bytes: Recorded, name: str, markers: list[str]
) -> None:
    assert marked(recorded_bytes(name)) == markers


def test_a_refused_join_is_marked() -> None:
    line = (
        b"2026-11-23T18:51:20.000001Z ERROR broker_server::meta: Meta service failed to start: "
        b"Failed to join cluster via peer 10.77.0.11:1228: add_learner failed\n"
    )
    assert marked(line) == ["join_failed"]


def test_every_marker_is_seen_in_some_record() -> None:
    recorded = {
        *("configured", "bootstrapping", "ready", "registered", "joining", "joined", "recovering"),
        *("shutdown_requested", "terminating", "meta_shutdown", "raft_stopped", "waiting"),
        *("forced", "snapshot_empty", "join_failed"),
    }
    assert recorded == set(MARKERS)


def test_a_record_is_taken_apart(recorded_bytes: Recorded) -> None:
    first = parse_log(recorded_bytes("exit-graceful.log"))[0]
    assert first == (
        1795458487.748287,
        "INFO",
        "broker_server::daemon",
        "Shutdown requested, graceful shutdown has up to 20s before force-exit",
    )


def test_spans_are_not_taken_for_targets(recorded_bytes: Recorded) -> None:
    records = parse_log(recorded_bytes("snapshot-and-spans.log"))
    assert [target for _, _, target, _ in records] == [
        "meta_service::raft::snapshot::recover",
        "meta_service::raft::snapshot::recover",
        "openraft::raft::impl_raft_blocking_write",
        "openraft::core::sm::worker",
    ]


@pytest.mark.parametrize(
    ("line", "target", "message"),
    [
        ("meta_service: Meta service shutdown...", "meta_service", "Meta service shutdown..."),
        ("a::b: c: d", "a::b", "c: d"),
        ("RaftCore{id=1 cluster=a}:main: openraft::core: x: y", "openraft::core", "x: y"),
        ("one{a={b}}:two: a::b: text", "a::b", "text"),
        ("a::b: ", "a::b", ""),
    ],
)
def test_span_target_and_message_are_told_apart(line: str, target: str, message: str) -> None:
    text = f"2026-11-23T18:28:07.748287Z  WARN {line}\n".encode()
    assert [record[1:] for record in parse_log(text)] == [("WARN", target, message)]


def test_the_banner_and_the_configuration_dump_are_no_records(recorded_bytes: Recorded) -> None:
    text = recorded_bytes("start-bootstrap.log")
    records = parse_log(text)
    assert len(records) == text.count(b"Z\x1b[0m ")
    assert len(records) < text.count(b"\n") / 5
    assert not [message for *_, message in records if "jwt_secret" in message]


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff\xfe\x00", b"2026-11-23T18:28:07Z INFO a: b\n"])
def test_what_is_no_record_is_left_out(text: bytes) -> None:
    assert parse_log(text) == []


def test_bytes_that_are_no_text_spoil_only_their_own_record() -> None:
    line = b"2026-11-23T18:28:07.748287Z  INFO a::b: x\xffy\n"
    assert [message for *_, message in parse_log(line * 2)] == ["x�y"] * 2


def test_the_secrets_of_the_dump_are_masked_and_nothing_else(recorded_bytes: Recorded) -> None:
    text = recorded_bytes("start-bootstrap.log")
    masked = redact(text)
    for secret in (b"robustmq-change-me-in-production", b'"password": "admin"', b'"robustmq"\n'):
        assert secret in text.replace(b'"robustmq",', b'"robustmq"\n')
        assert secret not in masked.replace(b'"robustmq",', b'"robustmq"\n')
    assert masked.count(b'"***"') == 3
    assert [
        line for line in text.splitlines() if b"secret" not in line and b"password" not in line
    ] == [line for line in masked.splitlines() if b"secret" not in line and b"password" not in line]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (b'password = "a\\"b"', b'password = "***"'),
        (b'{"password":"x","username":"y"}', b'{"password":"***","username":"y"}'),
        (b'{\\"jwt_secret\\":\\"x\\",\\"b\\":1}', b'{\\"jwt_secret\\":\\"***\\",\\"b\\":1}'),
        (b'{\\"password\\":\\"a\\\\\\"b\\",\\"b\\":1}', b'{\\"password\\":\\"***\\",\\"b\\":1}'),
        (b'token_ttl_hours = 8\ntoken = ""', b'token_ttl_hours = 8\ntoken = "***"'),
        (b"password admin", b"password admin"),
    ],
)
def test_secrets_are_masked_wherever_they_are_written(text: bytes, masked: bytes) -> None:
    assert redact(text) == masked
