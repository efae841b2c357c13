"""A template that did not work: what, where, and through which variables we came to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet.errors import Mark, SourceError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["TemplatingError", "place_inside"]


class TemplatingError(SourceError):
    """A template or condition that could not be evaluated.

    ``undefined`` tells a value that nobody defined from every other error: `is defined` and
    `default()` may catch the first kind only. ``chain`` names the variables on the way, nearest
    first, each with the place where it was written.
    """

    def __init__(
        self,
        message: str,
        mark: Mark | None,
        *,
        hint: str | None = None,
        undefined: bool = False,
        chain: tuple[tuple[str, Mark | None], ...] = (),
    ) -> None:
        super().__init__(message, mark, hint=hint)
        self.undefined = undefined
        self.chain = chain

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *map(_link, self.chain)])

    def through(self, name: str, mark: Mark | None) -> Self:
        """Return the same failure, met while this variable was read."""
        return type(self)(
            self.message,
            self.mark or mark,
            hint=self.hint,
            undefined=self.undefined,
            chain=(*self.chain, (name, mark)),
        )

    def located(self, mark: Mark | None) -> Self:
        """Return the same failure with this place, unless it has one already."""
        if self.mark is not None or mark is None:
            return self
        return type(self)(
            self.message, mark, hint=self.hint, undefined=self.undefined, chain=self.chain
        )


def _link(link: tuple[str, Mark | None]) -> str:
    name, mark = link
    return f"in the variable {name}" + (f", {mark}" if mark else "")


def place_inside(text: str, mark: Mark | None, line: int | None) -> Mark | None:
    """Return the place of a text's n-th line, when the way it was written lets us know it."""
    if mark is None or mark.source is None or not line:
        return mark
    if mark.source == text:  # the text is a whole file
        return replace(mark, line=line, column=1)
    lines = mark.lines
    start = lines[mark.line - 1][mark.column - 1 :] if mark.line <= len(lines) else ""
    if not start.startswith("|"):  # folded and quoted texts lose their line ends
        return mark
    at = min(mark.line + line, len(lines))
    indent = len(lines[at - 1]) - len(lines[at - 1].lstrip())
    return replace(mark, line=at, column=indent + 1)
