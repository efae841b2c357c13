"""`membership-agrees`: all live nodes see the same voters in every group.

While a change of membership is on its way nodes differ for a moment. So only a difference that
lasts counts, or one that is there when the drill ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal import events as ev

from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal.picture import Picture
    from raftfleet.journal.values import GroupStatus

    from .window import Window

__all__ = ["MEMBERSHIP_AGREES", "sets_text"]

_SETTLES = 5.0
"""Seconds that a change of membership may take to reach every live node."""


def _judge(window: Window) -> Iterator[Finding]:
    return _Watch(window).run()


class _Watch:
    """Follows since when the live nodes have differed in a group."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._differ: dict[str, tuple[float, str]] = {}
        self._told: set[str] = set()
        self._compared: set[str] = set()

    def run(self) -> Iterator[Finding]:
        self._look(self._window.before, self._window.before.groups)
        for event, _, after in self._window.walk():
            if isinstance(event, ev.StatusSeen):
                self._look(after, tuple(event.groups))
            elif isinstance(event, ev.NodeExited | ev.NodeReady | ev.NodeFound | ev.FaultUndone):
                self._look(after, after.groups)
            yield from self._lasting(event.t)
        for group, (since, text) in sorted(self._differ.items()):
            if group not in self._told:
                yield _wrong(group, f"{text}, when the drill ended", since)
        for group in self._window.after.groups or ("every group",):
            if group not in self._compared:
                text = f"{group}: the voters of no two live nodes could be compared"
                yield Finding("membership-agrees", Severity.GAP, text, group=group)

    def _look(self, picture: Picture, groups: tuple[str, ...]) -> None:
        for group in groups:
            views = {
                name: status.voters
                for name, status in picture.views(group).items()
                if _counts(picture, name, status)
            }
            if len(views) > 1:
                self._compared.add(group)
            if len(set(views.values())) > 1:
                text = "; ".join(f"{name} sees {sets_text(v)}" for name, v in views.items())
                since = self._differ.get(group, (picture.t, ""))[0]
                self._differ[group] = (since, text)
            else:
                self._differ.pop(group, None)

    def _lasting(self, now: float) -> Iterator[Finding]:
        for group, (since, text) in self._differ.items():
            if group not in self._told and now - since > _SETTLES:
                self._told.add(group)
                yield _wrong(group, f"{text}, for more than {_SETTLES:g} s", since)


def _counts(picture: Picture, name: str, status: GroupStatus) -> bool:
    """Whether a view can be compared.

    A starting node may not have read its state yet, and one that is paused or cut off cannot hear
    of a change. But a node that was started while it was cut off has to find its cluster first.
    """
    node = picture.node(name)
    since = picture.isolated.get(name)
    if status.voters is None or (since is not None and (node.started or 0.0) <= since):
        return False
    return bool(status.voters) or node.ready or node.started is None


def sets_text(voters: tuple[tuple[str, ...], ...] | None) -> str:
    """Return voter sets as people write them."""
    if not voters:
        return "no voters"
    return " and ".join("[" + " ".join(part) + "]" for part in voters)


def _wrong(group: str, text: str, t: float) -> Finding:
    return Finding("membership-agrees", Severity.VIOLATION, f"{group}: {text}", group=group, t=t)


MEMBERSHIP_AGREES = Check("membership-agrees", _judge)
