"""`stores-equal`: at rest, every node's own store holds the same.

What an API lists may come from a cache, and equal indices say nothing of what was applied: a
snapshot may be installed without its content. So the stores themselves are compared.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .finding import Check, Finding, Severity
from .reads import Round, rounds, unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.events import StoreRead

    from .window import Window

__all__ = ["STORES_EQUAL"]

_NAME = "stores-equal"


def _judge(window: Window) -> Iterator[Finding]:
    read = rounds(window)
    told: set[str | None] = set()
    for one in read:
        for finding in _round(one):
            if finding.node not in told:
                told.add(finding.node)
                yield finding
    for name, reason in unread(window, read, _excused).items():
        text = f"the store of {name} was not compared at rest: {reason}"
        yield Finding(_NAME, Severity.GAP, text, name)
    if not any(len(one.usable) > 1 for one in read):
        text = "no two nodes' stores could be compared at rest"
        yield Finding(_NAME, Severity.GAP, text)


def _excused(one: Round, name: str) -> bool:
    return name in one.unsettled and name in _odd(one)


def _round(one: Round) -> Iterator[Finding]:
    odd = _odd(one)
    rest = [name for name in sorted(one.usable) if name not in odd]
    sizes = {read.count for read in one.usable.values()}
    # Two halves of one size: somebody is wrong, and nothing says who.
    undecided = len(odd) >= len(rest) and len(sizes) == 1
    for name in odd:
        if name in one.unsettled:
            continue
        own, others = _said(one.stores[name]), _said(one.stores[rest[0]])
        text = f"the own store of {name} {own}, that of {' and '.join(rest)} {others}"
        blamed = None if undecided else name
        yield Finding(_NAME, Severity.VIOLATION, text, blamed, t=one.ended)


def _odd(one: Round) -> list[str]:
    """Return the nodes whose stores are not like most; of equally many, not like the larger."""
    contents = {name: _content(read, one) for name, read in sorted(one.usable.items())}
    kinds = Counter(contents.values())
    if len(kinds) < 2:
        return []
    sizes = {kind: one.stores[name].count or 0 for name, kind in contents.items()}
    settled = Counter(kind for name, kind in contents.items() if name not in one.unsettled)
    most = max(kinds, key=lambda kind: (settled[kind], kinds[kind], sizes[kind]))
    return [name for name, kind in contents.items() if kind != most]


def _content(read: StoreRead, one: Round) -> tuple[object, ...]:
    """Return what can be compared of a store: only what is known of all of them."""
    others = one.usable.values()
    same_keys = len({frozenset(other.values) for other in others}) == 1
    return (
        read.digest if all(other.digest for other in others) else "",
        read.count if all(other.count is not None for other in others) else None,
        tuple(sorted(read.values.items(), key=str)) if same_keys else (),
    )


def _said(read: StoreRead) -> str:
    count = "other values" if read.count is None else f"{read.count} keys"
    return f"holds {count}" + (f" (digest {read.digest[:12]})" if read.digest else "")


STORES_EQUAL = Check(_NAME, _judge)
