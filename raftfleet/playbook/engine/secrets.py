"""Values that must not be shown when the text of a file is: by the name of what holds them.

What a task with `no_log` comes to is not shown at all (see `recorder`). A diff is another matter: it
shows a file into which a secret may have been templated by a task that hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import RaftfleetError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from raftfleet.playbook.templating import Scope

__all__ = ["HIDDEN", "is_secret_name", "masked", "masked_diff", "secret_values"]

HIDDEN: Final = "********"
_WORDS: Final = (
    r"pass(?:word|wd|phrase)?|passwords|secrets?|tokens?|credentials?|(?:private|api|access|secret|"
    r"signing|encryption|ssh)[_-]?keys?"
)
_NAME: Final = re.compile(rf"(?:^|[_\-.]|(?<=[a-z])(?=[A-Z]))(?i:{_WORDS})(?:[_\-.]\w*)?$")
_NO_SECRET: Final = re.compile(
    r"(?:file|path|dir|folder|name|length|size|ttl|id|url|type)s?$", re.IGNORECASE
)
# name = value, name: value, "name": "value", --name=value: the value is taken away.
_WRITTEN: Final = re.compile(
    r"""(?P<name>[\w.\-]+)(?P<between>["']?[ \t]*[:=][ \t]*)(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s,;}"']+)"""
)
_KEY: Final = re.compile(
    r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----\n).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_SHORTEST: Final = 3
# What a registered result holds beside what the task found out.
_OF_RESULTS: Final = frozenset(
    {"msg", "start", "end", "delta", "skip_reason", "ansible_loop_var", "state", "mode", "owner", "group"}
)  # fmt: skip
_NO_VALUES: Final = frozenset({"true", "false", "none", "null", "yes", "no"})


def is_secret_name(name: str) -> bool:
    """Whether what has this name is taken for a secret: `db_password`, `api_key`, `private_key`."""
    return _NAME.search(name) is not None and _NO_SECRET.search(name) is None


def secret_values(scope: Scope, hidden: Collection[str] = ()) -> tuple[str, ...]:
    """Return every secret among a task's variables, the longest first.

    Secret is what has the name of a secret, in mappings too, and what the variables named in
    ``hidden`` hold. Very short values are left out: to mask them would tear texts apart.
    """
    found: set[str] = set()
    for name in scope:
        if name.startswith("ansible_loop") or name in {"hostvars", "groups", "vars"}:
            continue
        with suppress(RaftfleetError, KeyError, TypeError, ValueError):
            found.update(_inside(scope[name], secret=name in hidden or is_secret_name(name)))
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def _inside(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            plain = str(key) in _OF_RESULTS
            yield from _inside(part, secret=(secret and not plain) or is_secret_name(str(key)))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _inside(part, secret=secret)
    elif secret and isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).strip()
        if len(text) >= _SHORTEST and text.lower() not in _NO_VALUES:
            yield text
            if "\n" in text:
                yield from (line for line in text.splitlines() if len(line.strip()) >= _SHORTEST)


def masked(value: Any, secrets: Collection[str]) -> Any:
    """Return a text, or all texts inside a value, without secrets; ``secrets`` the longest first."""
    if isinstance(value, Mapping):
        return {key: masked(part, secrets) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part, secrets) for part in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, HIDDEN)
    return _WRITTEN.sub(_without, _KEY.sub(rf"\g<1>{HIDDEN}\n\g<2>", value))


def masked_diff(diff: Any, secrets: Collection[str]) -> Any:
    """Return a diff, or several, without secrets; a line in which one is new says so."""
    if isinstance(diff, list | tuple):
        return [masked_diff(one, secrets) for one in diff]
    shown = masked(diff, secrets)
    if not isinstance(diff, Mapping):
        return shown
    before, after = diff.get("before"), diff.get("after")
    if isinstance(before, str) and isinstance(after, str):
        shown["after"] = _telling(before, after, shown["after"])
    return shown


def _telling(before: str, after: str, shown: str) -> str:
    """Mark the masked lines of ``shown`` that were not there before: else they look unchanged."""
    real, lines = after.splitlines(keepends=True), shown.splitlines(keepends=True)
    if len(real) != len(lines):
        return shown  # a secret of several lines was masked as one
    known = set(before.splitlines(keepends=True))
    return "".join(
        line if line == was or was in known else line.replace(HIDDEN, f"{HIDDEN} (new)", 1)
        for line, was in zip(lines, real, strict=True)
    )


def _without(found: re.Match[str]) -> str:
    if not is_secret_name(found["name"].lstrip("-")):
        return found[0]
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{found['between']}{quote}{HIDDEN}{quote}"
