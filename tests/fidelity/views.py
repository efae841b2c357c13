"""What the nodes of a recording saw of their groups, as a history of the whole cluster.

A node's view is reduced to a word, `L2` (leads in term 2), `F2>victim` (follows, whom), `C`
(stands for election, its terms rise), `-` (knows no leader), `x` (does not answer). Nodes go by
what was done to them, not by number: which of two equal survivors wins an election is chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .recording import NODES

if TYPE_CHECKING:
    from .phases import Phase
    from .recording import Poll, Recording

__all__ = [
    "GROUPS",
    "Leadership",
    "Seen",
    "at",
    "behind",
    "histories",
    "leaderships",
    "patterns",
    "voters_seen",
]

GROUPS = ("metadata_0", "offset_0", "data_0")
STABLE = 1.0
"""Seconds a picture of the cluster must last to count: what is shorter is seen by chance."""


SETTLED = 3.0
"""Seconds the first picture of a phase must last to count."""


class Seen(NamedTuple):
    """A node's view of one group from ``begin`` on; ``unsure`` seconds earlier at most."""

    begin: float
    unsure: float
    role: str
    term: int
    leader: int | None
    voters: str
    last: int
    applied: int


class Snapshot(NamedTuple):
    """The whole cluster in one group, for as long as nothing changed."""

    begin: float
    end: float
    word: str


SILENT = Seen(0.0, 0.0, "x", 0, None, "", -1, -1)


def histories(recording: Recording) -> dict[str, dict[int, list[Seen]]]:
    """Return, per group and node, the views in order; equal neighbours are kept."""
    found: dict[str, dict[int, list[Seen]]] = {g: {n: [] for n in NODES} for g in GROUPS}
    for poll in sorted(recording.polls, key=lambda poll: poll.t2):
        for group in GROUPS:
            found[group][poll.node].append(_seen(poll, group))
    return found


def _seen(poll: Poll, group: str) -> Seen:
    unsure = poll.t2 - poll.prev
    status: Any = poll.status.get(group) if isinstance(poll.status, dict) else None
    if status is None:
        return SILENT._replace(begin=poll.t2, unsure=unsure)
    configs = status["membership_config"]["membership"]["configs"]
    return Seen(
        poll.t2, unsure, status["state"], status["current_term"], status["current_leader"],
        "+".join("".join(map(str, sorted(config))) for config in configs),
        -1 if status["last_log_index"] is None else status["last_log_index"],
        (status["last_applied"] or {"index": -1})["index"],
    )  # fmt: skip


def at(history: list[Seen], t: float) -> Seen:
    """Return what a node saw at an instant; silence before its first view."""
    found = SILENT
    for seen in history:
        if seen.begin > t:
            break
        found = seen
    return found


def behind(views: dict[int, list[Seen]], node: int, t: float) -> bool:
    """Whether a node's log was shorter than the longest at an instant."""
    return at(views[node], t).last < max(at(views[other], t).last for other in NODES)


def patterns(views: dict[int, list[Seen]], phase: Phase, victim: int | None) -> list[str]:
    """Return the stable pictures of a group in a phase, in order."""
    shown = _snapshots(views, phase, victim)
    starts = any(deed["kind"] == "start" for deed in phase.deeds)
    while len(shown) > 1 and (
        shown[0].end - shown[0].begin < SETTLED
        or (starts and (shown[0].word.startswith("victim x") or shown[0].word == "x x x"))
    ):
        shown = shown[1:]  # what was before the deed, or a process that starts or ends
    words: list[str] = []
    for snapshot in shown:
        if snapshot.end - snapshot.begin >= STABLE and (not words or words[-1] != snapshot.word):
            words.append(snapshot.word)
    return words


def _snapshots(views: dict[int, list[Seen]], phase: Phase, victim: int | None) -> list[Snapshot]:
    changes = sorted({seen.begin for history in views.values() for seen in history
                      if phase.holds(seen.begin)})  # fmt: skip
    found: list[Snapshot] = []
    for begin, end in zip([phase.begin, *changes], [*changes, phase.end], strict=True):
        word = _word({node: at(views[node], begin) for node in NODES}, victim)
        if found and found[-1].word == word:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Snapshot(begin, end, word))
    return found


def _word(seen: dict[int, Seen], victim: int | None) -> str:
    """Return a picture as text: the victim first, the others in no particular order."""
    others = sorted(_token(seen[node], node, victim) for node in NODES if node != victim)
    first = [_token(seen[victim], victim, victim)] if victim else []
    return " ".join([*(f"victim {word}," for word in first), *others])


def _token(seen: Seen, node: int, victim: int | None) -> str:
    if seen.role == "x":
        return "x"
    if seen.role == "Leader":
        return f"L{seen.term}[{seen.voters}]"
    if seen.role == "Candidate" and node == victim:
        return "C"
    if seen.leader is None:
        return "-"
    whom = "victim" if seen.leader == victim else "other"
    return f"{seen.role[0]}{seen.term}>{whom}[{seen.voters}]"


class Leadership(NamedTuple):
    """A node began to lead: seen between ``early`` and ``late``."""

    early: float
    late: float
    node: int
    term: int


def leaderships(views: dict[int, list[Seen]]) -> list[Leadership]:
    """Return who began to lead a group, in order of time; a restarted leader counts once a term."""
    found: dict[tuple[int, int], Leadership] = {}
    for node, history in views.items():
        for seen in history:
            if seen.role == "Leader" and (node, seen.term) not in found:
                begin = Leadership(seen.begin - seen.unsure, seen.begin, node, seen.term)
                found[node, seen.term] = begin
    return sorted(found.values(), key=lambda one: (one.late, one.term))


def voters_seen(views: dict[int, list[Seen]], begin: float, end: float) -> list[str]:
    """Return the settled voter sets that leaders saw, in order."""
    found: list[str] = []
    rows = sorted((seen for history in views.values() for seen in history
                   if seen.role == "Leader" and begin <= seen.begin < end),
                  key=lambda seen: seen.begin)  # fmt: skip
    for seen in rows:
        if "+" not in seen.voters and (not found or found[-1] != seen.voters):
            found.append(seen.voters)
    return found
