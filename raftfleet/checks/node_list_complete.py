"""`node-list-complete`: every live node stands in every live node's own node list.

The list is kept beside Raft's membership, by heartbeats, and lags behind it. So a node that is
missing is a warning, and a violation only when it stays so long after everything was back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from raftfleet.journal import events as ev
from raftfleet.journal.picture import Standing

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.picture import Picture

    from .away import Away
    from .window import Window

__all__ = ["NODE_LIST_COMPLETE"]

_NAME = "node-list-complete"
_STAYS = 45.0
"""Seconds after the last undo from which a missing node is a violation."""
_LAGS = 2.0
"""Seconds that a list may need to hear of a node that is back."""


class _Missing(NamedTuple):
    """A node was missing from another's list from ``since`` to ``until``."""

    listing: str
    missing: str
    since: float
    until: float

    @property
    def seconds(self) -> float:
        """For how long."""
        return self.until - self.since


def _judge(window: Window) -> Iterator[Finding]:
    watch = _Watch(window)
    worst: dict[tuple[str, str, Severity], _Missing] = {}
    for one in watch.run():
        key = (one.listing, one.missing, _severity(window, one))
        if key not in worst or worst[key].seconds < one.seconds:
            worst[key] = one
    for (listing, _, severity), one in sorted(worst.items()):
        yield Finding(_NAME, severity, _text(window, one), listing, t=one.since)
    for name, node in sorted(window.after.nodes.items()):
        if name not in watch.read and node.process is not Standing.DOWN:
            text = f"the node list of {name} was not read"
            yield Finding(_NAME, Severity.GAP, text, name)


def _severity(window: Window, one: _Missing) -> Severity:
    back = _back_before(window, one)
    late = one.until - (back.hi if back else one.since)
    return Severity.VIOLATION if late > _STAYS and one.seconds > _LAGS else Severity.WARNING


def _back_before(window: Window, one: _Missing) -> Away | None:
    """Return the absence that was the last to be over while the node was missing."""
    return next((away for away in reversed(window.returns) if away.hi <= one.until), None)


def _text(window: Window, one: _Missing) -> str:
    shown = "itself" if one.missing == one.listing else one.missing
    text = f"the node list of {one.listing} lacked {shown} for {one.seconds:.1f} s"
    back = _back_before(window, one)
    if back:
        late = one.until - back.hi
        text += f", until {late:.1f} s after the {back.kind} of {back.node} was over"
    return text


class _Watch:
    """Follows which live node is missing from which list, and since when."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._lists: dict[str, tuple[str, ...]] = {}
        self._since: dict[tuple[str, str], float] = {}
        self.read: set[str] = set()

    def run(self) -> list[_Missing]:
        found: list[_Missing] = []
        for event in self._window.journal.events[: self._window.span.start]:
            if isinstance(event, ev.PeersRead):
                self._lists[event.node] = event.peers
        self.read = set(self._lists)
        for event, _, after in self._window.walk():
            if isinstance(event, ev.PeersRead):
                self._lists[event.node] = event.peers
                self.read.add(event.node)
            elif isinstance(event, ev.ReadMissed) and event.what == "peers":
                self._lists.pop(event.node, None)
            elif isinstance(event, ev.StatusSeen | ev.WriteEnded):
                continue  # the tick of each second is often enough
            found += self._closed(self._pairs(after), event.t)
        found += self._closed(set(), self._window.end)
        return found

    def _pairs(self, picture: Picture) -> set[tuple[str, str]]:
        live = {
            name
            for name, node in picture.nodes.items()
            if node.process in {Standing.ALIVE, Standing.UNKNOWN} and node.groups
            if not self._window.away(name, picture.t - _LAGS)
            and not self._window.away(name, picture.t)
        }
        return {(a, b) for a in live & self._lists.keys() for b in live - set(self._lists[a])}

    def _closed(self, now: set[tuple[str, str]], t: float) -> list[_Missing]:
        """Return what ended, and take note of what began."""
        ended = [
            _Missing(*pair, since, t) for pair, since in self._since.items() if pair not in now
        ]
        for one in ended:
            del self._since[one.listing, one.missing]
        for pair in now:
            self._since.setdefault(pair, t)
        return ended


NODE_LIST_COMPLETE = Check(_NAME, _judge, unexpected=Severity.WARNING)
