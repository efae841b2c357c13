"""The fake keeps its word, so that tests which rest on it mean something."""

from __future__ import annotations

import math
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import FakeClock
from raftfleet.errors import TaskError, UnreachableError
from raftfleet.testing.transport import Call, FakeFile, FakeTransport
from raftfleet.transport import Command, Exited, Lost, Signalled, TimedOut

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.transport import Outcome, Stream, Transport


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport("h1", clock=FakeClock(start=100.0))


def test_it_is_a_transport(fake: FakeTransport) -> None:
    fake.on("x")
    transport: Transport = fake
    stream: Stream = fake.open(Command("x"), timeout=1)
    assert transport.host == "h1"
    assert stream.outcome(timeout=1).ok


def test_a_line_nobody_programmed_is_a_mistake_of_the_test(fake: FakeTransport) -> None:
    fake.on("systemctl *")
    with pytest.raises(AssertionError, match="h1: nobody programmed an answer to: reboot"):
        fake.run(Command("reboot"), timeout=1)


def test_the_latest_rule_that_matches_counts(fake: FakeTransport) -> None:
    fake.on("*", Exited(status=1))
    fake.on(re.compile(r"\bstop\b"), Exited(status=2))
    fake.on("systemctl stop x", Exited(status=3))
    lines = ["anything", "service stop", "systemctl stop x"]
    assert [status(fake.run(Command(line), timeout=1)) for line in lines] == [1, 2, 3]


def status(outcome: Outcome) -> int | None:
    return outcome.status if isinstance(outcome, Exited) else None


def test_answers_are_given_in_turn_and_the_last_for_ever(fake: FakeTransport) -> None:
    fake.on("x", Exited(status=1), lambda command, _: Exited(status=len(command.line)))
    fake.on("y")
    assert [status(fake.run(Command("x"), timeout=1)) for _ in range(2)] == [1, 1]
    fake.on("x", Exited(status=5), Exited(status=6))
    assert [status(fake.run(Command("x"), timeout=1)) for _ in range(3)] == [5, 6, 6]
    assert fake.run(Command("y"), timeout=1).ok


def test_commands_take_their_time_on_its_clock(fake: FakeTransport) -> None:
    fake.on("slow", lasting=3.0)
    fake.on("endless", Exited(status=0, stdout=b"so far"), lasting=math.inf)
    outcome = fake.run(Command("slow"), timeout=5)
    assert (outcome.began, outcome.ended) == (100.0, 103.0)
    late = fake.run(Command("slow"), timeout=2)
    assert isinstance(late, TimedOut)
    assert (late.ended, late.ended_remote) == (105.0, True)
    endless = fake.run(Command("endless"), timeout=60)
    assert isinstance(endless, TimedOut)
    assert endless.stdout == b"so far"
    assert fake.clock.monotonic() == 165.0


def test_a_frozen_host_uses_up_every_deadline(fake: FakeTransport, tmp_path: Path) -> None:
    fake.on("x")
    fake.freeze()
    outcome = fake.run(Command("x"), timeout=4)
    assert isinstance(outcome, TimedOut)
    assert not outcome.ended_remote
    path = PurePosixPath("/f")
    for call in (
        lambda: fake.connect(timeout=4),
        lambda: fake.open(Command("x"), timeout=4),
        lambda: fake.put(b"", path, mode=0o600, timeout=4),
        lambda: fake.get(path, tmp_path / "f", timeout=4),
    ):
        with pytest.raises(UnreachableError, match="no answer within 4 s"):
            call()
    assert fake.clock.monotonic() == 120.0
    assert fake.files == {}


def test_a_lost_connection_costs_one_call(fake: FakeTransport) -> None:
    fake.on("x")
    fake.lose("cut")
    outcome = fake.run(Command("x"), timeout=1)
    assert isinstance(outcome, Lost)
    assert outcome.reason == "cut"
    assert fake.run(Command("x"), timeout=1).ok
    fake.lose()
    with pytest.raises(UnreachableError, match="h1"):
        fake.put(b"", PurePosixPath("/f"), mode=0o600, timeout=1)
    assert fake.files == {}


def test_a_host_that_refuses_does_so_until_told_otherwise(fake: FakeTransport) -> None:
    fake.on("x")
    fake.refuse(UnreachableError("down"))
    for _ in range(2):
        with pytest.raises(UnreachableError, match="down"):
            fake.run(Command("x"), timeout=1)
    fake.refuse(None)
    assert fake.run(Command("x"), timeout=1).ok


def test_a_full_disk_takes_nothing(fake: FakeTransport) -> None:
    fake.files[PurePosixPath("/a")] = FakeFile(bytes(60))
    fake.capacity = 100
    with pytest.raises(TaskError, match=r"h1: cannot send /b: No space left"):
        fake.put(bytes(50), PurePosixPath("/b"), mode=0o600, timeout=1)
    assert set(fake.files) == {PurePosixPath("/a")}
    assert fake.put(bytes(90), PurePosixPath("/a"), mode=0o600, timeout=1).changed


def test_a_stream_ends_when_its_time_has_come(fake: FakeTransport) -> None:
    fake.on("log", Exited(status=0, stdout=b"1\n2\n"), lasting=10.0)
    with fake.open(Command("log"), timeout=1) as stream:
        assert list(stream.lines(timeout=3)) == [b"1", b"2"]
        assert isinstance(stream.outcome(timeout=3), TimedOut)
        assert isinstance(stream.outcome(timeout=30), Exited)
        assert fake.clock.monotonic() == 110.0
    fake.on("follow", lasting=math.inf)
    with fake.open(Command("follow"), timeout=1) as stream:
        pass
    assert isinstance(stream.outcome(timeout=1), Signalled)


def test_every_call_is_recorded(fake: FakeTransport) -> None:
    fake.on("x")
    command = Command("x", env={"A": "1"})
    fake.connect(timeout=1)
    fake.run(command, timeout=1, stdin=b"in")
    fake.open(command, timeout=1)
    fake.put(b"", PurePosixPath("/f"), mode=0o600, timeout=1)
    fake.close()
    assert fake.calls == [
        Call("connect"),
        Call("run", command, stdin=b"in"),
        Call("open", command),
        Call("put", path=PurePosixPath("/f")),
        Call("close"),
    ]
    assert fake.lines() == ["x"]
