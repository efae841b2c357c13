"""Who led each group in turn, and why: finds the failovers of a drill.

What a departed or replaced leader says, and what its followers say of it until they elect, does
not count. A leader that hands over before it exits is taken over in no time at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from raftfleet.journal import events as ev
from raftfleet.journal.picture import Standing
from raftfleet.journal.values import Interval, Role, majority

from .departures import departures
from .failovers import Departed, Failover, Move, Outcome, Succession

if TYPE_CHECKING:
    from raftfleet.journal.picture import Picture
    from raftfleet.journal.values import GroupStatus, Timing

    from .departures import Departure
    from .window import Window

__all__ = ["succession"]


@dataclass(slots=True)
class _Open:
    """A failover that is not decided yet."""

    departure: Departure
    group: str
    term: int
    out_of_quorum: bool = False
    logs: dict[str, int | None] = field(default_factory=dict)

    @property
    def one_is_behind(self) -> bool:
        """Whether the survivors' logs differed in length: the shorter one has to wait longer."""
        return len(set(self.logs.values()) - {None}) > 1

    def note(self, node: str, status: GroupStatus | None) -> None:
        """Keep how long a survivor's log is, while it has not heard of the new leader's entries."""
        if status is not None and node != self.departure.node and status.term == self.term:
            self.logs[node] = status.last_log


def succession(window: Window) -> Succession:
    """Return what happened to leadership in a drill."""
    return _Tracker(window).run()


