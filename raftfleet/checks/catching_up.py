"""When a node that came back was ready, and when it had caught up with the leaders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.journal.agreement import behind, watermarks
from raftfleet.journal.fold import same_process
from raftfleet.journal.values import Interval

if TYPE_CHECKING:
    from raftfleet.journal.picture import Picture

    from .lives import Life
    from .window import Window

__all__ = ["catch_ups", "ready_at"]


def ready_at(life: Life) -> Interval | None:
    """Return when a life held all its ports: after the last look that found one closed."""
    if life.ready is None:
        return None
    since = life.ready.since
    return Interval(min(life.began if since is None else since, life.ready.t), life.ready.t)


@dataclass(slots=True)
class _Pending:
    """A life that is ready and has not caught up yet: what each group's leader had applied."""

    life: Life
    ready: Interval
    marks: dict[str, int] = field(default_factory=dict)

    def reached(self, picture: Picture, leaders: dict[str, int]) -> bool:
        """Whether it has applied what every group's leader had when it was first asked."""
        for group, mark in leaders.items():
            self.marks.setdefault(group, mark)
        complete = set(picture.groups) == set(self.marks)
        return complete and not behind(picture, self.marks, [self.life.node])


def catch_ups(window: Window) -> dict[int, Interval]:
    """Return when each life was ready and had applied what every leader had by then, by its index."""
    pending = [
        _Pending(life, ready)
        for lives in window.lives.values()
        for life in lives
        for ready in [ready_at(life)]
        if ready is not None and ready.hi <= window.end
    ]
    found: dict[int, Interval] = {}
    for event, _, after in window.walk() if pending else ():
        asked = [one for one in pending if event.t >= one.ready.hi and _runs(one.life, after)]
        leaders = watermarks(after) if asked else {}
        for one in asked:
            if one.reached(after, leaders):
                found[one.life.index] = _moment(window, one, event.t)
                pending.remove(one)
    return found


def _runs(life: Life, picture: Picture) -> bool:
    return same_process(picture.node(life.node).incarnation, life.incarnation)


def _moment(window: Window, one: _Pending, seen: float) -> Interval:
    reached = [_applied(window, one.life, group, mark) for group, mark in one.marks.items()]
    return Interval(min(max(one.ready.lo, *reached), seen), seen)


def _applied(window: Window, life: Life, group: str, mark: int) -> float:
    """Return when a life had, at the earliest, applied this index."""
    views = (
        view.since
        for view in window.views
        if (view.node, view.group) == (life.node, group)
        and view.t >= life.began
        and (view.status.last_applied or -1) >= mark
    )
    return next(views, life.began)
