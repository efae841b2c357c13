"""A pause that asks, at a terminal of its own and where there is none."""

from __future__ import annotations

import io
import os
import pty
import termios
from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import InterruptedRun
from raftfleet.modules.asking import somebody_is_there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.modules.conftest import Bench


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What a person types on; standard input is the other end."""
    person, terminal = pty.openpty()
    with os.fdopen(terminal, "r", closefd=True) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield person
    os.close(person)


@pytest.mark.parametrize(
    ("typed", "answer"), [(b"Ann\n", "Ann"), (b"\n", ""), (b"\x04", ""), (b"\xff\n", "\ufffd")]
)
def test_a_line_is_waited_for_and_returned(
    faked: Bench, keyboard: int, typed: bytes, answer: str
) -> None:
    os.write(keyboard, b"typed too early\n")
    faked.stopping = lambda: not os.write(keyboard, typed)
    result = faked.run("pause", prompt="Your name")
    assert result.values["user_input"] == answer
    assert result.values["stdout"] == "Paused for 0.0 minutes"


def test_the_question_is_shown_without_what_a_terminal_would_obey(
    faked: Bench, keyboard: int, capsys: pytest.CaptureFixture[str]
) -> None:
    faked.stopping = lambda: not os.write(keyboard, b"\n")
    faked.run("pause", prompt="Your\x1b[2J name\nand address")
    assert capsys.readouterr().err == "\nYour\\x1b[2J name\nand address:\n"
    faked.run("pause")
    assert "Press enter to continue, Ctrl+C to interrupt:" in capsys.readouterr().err


def test_what_is_typed_may_be_hidden_and_the_terminal_is_left_as_it_was(
    faked: Bench, keyboard: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def look() -> bool:
        flags: int = termios.tcgetattr(keyboard)[3]
        asked.append(bool(flags & termios.ECHO))
        os.write(keyboard, b"secret\n")
        return False

    faked.stopping = look
    assert faked.run("pause", prompt="Password", echo=False).values["user_input"] == "secret"
    assert asked == [False]
    assert "Password (output is hidden):" in capsys.readouterr().err
    assert termios.tcgetattr(keyboard)[3] & termios.ECHO


def test_an_interruption_ends_the_question(faked: Bench, keyboard: int) -> None:
    faked.stopping = lambda: True
    with pytest.raises(InterruptedRun):
        faked.run("pause")
    assert termios.tcgetattr(keyboard)[3] & termios.ECHO


def test_nobody_answers_within_the_time_of_the_task(faked: Bench, keyboard: int) -> None:
    assert keyboard

    def later() -> bool:
        faked.clock.advance(faked.deadline)  # type: ignore[attr-defined]
        return False

    faked.stopping = later
    assert "nobody answered within 60 s" in faked.failure("pause", prompt="sure?")


def test_a_time_is_no_question(faked: Bench, keyboard: int) -> None:
    os.write(keyboard, b"typed too early\n")
    assert faked.run("pause", prompt="wait", seconds=1).values["user_input"] == ""


@pytest.mark.parametrize("stdin", [None, io.StringIO("x\n")])
def test_without_a_terminal_nobody_is_asked(
    faked: Bench, monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    assert not somebody_is_there()
    assert faked.run("pause", prompt="sure?").values["user_input"] == ""
    assert faked.progress == [("sure?",)]


def test_nobody_is_asked_in_check_mode(faked: Bench, keyboard: int) -> None:
    assert keyboard
    assert somebody_is_there()
    assert faked.checking().run("pause").values["user_input"] == ""