class _Tracker:
    """Follows every group's leadership through the drill."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._found = Succession()
        self._coming = list(departures(window))
        self._open: list[_Open] = []
        self._agreeing: list[int] = []
        self._leaders: dict[str, tuple[str, int]] = {}
        self._left: set[tuple[str, str]] = set()

    def run(self) -> Succession:
        self._look_back(self._window.before)
        for event, before, after in self._window.walk():
            while self._coming and self._coming[0].opens <= event.t:
                self._depart(self._coming.pop(0), before)
            if isinstance(event, ev.StatusSeen):
                self._seen(event, before)
                self._agree(event, after)
            elif isinstance(event, ev.NodeExited | ev.NodeFound | ev.FaultIntent):
                self._count_voters(after)
        for one in self._open:
            self._close(one, self._window.end)
        self._found.failovers.sort(key=lambda f: (f.counted_from.lo, f.t or 0.0, f.group))
        return self._found

    def _look_back(self, before: Picture) -> None:
        for group, claims in before.claims.items():
            term = max(claims)
            node = claims[term][-1]
            self._leaders[group] = (node, term)
            if before.standing(node) is not Standing.ALIVE:
                self._left.add((node, group))

    def _depart(self, departure: Departure, picture: Picture) -> None:
        node = departure.node
        departure.leads = _led_by(picture, node)
        for group in picture.groups:
            status = picture.status(node, group)
            if status is None or status.role is None:
                self._found.unknown.append((node, group))
        left = Departed(node, tuple(sorted(departure.leads)), departure.isolated)
        self._found.departed.append(left)
        for group, term in departure.leads.items():
            if any((one.departure.node, one.group) == (node, group) for one in self._open):
                continue  # it had been paused or cut off before it ended: contact ended then
            one = _Open(departure, group, term)
            for name in picture.nodes:
                one.note(name, picture.status(name, group))
            self._open.append(one)
            self._leaders[group] = (node, term)
            self._left.add((node, group))

    def _seen(self, event: ev.StatusSeen, before: Picture) -> None:
        for group, status in event.groups.items():
            for one in self._open:
                if one.group == group:
                    one.note(event.node, status)
            if status.role is Role.LEADER and status.term is not None:
                self._claim(event, group, status.term, before)

    def _claim(self, event: ev.StatusSeen, group: str, term: int, before: Picture) -> None:
        old, old_term = self._leaders.get(group, ("", -1))
        for one in [one for one in self._open if one.group == group]:
            if self._decided(one, event, term):
                self._open.remove(one)
        if term < old_term or (term == old_term and event.node != old):
            return
        untouched = (old, group) not in self._left and (
            before.node(old).process is not Standing.STOPPING
        )
        if term > old_term and old and untouched:
            self._moved(event, group, (old, old_term), term)
        if not self._is_departing(event, group):
            self._left.discard((event.node, group))
        self._leaders[group] = (event.node, term)

    def _is_departing(self, event: ev.StatusSeen, group: str) -> bool:
        """Whether the claim is one of the leader that is on its way out, not of its next life."""
        return any(one.group == group and one.departure.node == event.node for one in self._open)

    def _decided(self, one: _Open, event: ev.StatusSeen, term: int) -> bool:
        departure, gone = one.departure, one.departure.gone
        if event.node == departure.node:
            back = departure.is_back(event)
            if back and term >= one.term:
                self._found.failovers.append(self._record(one, Outcome.NOT_EXERCISED))
            return back and term >= one.term
        if term <= one.term:
            return False
        elected = Interval(event.since, event.t).minus(gone)
        timing = self._window.cluster.timing if self._window.cluster else None
        self._agreeing.append(len(self._found.failovers))
        self._found.failovers.append(
            replace(
                self._record(one, Outcome.ELECTED),
                elected=elected,
                agreed=Interval(elected.lo, float("inf")),
                new_leader=event.node,
                new_term=term,
                predicted=_predicted(timing, term - one.term, behind=one.one_is_behind),
                t=event.t,
            )
        )
        return True

    def _record(self, one: _Open, outcome: Outcome) -> Failover:
        departure = one.departure
        return Failover(
            victim=departure.node,
            group=one.group,
            cause=departure.cause,
            old_term=one.term,
            outcome=outcome,
            counted_from=departure.gone,
            counts_from="last contact" if departure.isolated else "exit",
        )

    def _moved(self, event: ev.StatusSeen, group: str, old: tuple[str, int], term: int) -> None:
        returned = [a for a in self._window.returns if a.hi <= event.t and a.node != old[0]]
        names = tuple(sorted({away.node for away in returned}))
        cause = f"{returned[-1].kind} of {returned[-1].node}" if returned else ""
        self._found.moves.append(
            Move(group, old[0], event.node, old[1], term, event.t, names, cause)
        )

    def _agree(self, event: ev.StatusSeen, after: Picture) -> None:
        for place in list(self._agreeing):
            failover = self._found.failovers[place]
            leader = after.leader(failover.group)
            if leader is None or leader.term < (failover.new_term or 0):
                continue
            if leader.node == failover.new_leader and leader.term == failover.new_term:
                agreed = Interval(event.since, event.t).minus(failover.counted_from)
                self._found.failovers[place] = replace(failover, agreed=agreed)
            self._agreeing.remove(place)

    def _count_voters(self, after: Picture) -> None:
        for one in self._open:
            one.out_of_quorum = one.out_of_quorum or not _can_elect(after, one)

    def _close(self, one: _Open, end: float) -> None:
        """Record a failover that nobody had completed when watching ended."""
        gone = one.departure.gone
        outcome = Outcome.NO_QUORUM if one.out_of_quorum else Outcome.CENSORED
        timing = self._window.cluster.timing if self._window.cluster else None
        self._found.failovers.append(
            replace(
                self._record(one, outcome),
                elected=Interval(max(0.0, end - gone.hi), float("inf")),
                predicted=_predicted(timing, 1, behind=False),
            )
        )


def _led_by(picture: Picture, node: str) -> dict[str, int]:
    """Return what a node led by its own last word, unless somebody leads in a higher term."""
    led = {}
    for group, sight in picture.node(node).groups.items():
        term, role = sight.status.term, sight.status.role
        highest = max(picture.claims.get(group, {}), default=-1)
        if role is Role.LEADER and term is not None and term >= highest:
            led[group] = term
    return led


def _predicted(timing: Timing | None, elections: int, *, behind: bool) -> Interval | None:
    if timing is None:
        return None
    return timing.predict(max(1, elections), survivors_behind=behind)


def _can_elect(picture: Picture, one: _Open) -> bool:
    """Whether the processes that are not known to be down are a majority of every voter set."""
    sets = _voter_sets(picture, one.group)
    up = {name for name, node in picture.nodes.items() if node.process is not Standing.DOWN}
    up -= {*picture.isolated, one.departure.node}
    return all(len(up & set(voters)) >= majority(len(voters)) for voters in sets if voters)


def _voter_sets(picture: Picture, group: str) -> tuple[tuple[str, ...], ...]:
    shown = [
        sight.status.voters
        for node in picture.nodes.values()
        if (sight := node.groups.get(group)) is not None and sight.status.voters
    ]
    return shown[0] if shown else (tuple(sorted(picture.nodes)),)
