"""Variables from the command line: `-e`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import Mark, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["extra_variables"]

_QUOTED: Final = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_WORD: Final = re.compile(
    rf"\s*((?:{_QUOTED}|\{{\{{.*?\}}\}}|\{{%.*?%\}}|[^\s\"'])++)(?=\s|$)", re.DOTALL
)
_ESCAPE: Final = re.compile(
    r"\\(?:U[0-9a-fA-F]{8}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[0-7]{1,3}|N\{[^}]+\}|[\\'\"abfnrtv])"
)


def extra_variables(given: Sequence[str]) -> dict[str, Any]:
    """Return the variables of all ``-e``, later ones winning; raise `UsageError` for a wrong one.

    Each is `name=value` words, whose values are texts, or YAML or JSON that starts with a bracket,
    or `@FILE` with either of these.
    """
    merged: dict[str, Any] = {}
    for text in given:
        merged |= _variables(text)
    return merged


def _variables(text: str) -> dict[str, Any]:
    from raftfleet.inventory import load_yaml, mark_of  # noqa: PLC0415 - not for --help

    if text.startswith("@"):
        path = Path(text[1:])
        if not path.is_file():
            raise UsageError(f"-e {text}: there is no file {path}")
        loaded = load_yaml(path=path)
    elif text.lstrip().startswith(("{", "[")):
        loaded = load_yaml(text=text, file="-e")
    else:
        return _pairs(text)
    if not isinstance(loaded, dict):
        mark = mark_of(loaded) or Mark(text.removeprefix("@"), 1, 1)
        raise SourceError(f"-e {text}: wants a mapping of variables", mark)
    return dict(loaded)


def _pairs(text: str) -> dict[str, str]:
    """Read `name=value` words; a value with blanks stands in quotes, or is a template."""
    pairs = {}
    end = len(text.rstrip())
    at = 0
    while at < end:
        word = _WORD.match(text, at)
        if word is None:
            raise UsageError(f"-e {text}: a quote is never closed")
        name, equals, value = word[1].partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(
                f"-e {word[1]}: wants name=value", hint="or JSON: -e '{\"name\": true}'"
            )
        if re.fullmatch(_QUOTED, value, re.DOTALL):
            value = value[1:-1]
        pairs[name] = _ESCAPE.sub(_escaped, value)
        at = word.end()
    return pairs


def _escaped(found: re.Match[str]) -> str:
    try:
        return found[0].encode("ascii").decode("unicode-escape")
    except UnicodeDecodeError:
        return found[0]
