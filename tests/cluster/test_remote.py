"""Scripts reach the host as they are, and whatever becomes of them has its own error."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from raftfleet.cluster.remote import Place, Reply, SeveredError, number, plain
from raftfleet.errors import TaskError, UnreachableError
from raftfleet.testing.system import toy_node
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport import Exited, Signalled

if TYPE_CHECKING:
    from tests.cluster.bench import Bench


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport("n1")


@pytest.fixture
def place(fake: FakeTransport) -> Place:
    return Place(toy_node("n1", 1, PurePosixPath("/opt/toy"), 1), "it's a cluster", fake)


def test_values_arrive_as_they_are(bench: Bench) -> None:
    nasty = "a 'quoted' \"value\" with $HOME, `id`, \\n and\na second line"
    where = bench.place()
    (bench.folder / "n1" / nasty.replace("/", "")).mkdir()
    reply = where.ask("console.sh", timeout=10, console="/dev/null", offset=0, lines=1, x=nasty)
    assert reply.text == ""


def test_a_reply_keeps_every_line_of_a_key() -> None:
    reply = Reply.of(
        Exited(status=0, stdout=b"owns 1\nowns 2\npath a b\nempty\n", began=1, ended=2)
    )
    assert reply.all("owns") == ["1", "2"]
    assert reply.last("path") == "a b"
    assert reply.last("none", "x") == "x"
    assert "empty" in reply
    assert (reply.sent, reply.received) == (1, 2)


def test_a_lost_connection_is_not_a_failure(fake: FakeTransport, place: Place) -> None:
    fake.on("*", Exited(status=0))
    fake.lose("reset by peer")
    with pytest.raises(SeveredError, match="n1: the connection broke: reset by peer"):
        place.ask("wipe.sh", timeout=1)
    assert [call.command.resumable for call in fake.calls if call.command] == [True]


def test_what_only_looks_is_asked_again(fake: FakeTransport, place: Place) -> None:
    fake.on("*", Exited(status=0, stdout=b"counter 1\n"))
    fake.lose("reset by peer")
    assert place.ask("record.sh", timeout=1).last("counter") == "1"
    assert [call.command.resumable for call in fake.calls if call.command] == [False, False]


def test_a_silent_host_is_not_a_failure(fake: FakeTransport, place: Place) -> None:
    fake.freeze()
    with pytest.raises(SeveredError, match="no answer within 3 s"):
        place.ask("record.sh", timeout=3)


def test_a_host_that_cannot_be_had_was_never_asked(fake: FakeTransport, place: Place) -> None:
    fake.refuse(UnreachableError("n1 is away"))
    with pytest.raises(UnreachableError) as caught:
        place.ask("record.sh", timeout=1)
    assert not isinstance(caught.value, SeveredError)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Exited(status=1, stderr=b"first\n\x1b[31mno room\x1b[0m\n"), "exit status 1: no room"),
        (Signalled(signal="KILL"), "a signal: it said nothing"),
    ],
)
def test_a_script_that_fails_says_its_last_line(
    fake: FakeTransport, place: Place, outcome: Exited | Signalled, said: str
) -> None:
    fake.on("*", outcome)
    with pytest.raises(TaskError, match=said):
        place.ask("record.sh", timeout=1)


def test_the_user_to_become_is_told_to_the_transport(fake: FakeTransport) -> None:
    fake.on("*", Exited(status=0))
    place = Place(toy_node("n1", 1, PurePosixPath("/opt/toy"), 1), "c", fake, become="broker")
    place.ask("record.sh", timeout=1)
    assert [call.command.become for call in fake.calls if call.command] == ["broker"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("title \x1b]0;x\x07 end", "title 0;x end"),
        ("a\x00b\x9bc\x7f", "abc"),
        ("tab\tand\r\nline\rback", "tab\tand\nlineback"),
        ("\x1b[?25l\x1b(Bplain", "plain"),
    ],
)
def test_nothing_a_terminal_would_obey_is_left(raw: str, shown: str) -> None:
    assert plain(raw) == shown


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("", 0), ("17.%N", 0)])
def test_a_number_that_is_none_is_nought(text: str, value: float) -> None:
    assert number(text) == value
