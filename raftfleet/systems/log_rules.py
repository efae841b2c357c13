"""Log rules as people write them: `config/logs/<system>.yml`, read and checked.

The file is a list of rules in the order in which they are tried; `journal/log_rules.py` says what
each key of a rule means.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from raftfleet.errors import SourceError, nearest
from raftfleet.inventory import load_yaml, mark_of
from raftfleet.journal.log_rules import LogRule, LogVerdict, LogWindow
from raftfleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from raftfleet.errors import Mark

__all__ = ["LEVELS", "load_log_rules", "read_log_rules"]

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
_KEYS = tuple(field.name for field in msgspec.structs.fields(LogRule))
_LISTS = {"levels": LEVELS, "during": tuple(LogWindow)}
_WORDS = {"judge": tuple(LogVerdict), "by": ("leader",)}
_SECONDS = ("before", "after", "after_cut")


@cache
def load_log_rules(system: str) -> tuple[LogRule, ...]:
    """Return the rules that ship for a system; raise `SourceError` for a file that is wrong."""
    return read_log_rules(shipped("config", "logs", f"{system}.yml"))


def read_log_rules(path: Path) -> tuple[LogRule, ...]:
    """Read a file of rules; raise `SourceError` at the word that is wrong."""
    loaded = load_yaml(path=path)
    if not isinstance(loaded, list) or not loaded:
        raise SourceError(f"{path}: wants a list of rules", mark_of(loaded))
    rules: dict[str, LogRule] = {}
    for given in loaded:
        rule = _rule(given)
        if rule.name in rules:
            raise SourceError(f"there are two rules {rule.name}", mark_of(given))
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(given: Any) -> LogRule:
    mark = mark_of(given)
    if not isinstance(given, dict):
        raise SourceError("a rule is a mapping", mark, hint=f"keys: {', '.join(_KEYS)}")
    for key in given:
        _known(key, _KEYS, "key of a log rule", mark_of(key) or mark)
    for key in ("name", "judge"):
        if key not in given:
            raise SourceError(f"a rule wants {key}", mark)
    plain = {str(key): _value(str(key), value, mark) for key, value in given.items()}
    try:
        rule = msgspec.convert(plain, LogRule)
    except msgspec.ValidationError as error:
        raise SourceError(f"rule {given['name']}: {error}", mark) from None
    if not (rule.levels or rule.target or rule.message):
        raise SourceError(f"rule {rule.name} would fit every line", mark)
    return rule


def _value(key: str, value: Any, mark: Mark | None) -> Any:
    at = mark_of(value) or mark
    if key in _LISTS:
        words = value if isinstance(value, list) else [value]
        for word in words:
            _known(word, _LISTS[key], f"word for {key}", mark_of(word) or at)
        return [str(word) for word in words]
    if key in _WORDS:
        _known(value, _WORDS[key], f"word for {key}", at)
    if key == "message":
        _checked_expression(value, at)
    if key in _SECONDS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise SourceError(f"{key} wants seconds, not {value!r}", at)
    return value


def _checked_expression(value: Any, mark: Mark | None) -> None:
    try:
        re.compile(value)
    except TypeError:
        raise SourceError(f"message wants a text, not {value!r}", mark) from None
    except re.error as error:
        text = f"message is no regular expression: {error}"
        raise SourceError(text, mark) from None


def _known(word: Any, known: Iterable[str], what: str, mark: Mark | None) -> None:
    names = [str(name) for name in known]
    if str(word) not in names:
        close = nearest(str(word), names)
        hint = f"did you mean {close}?" if close else f"known: {', '.join(names)}"
        raise SourceError(f"{word!r} is not a {what}", mark, hint=hint)
