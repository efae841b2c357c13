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
    for name, reason in unread(window, read).items():
        text = f"the store of {name} was not compared at rest: {reason}"
        yield Finding(_NAME, Severity.GAP, text, name)
    if not any(len(one.settled) > 1 for one in read):
        text = "no two nodes' stores could be compared at rest"
        yield Finding(_NAME, Severity.GAP, text)


def _round(one: Round) -> Iterator[Finding]:
    contents = {name: _content(read, one) for name, read in one.settled.items()}
    kinds = Counter(contents.values())
    if len(kinds) < 2:
        return
    most = max(kinds, key=lambda kind: (kinds[kind], _size(one, contents, kind)))
    tied = sum(n == kinds[most] for n in kinds.values()) > 1
    rest = " and ".join(name for name, kind in sorted(contents.items()) if kind == most)
    same_size = len({_size(one, contents, kind) for kind in kinds}) == 1
    for name, kind in sorted(contents.items()):
        if kind == most:
            continue
        text = f"the own store of {name} {_said(one, name)}, that of {rest} {_said(one, rest)}"
        blamed = None if tied and same_size else name
        yield Finding(_NAME, Severity.VIOLATION, text, blamed, t=one.ended)


def _content(read: StoreRead, one: Round) -> tuple[object, ...]:
    """Return what can be compared of a store: only what is known of all of them."""
    others = one.settled.values()
    return (
        read.digest if all(other.digest for other in others) else "",
        read.count if all(other.count is not None for other in others) else None,
        tuple(sorted(read.values.items(), key=str))
        if len({frozenset(other.values) for other in others}) == 1
        else (),
    )


def _size(one: Round, contents: dict[str, tuple[object, ...]], kind: tuple[object, ...]) -> int:
    sizes = (one.stores[name].count or 0 for name, own in contents.items() if own == kind)
    return max(sizes)


def _said(one: Round, names: str) -> str:
    read = one.stores[names.split(" and ", maxsplit=1)[0]]
    count = "other values" if read.count is None else f"{read.count} keys"
    return f"holds {count}" + (f" (digest {read.digest[:12]})" if read.digest else "")


STORES_EQUAL = Check(_NAME, _judge)
