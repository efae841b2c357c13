"""Filters on text and paths."""

from __future__ import annotations

import os.path
import re
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS", "flags"]


def flags(*, ignorecase: bool, multiline: bool) -> re.RegexFlag:
    """Return the flags of a regular expression."""
    chosen = re.RegexFlag(0)
    if ignorecase:
        chosen |= re.IGNORECASE
    if multiline:
        chosen |= re.MULTILINE
    return chosen


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} wants a text, not a value of type {type(value).__name__}")
    return str(value)


def _regex_replace(
    value: Any,
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,  # noqa: FBT001, FBT002
    multiline: bool = False,  # noqa: FBT001, FBT002
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    expression = re.compile(pattern, flags(ignorecase=ignorecase, multiline=multiline))
    replaced, times = expression.subn(replacement, str(value), count)
    if mandatory_count and times != mandatory_count:
        raise ValueError(f"{pattern!r} matched {times} times, not {mandatory_count}")
    return replaced


def _regex_search(
    value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> Any:
    r"""Return the first match, or the asked-for groups (`\1`, `\g<name>`) of it, or None."""
    found = re.search(pattern, str(value), flags(ignorecase=ignorecase, multiline=multiline))
    wanted = [_group(group) for group in groups]
    if found is None:
        return None
    return [found.group(group) for group in wanted] if wanted else found.group()


def _group(reference: str) -> int | str:
    named = re.fullmatch(r"\\g<(.+)>", reference)
    if named:
        return int(named[1]) if named[1].isdecimal() else named[1]
    numbered = re.fullmatch(r"\\(\d+)", reference)
    if numbered is None:
        raise ValueError(f"{reference!r} is not a group: write '\\1' or '\\g<name>'")
    return int(numbered[1])


def _regex_findall(
    value: Any,
    pattern: str,
    multiline: bool = False,  # noqa: FBT001, FBT002
    ignorecase: bool = False,  # noqa: FBT001, FBT002
) -> list[Any]:
    return re.findall(pattern, str(value), flags(ignorecase=ignorecase, multiline=multiline))


_POSIX_BASIC = re.compile(r"([].[^$*\\])")


def _regex_escape(value: Any, re_type: str = "python") -> str:
    if re_type not in {"python", "posix_basic"}:
        raise ValueError(f"{re_type!r} is no kind of pattern; known: python, posix_basic")
    if re_type == "posix_basic":
        return _POSIX_BASIC.sub(r"\\\1", str(value))
    return re.escape(str(value))


def _split(value: Any, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    return _text(value, "split").split(separator, maxsplit)


_COMMENTS: dict[str, dict[str, Any]] = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
    "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
}


def _comment(value: Any, style: str = "plain", **options: Any) -> str:
    """Write a text as a comment, between a line before and a line after it."""
    if style not in _COMMENTS:
        raise ValueError(f"there is no style {style!r}; known: {', '.join(_COMMENTS)}")
    said = {"newline": "\n", **_COMMENTS[style], **options}
    newline, mark = said["newline"], said["decoration"]
    rim = mark.rstrip()
    before, after = said.get("prefix", rim), said.get("postfix", rim)
    lines = [said["beginning"]] if said.get("beginning") else []
    if before:
        lines += ["" if before == newline else before] * int(said.get("prefix_count", 1))
    body = (mark + _text(value, "comment").replace(newline, newline + mark)).split(newline)
    lines += [rim if line == mark else line for line in body[:-1]] + body[-1:]
    lines += [after] * int(said.get("postfix_count", 1))
    lines += [said["end"]] if said.get("end") else []
    return str(newline.join(lines))


def _urlsplit(value: Any, query: str = "") -> Any:
    """Return the parts of an address, or one of them."""
    split = urlsplit(_text(value, "urlsplit"))
    names = (*split._fields, "hostname", "password", "port", "username")
    parts = {name: getattr(split, name) for name in sorted(names)}
    if query and query not in parts:
        raise ValueError(f"an address has no part {query!r}; known: {', '.join(parts)}")
    return parts[query] if query else parts


def _basename(path: Any) -> str:
    return os.path.basename(_text(path, "basename"))  # noqa: PTH119 - a path on another machine, taken as text


def _dirname(path: Any) -> str:
    return os.path.dirname(_text(path, "dirname"))  # noqa: PTH120


def _splitext(path: Any) -> tuple[str, str]:
    return os.path.splitext(_text(path, "splitext"))  # noqa: PTH122


def _path_join(parts: Any) -> str:
    return os.path.join(*parts) if isinstance(parts, list | tuple) else _text(parts, "path_join")  # noqa: PTH118


def _commonpath(paths: Any) -> str:
    if not isinstance(paths, list | tuple):
        raise TypeError(f"commonpath wants a list, not a value of type {type(paths).__name__}")
    return os.path.commonpath(paths)


def _relpath(path: Any, start: str = ".") -> str:
    return os.path.relpath(_text(path, "relpath"), start)


def _quote(value: Any) -> str:
    return shlex.quote("" if value is None else str(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "basename": _basename,
    "comment": _comment,
    "commonpath": _commonpath,
    "dirname": _dirname,
    "expanduser": lambda path: os.path.expanduser(_text(path, "expanduser")),  # noqa: PTH111
    "expandvars": lambda path: os.path.expandvars(_text(path, "expandvars")),
    "normpath": lambda path: os.path.normpath(_text(path, "normpath")),
    "path_join": _path_join,
    "quote": _quote,
    "realpath": lambda path: os.path.realpath(_text(path, "realpath")),
    "regex_escape": _regex_escape,
    "regex_findall": _regex_findall,
    "regex_replace": _regex_replace,
    "regex_search": _regex_search,
    "relpath": _relpath,
    "split": _split,
    "splitext": _splitext,
    "urldecode": lambda text: unquote_plus(_text(text, "urldecode")),
    "urlsplit": _urlsplit,
}
