"""A node's log made small: its lines counted by rule and template, with when they came.

A leader writes over a thousand lines while a peer is down. What judging needs of them is who said
what, from when to when, and how often.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from raftfleet.journal.events import LogTally
from raftfleet.journal.log_rules import Spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from raftfleet.journal.log_rules import LogRule
    from raftfleet.journal.values import NodeIdentity

__all__ = ["Line", "tally", "template_of"]

_TOGETHER = 2.0
_QUIET = ("TRACE", "DEBUG", "INFO")
_EXAMPLES = 3
_LONGEST = 300
_TEMPLATE = 160
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_NUMBERED = re.compile(r"\b(?:[0-9a-f]{8,}|(?=[\w.:-]*\d)[\w.:-]+)\b")
_UNPLACED = -1.0


class Line(NamedTuple):
    """A record of a log; ``t`` is on our clock, None when its stamp could not be placed there."""

    t: float | None
    level: str
    target: str
    message: str


def template_of(message: str) -> str:
    """Return a message with everything masked that differs from line to line.

    Quoted texts, and words that hold a digit: numbers, addresses, ids.
    """
    return _NUMBERED.sub("#", _QUOTED.sub("'*'", message[: 4 * _TEMPLATE]))[:_TEMPLATE]


@dataclass(slots=True)
class _Count:
    times: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)


def tally(
    node: str,
    lines: Iterable[Line],
    rules: Sequence[LogRule],
    nodes: Sequence[NodeIdentity],
    *,
    t: float = 0.0,
) -> Iterator[LogTally]:
    """Yield what one node's lines come to; the order of the lines does not matter.

    ``nodes`` tell which node a line means by an id or an address.
    """
    sorter = _Sorter(rules, _names(nodes))
    counts: dict[tuple[str, ...], _Count] = {}
    for line in sorted(lines, key=lambda line: _UNPLACED if line.t is None else line.t):
        rule, peer = sorter.rule_of(line)
        key = (rule, line.level, line.target, template_of(line.message), peer)
        count = counts.setdefault(key, _Count())
        count.times.append(_UNPLACED if line.t is None else round(line.t, 4))
        if len(count.examples) < _EXAMPLES and (rule or line.level not in _QUIET):
            count.examples.append(line.message[:_LONGEST])
    for (rule, level, target, template, peer), count in sorted(counts.items()):
        yield LogTally(
            t=t,
            node=node,
            rule=rule,
            level=level,
            target=target,
            template=template,
            peer=peer,
            spells=tuple(_spells(count.times, apart=level not in _QUIET or bool(rule))),
            examples=tuple(count.examples),
        )


def _names(nodes: Sequence[NodeIdentity]) -> dict[str, str]:
    """Return nodes by id and by address, but for an address that several share."""
    shared = Counter(one.address for one in nodes)
    by_address = {one.address: one.name for one in nodes if shared[one.address] == 1}
    return by_address | {one.id: one.name for one in nodes}


class _Sorter:
    """Finds the rule of a line; what decides is kept by level and target."""

    def __init__(self, rules: Sequence[LogRule], names: dict[str, str]) -> None:
        self._rules = [(rule, re.compile(rule.message)) for rule in rules]
        self._names = names
        self._near: dict[tuple[str, str], list[tuple[LogRule, re.Pattern[str]]]] = {}

    def rule_of(self, line: Line) -> tuple[str, str]:
        """Return the name of the first rule that fits, and the node that the line names."""
        key = (line.level, line.target)
        near = self._near.get(key)
        if near is None:
            near = self._near[key] = [one for one in self._rules if _may_fit(one[0], *key)]
        for rule, expression in near:
            found = expression.search(line.message)
            if found:
                return rule.name, self._peer(found)
        return "", ""

    def _peer(self, found: re.Match[str]) -> str:
        named = found.groupdict().get("peer") or ""
        return self._names.get(named) or self._names.get(named.rpartition(":")[0], "")


def _may_fit(rule: LogRule, level: str, target: str) -> bool:
    return (not rule.levels or level in rule.levels) and target.startswith(rule.target)


def _spells(times: Sequence[float], *, apart: bool) -> Iterator[Spell]:
    first, last, count = times[0], times[0], 0
    for t in times:
        if count and ((apart and t - last > _TOGETHER) or (last < 0 <= t)):
            yield Spell(first, last, count)
            first, count = t, 0
        last = t
        count += 1
    yield Spell(first, last, count)
