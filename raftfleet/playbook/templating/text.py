"""The text of a template file, with the syntax it asks for and what it may know of itself."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Syntax", "TemplateFile"]

Syntax = tuple[tuple[str, str | bool], ...]
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class TemplateFile(str):
    """A template file's text.

    It keeps the line ends at its end. ``syntax`` are options of Jinja's environment, as pairs; ``variables`` are those that only this
    template has. Other templates that it includes or imports are looked for in ``folders``.
    """

    __slots__ = ("folders", "syntax", "variables")
    syntax: Syntax
    variables: Mapping[str, Any]
    folders: tuple[str, ...]

    def __new__(
        cls,
        text: str,
        syntax: Syntax = (),
        variables: Mapping[str, Any] = _NOTHING,
        folders: tuple[str, ...] = (),
    ) -> Self:
        """Return the text with its syntax and variables."""
        made = super().__new__(cls, text)
        made.syntax = (*syntax, ("keep_trailing_newline", True))
        made.variables, made.folders = variables, folders
        return made
