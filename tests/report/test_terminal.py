"""The terminal: colours only where they are wanted, and a reader that leaves is no error."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from raftfleet.report import Terminal


class Screen(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def printed(file: io.StringIO, *, colour: bool | None = None) -> str:
    Terminal(file, colour=colour).line("done\x1b[2J", "bold red")
    return file.getvalue()


def test_a_screen_has_colours_and_nothing_from_outside_acts_on_it() -> None:
    assert printed(Screen()) == "\x1b[31m\x1b[1mdone\\x1b[2J\x1b[0m\n"


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_takes_colours_away(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert printed(Screen()) == "done\\x1b[2J\n"
    assert "\x1b[31m" in printed(Screen(), colour=True)


def test_a_file_has_colours_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(io.StringIO()) == "done\\x1b[2J\n"
    assert "\x1b[31m" in printed(io.StringIO(), colour=True)
    assert "\x1b" not in printed(Screen(), colour=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31m" in printed(io.StringIO())


def test_colours_in_a_file_make_nobody_look_on() -> None:
    file = io.StringIO()
    Terminal(file, colour=True).passing("waiting")
    assert file.getvalue() == ""


@pytest.mark.parametrize("style", ["bold", "dim", "green", "cyan", "bright_black", "bold yellow"])
def test_styles_are_known(style: str) -> None:
    Terminal(Screen(), colour=True).line("text", style)


def test_a_reader_that_went_away_is_no_error() -> None:
    code = (
        "from raftfleet.report import Terminal; out = Terminal()\n"
        "for number in range(100_000): out.line(f'line {number}')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "line 0\n"
        child.stdout.close()
        assert child.stderr.read() == ""
    assert child.returncode == 0
