"""How a command that acts is to show what happens: its options, and the view they ask for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftfleet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raftfleet.journal import Journal
    from raftfleet.report import JsonLines, Terminal

__all__ = ["OUTPUT", "Shown", "wants_lines", "write_junit"]

_COLOURS = {"auto": None, "always": True, "never": False}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the options of output were given.

    ``lines`` is where events go as lines of JSON, None for a view for people. ``colour`` is None
    when the terminal decides. ``junit`` is the file that gets the outcome for a CI server.
    """

    lines: JsonLines | None = None
    colour: bool | None = None
    junit: Path | None = None

    def terminal(self) -> Terminal:
        """Return where reports for people are printed."""
        from raftfleet.report import Terminal  # noqa: PLC0415 - not for --help

        return Terminal(colour=self.colour)


_OPTIONS = (
    click.option(
        "--output",
        "form",
        type=click.Choice(["text", "jsonl"]),
        default="text",
        show_default=True,
        help="For people, or every event as a line of JSON.",
    ),
    click.option(
        "--color",
        type=click.Choice(list(_COLOURS)),
        default="auto",
        show_default=True,
        help="Colours; auto: on a terminal, unless NO_COLOR is set.",
    ),
    click.option(
        "--junit",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the outcome to this file as JUnit XML.",
    ),
)


def OUTPUT(function: Callable[..., int]) -> Callable[..., int]:  # noqa: N802 - stands among options
    """Give a command the options of output, as its argument ``output``."""

    @functools.wraps(function)
    def command(*given: object, form: str, color: str, junit: Path | None, **words: object) -> int:
        lines = _lines() if form == "jsonl" else None
        shown = Shown(lines=lines, colour=_COLOURS[color], junit=junit)
        if junit is not None:
            _clear(junit)
        try:
            return function(*given, output=shown, **words)
        except Exception as error:
            if junit is not None and not junit.exists():
                write_junit(_journal_of(error), junit)
            raise

    wrapped: Callable[..., int] = command
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _journal_of(error: Exception) -> Journal:
    """Return the journal of a run that never began."""
    from raftfleet.cli.errors import told  # noqa: PLC0415 - only an error pays for it
    from raftfleet.journal import Journal  # noqa: PLC0415
    from raftfleet.journal.codec import Record, encode  # noqa: PLC0415

    event = told(error)
    return Journal((Record(encode(event), event),), live=True)


def write_junit(journal: Journal, path: Path) -> None:
    """Write a run as JUnit XML; raise `UsageError` when the file cannot be written."""
    from raftfleet.report import junit_xml  # noqa: PLC0415 - not for --help

    try:
        path.write_text(junit_xml(journal), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--junit: cannot write {path}: {error.strerror}") from None


def _clear(path: Path) -> None:
    """Make room for an outcome: an older run's must not pass for this one's."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"--junit: cannot write {path}: {error.strerror}") from None


def _lines() -> JsonLines:
    """Return the lines that `raftfleet.cli.run` has begun, so that it can end them."""
    from raftfleet.report import JsonLines  # noqa: PLC0415 - not for --help

    begun = click.get_current_context().find_root().obj
    return begun if isinstance(begun, JsonLines) else JsonLines()


def wants_lines(argv: Sequence[str]) -> bool:
    """Whether a command line asks for JSON: known before it is understood, or when it cannot be."""
    words = list(argv[: argv.index("--")] if "--" in argv else argv)
    asked = [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(words, [*words[1:], ""], strict=True)
        if word == "--output" or word.startswith("--output=")
    ]
    return asked[-1:] == ["jsonl"]
