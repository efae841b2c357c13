"""Compares what the nodes saw: who leads, in which term, with which voters, in which order, when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .phases import MANY
from .ranges import ASK_AGAIN, DEPOSED, FAILOVER, LEADERLESS, STEP_DOWN, TAKE_OVER
from .recording import NODES
from .rows import Outcome, Row, equal, within
from .views import GROUPS, at, behind, leaderships, patterns, voters_seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .phases import Phase
    from .side import Side

__all__ = ["compare_raft", "is_race"]

LOTTERY = (29.0, 41.75)
"""Back after so many seconds, a leader may find itself replaced, or not (4.3)."""
CUTS, HEALS = ("signal", "nft", "sigstop"), ("nft-flush", "sigcont")


def compare_raft(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Compare every phase and group."""
    for place, phase in enumerate(recorded.phases):
        if is_race(recorded, phase):
            continue  # judged by how it ended
        for group in GROUPS:
            if len(phase.deeds) <= MANY and _pattern(recorded, place, group):
                yield _pictures(recorded, simulated, place, group)
        yield from _times(recorded, simulated, place)
    if len(recorded.recording.of("setup", "round-begin")) == 1:
        for group in GROUPS:
            sets = [voters_seen(one.views[group], 0.0, one.recording.end)
                    for one in (recorded, simulated)]  # fmt: skip
            yield equal(f"voters/{group}", *sets)


def is_race(side: Side, phase: Phase) -> bool:
    """Whether several fresh nodes were started at once, so that chance decides what becomes."""
    return bool(side.in_phase(phase, "simultaneous"))


def _pictures(recorded: Side, simulated: Side, place: int, group: str) -> Row:
    """The order of who leads whom; groups that chance could have swapped stand in for each other."""
    phase = recorded.phases[place]
    mine = _pattern(simulated, place, group)
    likes = [other for other in GROUPS if _alike(recorded, simulated, place, other, group)]
    permitted = [_pattern(recorded, place, other) for other in dict.fromkeys([group, *likes])]
    shown = " | ".join(
        dict.fromkeys(map(_shown, permitted if mine not in permitted[:1] else permitted[:1]))
    )
    fits = mine in permitted or _ranked(mine) in map(_ranked, permitted)
    outcome = Outcome.AGREES if fits else Outcome.DIFFERS
    return Row(f"raft/{phase.name}/{group}", outcome, shown, _shown(mine))


def _pattern(side: Side, place: int, group: str) -> tuple[str, ...]:
    """Return a phase's pictures; after a heal without the one that it found, for it lasts by chance."""
    phase = side.phases[place]
    found = patterns(side.views[group], phase, phase.victim)
    if phase.deeds[-1]["kind"] in HEALS and len(found) > 1:
        before = patterns(side.views[group], side.phases[place - 1], phase.victim)
        found = found[1:] if before[-1:] == found[:1] else found
    return tuple(found)


def _shown(pattern: tuple[str, ...]) -> str:
    return " -> ".join(pattern) or "nothing settled"


