"""How a file differs, as `--diff` shows it: a unified diff between before and after."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["diff_lines"]

_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


def diff_lines(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a result's diff, or diffs, each with its style; none where none is."""
    diff = result.get("diff")
    for one in diff if isinstance(diff, list | tuple) else [diff]:
        if isinstance(one, Mapping) and ("before" in one or "after" in one):
            yield from _unified(one, result)


def _unified(diff: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    before, after = _lines(diff.get("before")), _lines(diff.get("after"))
    path = result.get("dest") or result.get("path")
    shown = [
        _name(word, diff.get(f"{word}_header") or (path if isinstance(path, str) else ""))
        for word in ("before", "after")
    ]
    if before == after:
        yield f"--- {shown[0]}", "bold"
        yield f"+++ {shown[1]}", "bold"
        yield " (what differs is masked)", "dim"
        return
    for number, line in enumerate(difflib.unified_diff(before, after, shown[0], shown[1])):
        style = "bold" if number < 2 else _STYLES.get(line[:1], "")
        yield line.removesuffix("\n"), style
        if not line.endswith("\n"):
            yield "\\ No newline at end of file", "dim"


def _name(word: str, what: object) -> str:
    shown = one_line(str(what))
    return f"{word}: {shown}" if shown else word


def _lines(value: object) -> list[str]:
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(value, indent=4, sort_keys=True) + "\n"
    return text.splitlines(keepends=True)
