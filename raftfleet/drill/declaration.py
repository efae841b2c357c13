"""What a play's `drill:` declares, and how it is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from raftfleet.checks import CHECKS, EVIDENCE
from raftfleet.cluster import Rates
from raftfleet.errors import SourceError, UsageError, nearest
from raftfleet.inventory import mark_of
from raftfleet.playbook import has_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from raftfleet.errors import Mark

__all__ = ["Declaration", "parse_declaration", "resolved"]

_KEYS = ("id", "expects", "forbids", "evidence", "budget", "watch", "leaves", "allow_quorum_loss")
_BUDGETS = ("outage",)
_LEAVES = ("running", "down")
_OF_WRITES = frozenset({"cache-agrees", "progress", "stores-equal", "writes-survive"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a drill expects, forbids and needs as evidence.

    ``watch`` is seconds of watching after the last undo, None for the longest the system can take
    to react; ``leaves`` says how the cluster is left: ``running`` or ``down``. A count of evidence
    may be a template until the play begins (`resolved`). ``budget`` holds limits in seconds:
    ``outage`` is how long writes may stand still. ``rates`` says how much is written, and
    ``keep_data`` that it is left in the cluster; both come from the play's variables (`resolved`).
    """

    id: str
    expects: tuple[str, ...]
    forbids: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)
    watch: float | None = None
    leaves: str = "running"
    allow_quorum_loss: bool = False
    rates: Rates = field(default_factory=Rates)
    keep_data: bool = False

    @property
    def writes(self) -> bool:
        """Whether the drill expects anything of writes, so that it has to write."""
        needed = any(name.startswith("acknowledged") for name in self.evidence)
        return needed or bool(_OF_WRITES.intersection((*self.expects, *self.forbids)))


def parse_declaration(value: Any, mark: Mark | None) -> Declaration:
    """Read the value of `drill:`; raise `SourceError` at the word that is wrong."""
    if not isinstance(value, dict):
        raise SourceError("drill: wants a mapping", mark_of(value) or mark)
    for key in value:
        _known(str(key), _KEYS, "key of drill:", mark_of(key) or mark_of(value) or mark)
    name = value.get("id")
    if not isinstance(name, str) or not name:
        raise SourceError("a drill needs an id", mark_of(value) or mark, hint="id: a-remove")
    expects = _names(value, "expects", CHECKS)
    if not expects:
        raise SourceError(
            f"drill {name} expects nothing, so it could only pass",
            mark_of(value) or mark,
            hint=f"expects: any of {', '.join(sorted(CHECKS))}",
        )
    return Declaration(
        id=str(name),
        expects=expects,
        forbids=_names(value, "forbids", CHECKS),
        evidence=_evidence(value),
        budget=_budget(value),
        watch=_seconds(value, "watch"),
        leaves=_leaves(value),
        allow_quorum_loss=_flag(value, "allow_quorum_loss"),
    )


def _known(word: str, known: Iterable[str], what: str, mark: Mark | None) -> None:
    known = list(known)
    if word not in known:
        close = nearest(word, known)
        hint = f"did you mean {close}?" if close else f"known: {', '.join(sorted(known))}"
        raise SourceError(f"{word!r} is not a {what}", mark, hint=hint)


def _names(value: Mapping[str, Any], key: str, known: Iterable[str]) -> tuple[str, ...]:
    names = value.get(key) or ()
    if not isinstance(names, list | tuple):
        raise SourceError(f"{key}: wants a list", mark_of(names) or mark_of(value))
    for name in names:
        _known(str(name), known, "check", mark_of(name) or mark_of(value))
    return tuple(str(name) for name in names)


def _evidence(value: Mapping[str, Any]) -> dict[str, Any]:
    evidence = value.get("evidence") or {}
    if not isinstance(evidence, dict):
        raise SourceError("evidence: wants a mapping of counts", mark_of(evidence))
    for key, count in evidence.items():
        _known(str(key), EVIDENCE, "kind of evidence", mark_of(key) or mark_of(evidence))
        if not has_template(count) and _count(count) < 1:
            raise SourceError(f"{key}: wants a count of at least 1", mark_of(evidence))
    return {str(key): count for key, count in evidence.items()}


def _budget(value: Mapping[str, Any]) -> dict[str, float]:
    budget = value.get("budget") or {}
    if not isinstance(budget, dict):
        raise SourceError("budget: wants a mapping of seconds", mark_of(budget) or mark_of(value))
    for key in budget:
        _known(str(key), _BUDGETS, "budget", mark_of(key) or mark_of(budget))
    found = {str(key): _seconds(budget, str(key)) for key in budget}
    return {key: seconds for key, seconds in found.items() if seconds is not None}


def resolved(
    declaration: Declaration, template: Callable[[Any], Any], variables: Mapping[str, Any]
) -> Declaration:
    """Return the declaration with its counts templated; a count of 0 asks for nothing.

    What is written comes from the variables ``write_rate`` and ``create_rate`` (a second),
    ``write_budget`` (entries while a node is away) and ``keep_data``. Raises `SourceError` for
    a count that is none, and `UsageError` for such a variable.
    """
    counts = {}
    for key, raw in declaration.evidence.items():
        count = _count(template(raw))
        if count < 0:
            raise SourceError(f"{key}: wants a count, not {template(raw)!r}", mark_of(raw))
        if count:
            counts[key] = count
    rates = Rates(
        total=_number(variables, "write_rate", Rates().total),
        creates=_number(variables, "create_rate", Rates().creates),
        entries=_entries(variables),
    )
    keep = str(variables.get("keep_data", False)).lower() in {"true", "yes", "on", "1"}
    return replace(declaration, evidence=counts, rates=rates, keep_data=keep)


def _number(variables: Mapping[str, Any], name: str, default: float) -> float:
    """Return what a variable says, a number above zero."""
    given = variables.get(name, default)
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < math.inf:
        raise UsageError(f"{name} wants writes a second, above 0, not {given!r}")
    return number


def _entries(variables: Mapping[str, Any]) -> int | None:
    """Return the entry budget that a variable sets, None without one."""
    given = variables.get("write_budget")
    if given is None or given == "":
        return None
    if not str(given).isdecimal() or int(given) < 1:
        raise UsageError(f"write_budget wants a number of entries, not {given!r}")
    return int(given)


def _count(value: Any) -> int:
    """Return a whole number, -1 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _seconds(value: Mapping[str, Any], key: str) -> float | None:
    seconds = value.get(key)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise SourceError(f"{key}: wants seconds", mark_of(seconds) or mark_of(value))
    return float(seconds)


def _leaves(value: Mapping[str, Any]) -> str:
    leaves = str(value.get("leaves", "running"))
    _known(leaves, _LEAVES, "way to leave a cluster", mark_of(value))
    return leaves


def _flag(value: Mapping[str, Any], key: str) -> bool:
    flag = value.get(key, False)
    if not isinstance(flag, bool):
        raise SourceError(f"{key}: wants true or false", mark_of(flag) or mark_of(value))
    return flag