def _ranked(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """Number the terms by rank once somebody has raised them by himself: how often is chance."""
    text = "\n".join(pattern)
    terms = sorted({int(term) for term in re.findall(r"[LF](\d+)", text)})
    if "C" not in text and max(terms, default=0) <= 2:
        return pattern
    ranks = {term: rank for rank, term in enumerate(terms)}
    return tuple(re.sub(r"([LF])(\d+)", lambda m: f"{m[1]}#{ranks[int(m[2])]}", text).split("\n"))


def _alike(recorded: Side, simulated: Side, place: int, there: str, here: str) -> bool:
    """Whether a group there was in the place of this one here, as far as Raft can tell."""
    theirs, ours = recorded.phases[place], simulated.phases[place]
    victim = theirs.victim
    if victim is None:
        return False
    states = [
        (side.leader(group, phase.begin) == victim, behind(side.views[group], victim, phase.begin))
        for side, phase, group in ((recorded, theirs, there), (simulated, ours, here))
    ]
    if theirs.deeds[-1]["kind"] in HEALS:
        return states[0] == states[1]
    away = {"start": simulated.down_before(place), "signal": ours.end - simulated.cause(ours)}
    low, high = LOTTERY
    return states[0] == states[1] and low <= away.get(theirs.deeds[-1]["kind"], 0.0) <= high


def _times(recorded: Side, simulated: Side, place: int) -> Iterator[Row]:
    """When leaders were elected, stepped down or were deposed after the deed."""
    kind = recorded.phases[place].deeds[-1]["kind"]
    name = recorded.phases[place].name
    sides = (recorded, simulated)
    if kind in CUTS:
        found = [_elected(side, place, by_victim=False) for side in sides]
        if any(found):
            yield within(f"elected/{name}", FAILOVER, *found)
        asked = [_first_candidacy(side, side.phases[place]) for side in sides]
        if any(asked):
            yield within(f"candidate/{name}", ASK_AGAIN, *asked)
    elif kind in HEALS:
        for what, span, find in (
            ("steps down", STEP_DOWN, _stepped_down),
            ("taken over", TAKE_OVER, lambda side, at_: _elected(side, at_, by_victim=True)),
            ("deposed", DEPOSED[kind], _deposed),
            ("leaderless", LEADERLESS, _leaderless),
        ):
            found = [find(side, place) for side in sides]
            if any(found):
                yield within(f"{what}/{name}", span, *found)


def _elected(side: Side, place: int, *, by_victim: bool) -> list[float]:
    phase = side.phases[place]
    cause, victim = side.cause(phase), phase.victim
    return [
        one.late - cause
        for group in GROUPS
        for one in leaderships(side.views[group])
        if phase.holds(one.late) and one.late > cause and (one.node == victim) == by_victim
        and one.term > 1 and side.leader(group, phase.begin) is not None
        and (by_victim or side.leader(group, phase.begin) == victim)
    ]  # fmt: skip


def _first_candidacy(side: Side, phase: Phase) -> list[float]:
    found = []
    for group in GROUPS:
        history = side.views[group][phase.victim] if phase.victim else []
        times = [
            seen.begin for seen in history if seen.role == "Candidate" and phase.holds(seen.begin)
        ]
        if times and phase.deeds[-1]["kind"] == "nft":
            found.append(times[0] - phase.begin)
    return found


def _stepped_down(side: Side, place: int) -> list[float]:
    """From the heal until the stale leader no longer says that it leads."""
    phase, found = side.phases[place], []
    for group in GROUPS:
        history = side.views[group][phase.victim] if phase.victim else []
        terms = [
            at(side.views[group][node], phase.begin).term for node in NODES if node != phase.victim
        ]
        led = [seen for seen in history if seen.role == "Leader" and seen.begin < phase.begin]
        if led and led[-1].term < max(terms):
            after = [s.begin for s in history
                     if s.begin > phase.begin and s.role not in ("Leader", "x")]  # fmt: skip
            found += [t - phase.begin for t in after[:1]]
    return found


def _gaps(side: Side, place: int) -> list[tuple[float, float]]:
    """Return when groups that somebody else led had no leader, from the heal on: begin and end."""
    phase, found = side.phases[place], []
    for group in GROUPS:
        views = side.views[group]
        if side.leader(group, phase.begin) in (phase.victim, None):
            continue
        times = sorted(
            s.begin for history in views.values() for s in history if phase.holds(s.begin)
        )
        without = [t for t in times if side.leader(group, t) is None]
        if without:
            with_again = [t for t in times if t > without[0] and side.leader(group, t) is not None]
            found += [(without[0] - phase.begin, t - phase.begin) for t in with_again[:1]]
    return [(begin, end) for begin, end in found if end - begin > 2.0]


def _deposed(side: Side, place: int) -> list[float]:
    return [begin for begin, _ in _gaps(side, place)]


def _leaderless(side: Side, place: int) -> list[float]:
    return [end - begin for begin, end in _gaps(side, place)]
