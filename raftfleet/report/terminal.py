"""Where reports are printed: colours when somebody is there to see them, never control sequences."""

from __future__ import annotations

import os
import shutil
import sys
from typing import IO

import click

from .text import cells, cut, plain

__all__ = ["Terminal"]

_DUMB = {"dumb", "unknown"}
_ATTRIBUTES = {"bold", "dim"}


class Terminal:
    """Prints lines, coloured on a terminal unless NO_COLOR is set.

    ``file`` is where to, by default standard output. ``colour`` overrides what file and
    environment say. A reader that went away is not an error: nobody is told anything any more.
    """

    def __init__(self, file: IO[str] | None = None, *, colour: bool | None = None) -> None:
        self._given = file
        self._gone = False
        self._coloured = self._wants_colour() if colour is None else colour
        self._shown = 0

    def _wants_colour(self) -> bool:
        if os.environ.get("NO_COLOR"):
            return False
        return self.interactive or bool(os.environ.get("FORCE_COLOR"))

    @property
    def _file(self) -> IO[str]:
        return self._given or sys.stdout

    @property
    def interactive(self) -> bool:
        """Whether a person looks on: a line may be replaced by the next."""
        return self._file.isatty() and os.environ.get("TERM", "").lower() not in _DUMB

    @property
    def width(self) -> int:
        """How many characters fit on a line."""
        return shutil.get_terminal_size().columns

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line, or several when the text has several."""
        self.parts((text, style))

    def parts(self, *parts: tuple[str, str]) -> None:
        """Print a line whose parts, a text and its style each, differ in colour."""
        self.clear()
        self._write("".join(self._styled(plain(text), style) for text, style in parts) + "\n")

    def header(self, text: str) -> None:
        """Print a line filled up with stars, as Ansible does, after an empty one."""
        self.line()
        stars = "*" * max(3, min(self.width, 100) - cells(plain(text)) - 1)
        self.line(f"{text} {stars}", "bold")

    def passing(self, text: str) -> None:
        """Show a line until the next one is printed; nothing where nobody looks on."""
        if not self.interactive:
            return
        self.clear()
        shown = cut(plain(text).replace("\n", " "), self.width - 1)
        self._write(shown)
        self._shown = cells(shown)

    def clear(self) -> None:
        """Take a passing line away."""
        if self._shown:
            self._write(f"\r{' ' * self._shown}\r")
            self._shown = 0

    def _styled(self, text: str, style: str) -> str:
        """Return harmless text in a style: a colour, bold, dim, or several of them."""
        if not (style and text and self._coloured):
            return text
        words = set(style.split())
        colour = next(iter(words - _ATTRIBUTES), None)
        return click.style(text, colour, bold="bold" in words or None, dim="dim" in words or None)

    def _write(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._file.write(text)
            self._file.flush()
        except BrokenPipeError:
            self._gone = True
            if self._file is sys.stdout:  # what is still buffered must not fail at the very end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
