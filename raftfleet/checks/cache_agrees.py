"""`cache-agrees` (warning): what a node's API lists is what its own store holds.

A list that comes from a cache may lack what the store has. That is no data loss, but whoever asks
that node is told less than the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Check, Finding, Severity
from .reads import rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.events import ListingRead

    from .window import Window

__all__ = ["CACHE_AGREES"]

_NAME = "cache-agrees"


def _judge(window: Window) -> Iterator[Finding]:
    worst: dict[str, ListingRead] = {}
    compared = False
    for one in rounds(window):
        compared = compared or bool(one.listings and not one.restless)
        for name, listing in one.listings.items():
            if not one.restless and _differing(listing) >= _differing(worst.get(name)):
                worst[name] = listing
    for name, listing in sorted(worst.items()):
        if _differing(listing):
            yield Finding(_NAME, Severity.WARNING, _text(name, listing), name, t=listing.t)
    if not compared:
        text = "no node's list was compared with its own store at rest"
        yield Finding(_NAME, Severity.GAP, text)


def _differing(listing: ListingRead | None) -> int:
    return 0 if listing is None else listing.lacks.count + listing.extra.count


def _text(name: str, listing: ListingRead) -> str:
    parts = []
    if listing.lacks.count:
        some = ", ".join(listing.lacks.examples[:3])
        parts.append(f"lacks {listing.lacks.count} keys of its own store ({some})")
    if listing.extra.count:
        some = ", ".join(listing.extra.examples[:3])
        parts.append(f"shows {listing.extra.count} keys that its own store has not ({some})")
    return f"the list of {name} {' and '.join(parts)}"


CACHE_AGREES = Check(_NAME, _judge)
