"""Where reports are printed: colours when somebody is there to see them, never control sequences."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from .text import cells, cut, plain

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Terminal"]


class Terminal:
    """Prints lines, coloured on a terminal unless NO_COLOR is set.

    ``file`` is where to, by default standard output. A reader that went away is not an error.
    """

    def __init__(self, file: IO[str] | None = None, *, colour: bool | None = None) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a command that prints pays for it

        self._console: Console = Console(
            file=file,
            force_terminal=colour,
            no_color=None if colour is None else not colour,
            color_system="standard" if colour else "auto",
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=True,
        )
        self._shown = 0

    @property
    def interactive(self) -> bool:
        """Whether a person looks on: a line may be replaced by the next."""
        return self._console.is_terminal and not self._console.is_dumb_terminal

    @property
    def width(self) -> int:
        """How many characters fit on a line."""
        return self._console.width

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line, or several when the text has several."""
        self.clear()
        self._console.out(plain(text), style=style or None, highlight=False)

    def parts(self, *parts: tuple[str, str]) -> None:
        """Print a line whose parts, a text and its style each, differ in colour."""
        self.clear()
        for number, (text, style) in enumerate(parts, start=1):
            end = "\n" if number == len(parts) else ""
            self._console.out(plain(text), style=style or None, highlight=False, end=end)

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
        self._console.file.write(shown)
        self._console.file.flush()
        self._shown = cells(shown)

    def clear(self) -> None:
        """Take a passing line away."""
        if self._shown:
            self._console.file.write(f"\r{' ' * self._shown}\r")
            self._shown = 0
