"""`k=v` arguments, which Ansible takes and we do not: written anew as the mapping that is wanted."""

from __future__ import annotations

import json
import re
from typing import Final

__all__ = ["as_mapping", "first_key"]

_PAIR: Final = re.compile(
    r"\s*(\w+)=((?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?>\{\{.*?\}\})|(?>\{%.*?%\})|[^\s\"'{]|\{(?![{%]))*)(?=\s|$)",
    re.DOTALL,
)
_KEY: Final = re.compile(r"\s*(\w+|\{\{(?:[^{}]|\}(?!\}))*\}\})=(?!=)")
_PLAIN: Final = re.compile(r"[A-Za-z_./][\w./-]*|[1-9]\d*|0", re.ASCII)
_QUOTES: Final = ("'", '"')


def first_key(text: str) -> str | None:
    """Return the key of the first pair of a text that starts with one; it may be a template."""
    found = _KEY.match(text)
    return found[1] if found else None


def as_mapping(name: str, text: str) -> str:
    """Return the task's line as it is to be written; with dots where the text is no row of pairs."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while found := _PAIR.match(text, at):
        pairs.append((found[1], found[2]))
        at = found.end()
    if not pairs or text[at:].strip():
        key = first_key(text) or "name"
        return f"{name}: {{{_scalar('', key)}: ...}}"
    return f"{name}: {{{', '.join(f'{key}: {_scalar(key, value)}' for key, value in pairs)}}}"


def _scalar(key: str, value: str) -> str:
    """Spell a value for a mapping in braces; a mode is always a text."""
    quote = value[:1]
    if quote in _QUOTES and value.endswith(quote) and value.count(quote) == 2:
        value = value[1:-1]
    if _PLAIN.fullmatch(value) and key != "mode":
        return value
    return json.dumps(value, ensure_ascii=False)
