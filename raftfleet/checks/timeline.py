"""The timeline of each failover: every stamp from the signal to the victim's being back, on one clock.

Where nothing tells when something happened, its stamp is None: it did not, or nobody saw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.values import Interval

from .catching_up import ready_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .failovers import Failover
    from .window import Window

__all__ = ["GroupMoved", "Timeline", "timelines"]


@dataclass(frozen=True, slots=True)
class GroupMoved:
    """How one group went from its leader to the next.

    ``raised`` is when a survivor first showed a higher term, ``elected`` when one led in it, and
    ``agreed`` when a majority of the live voters named it.
    """

    group: str
    old_term: int
    new_term: int | None
    new_leader: str | None
    raised: Interval | None
    elected: Interval | None
    agreed: Interval | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened around one departure of a leader, all on our clock.

    ``gone`` is when its process was gone, or when contact with it ended. ``last_write`` is the
    last that was acknowledged before, ``first_writes`` the first one after, through each node;
    a write happened somewhere between its sending and its answer. ``started``, ``ready`` (it held
    all its ports) and ``caught_up`` are of the victim's next life; it has caught up when it is
    ready and has applied what every leader had by then.
    """

    victim: str
    cause: str
    signalled: Interval | None
    gone: Interval
    groups: tuple[GroupMoved, ...]
    last_write: Interval | None
    first_writes: Mapping[str, Interval | None]
    started: Interval | None
    ready: Interval | None
    caught_up: Interval | None

    @property
    def rejoin(self) -> Interval | None:
        """Seconds from the start of the victim's next life until it had caught up."""
        if self.started is None or self.caught_up is None:
            return None
        return self.caught_up.minus(self.started)


def timelines(window: Window) -> tuple[Timeline, ...]:
    """Return the timelines of a drill, one for each time that a leader departed."""
    found: dict[tuple[str, Interval], list[Failover]] = {}
    for failover in window.succession.failovers:
        found.setdefault((failover.victim, failover.counted_from), []).append(failover)
    return tuple(_timeline(window, *key, moves) for key, moves in found.items())


def _timeline(
    window: Window, victim: str, gone: Interval, failovers: Sequence[Failover]
) -> Timeline:
    lives = window.lives.get(victim, [])
    ended = next((life for life in lives if life.exited and life.exited.at == gone), None)
    following = lives[lives.index(ended) + 1 :] if ended else []
    back = following[0] if following else None
    last, firsts = _writes(window, gone)
    return Timeline(
        victim=victim,
        cause=failovers[0].cause,
        signalled=ended.asked.at if ended and ended.asked else None,
        gone=gone,
        groups=tuple(_moved(window, one) for one in failovers),
        last_write=last,
        first_writes=firsts,
        started=back.started.at if back and back.started else None,
        ready=ready_at(back) if back else None,
        caught_up=window.caught_up.get(back.index) if back else None,
    )


def _moved(window: Window, one: Failover) -> GroupMoved:
    raised = next(
        (
            Interval(view.since, view.t)
            for view in window.views
            if view.group == one.group
            and view.node != one.victim
            and view.t >= one.counted_from.lo
            and (view.status.term or 0) > one.old_term
        ),
        None,
    )
    return GroupMoved(
        one.group,
        one.old_term,
        one.new_term,
        one.new_leader,
        raised,
        _after(one.counted_from, one.elected) if one.new_leader else None,
        _after(one.counted_from, one.agreed) if one.new_leader else None,
    )


def _after(start: Interval, passed: Interval | None) -> Interval | None:
    """Return the moment that lies so long after another; the reverse of `Interval.minus`."""
    return None if passed is None else Interval(passed.lo + start.hi, passed.hi + start.lo)


def _writes(window: Window, gone: Interval) -> tuple[Interval | None, dict[str, Interval | None]]:
    """Return the last acknowledged write before and the first after, through each node.

    Only what was sent when the leader was gone was certainly taken by the next.
    """
    writes = window.of(ev.WriteEnded)
    firsts: dict[str, Interval | None] = dict.fromkeys(sorted({write.via for write in writes}))
    last = None
    for write in sorted(writes, key=lambda write: write.t):
        if write.outcome != "ok":
            continue
        if write.sent < gone.hi:
            last = Interval(write.sent, write.t)
        elif firsts[write.via] is None:
            firsts[write.via] = Interval(write.sent, write.t)
    return last, firsts
