"""`writes-survive`: what was acknowledged is in every node's own store, and stays there.

A write whose outcome is unknown may be there or not; it is followed up. But a value that was read
once and is gone later is lost, whatever was said of its write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Check, Finding, Severity
from .ledger import Ledger, ledger_of
from .reads import Round, rounds, unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal import events as ev

    from .window import Window

__all__ = ["WRITES_SURVIVE"]

_NAME = "writes-survive"
_SHOWN = 3


def _judge(window: Window) -> Iterator[Finding]:
    read, ledger = rounds(window), ledger_of(window)
    checked = 0
    told: set[tuple[str, str]] = set()
    excused: set[tuple[int, str]] = set()
    once: dict[str, int] = {}
    for one in read:
        for name, store in sorted(one.usable.items()):
            wrong = list(_wrong(name, store, ledger, once))
            if wrong and name in one.unsettled:
                excused.add((one.number, name))
                continue
            checked = max(checked, store.asked, ledger.acknowledged_among(store))
            for kind, text in wrong:
                if (name, kind) not in told:
                    told.add((name, kind))
                    yield Finding(_NAME, Severity.VIOLATION, text, name, t=one.ended)
        _remember(once, one, ledger)
    missing = unread(window, read, lambda one, name: (one.number, name) in excused)
    for name, reason in missing.items():
        text = f"the store of {name} was not read back at rest: {reason}"
        yield Finding(_NAME, Severity.GAP, text, name)
    if not checked:
        text = "no acknowledged write was looked for in any store"
        yield Finding(_NAME, Severity.GAP, text)
    yield from _followed_up(ledger, read)


def _wrong(
    name: str, store: ev.StoreRead, ledger: Ledger, once: dict[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield each kind of thing that is wrong with a store, and what to say of it."""
    if store.lacks.count:
        some = _some(store.lacks.examples, store.lacks.count)
        text = f"the own store of {name} lacks {store.lacks.count} of {store.asked} acknowledged writes: {some}"
        yield "lacks", text
    found: dict[str, list[str]] = {}
    for key, value in sorted(store.values.items()):
        kind = _fate(key, value, ledger, ledger.floor(key, store.sent), once)
        if kind:
            found.setdefault(kind, []).append(key)
    for kind, keys in found.items():
        yield kind, f"the own store of {name} {kind}: {_some(keys, len(keys))}"


def _fate(
    key: str, value: str | None, ledger: Ledger, floor: int | None, once: dict[str, int]
) -> str:
    place = ledger.place(key, value)
    if value is not None and place is None and ledger.knows(key):
        return "holds values that nobody wrote"
    have = -1 if place is None else place
    if floor is not None and have < floor:
        return "lacks acknowledged writes"
    if have < once.get(key, -1):
        return "lacks what had been read before"
    return ""


def _remember(once: dict[str, int], one: Round, ledger: Ledger) -> None:
    for store in one.stores.values():
        for key, value in store.values.items():
            place = ledger.place(key, value)
            if place is not None:
                once[key] = max(place, once.get(key, -1))


def _some(names: tuple[str, ...] | list[str], count: int) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = count - min(len(names), _SHOWN)
    return f"{shown} and {more} more" if shown and more else shown or f"{more} keys"


def _followed_up(ledger: Ledger, read: list[Round]) -> Iterator[Finding]:
    fates = ledger.follow_up(read)
    total = sum(fates.values())
    if total:
        parts = ", ".join(f"{count} {fate}" for fate, count in fates.items() if count)
        text = f"{total} writes had an unknown outcome, which is followed up: {parts}"
        yield Finding(_NAME, Severity.NOTE, text)


WRITES_SURVIVE = Check(_NAME, _judge)
