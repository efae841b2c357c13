"""What nodes said of themselves in a recording, and how well they were watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import Mark, SourceError
from raftfleet.journal import events as ev
from raftfleet.journal.values import GroupStatus, Role

from .source import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Recording

__all__ = ["group_statuses", "statuses_of", "ticks_of"]

_ROLES = {
    "Leader": Role.LEADER,
    "Follower": Role.FOLLOWER,
    "Candidate": Role.CANDIDATE,
    "Learner": Role.LEARNER,
    "Shutdown": Role.STOPPED,
}


def statuses_of(one: Recording) -> Iterator[ev.Event]:
    """Yield every change of a node's own view, and every poll that was not answered."""
    for number, line in enumerate(one.statuses, 1):
        node, t = one.name(line["node"]), EPOCH + line["t2"]
        since = EPOCH + (line["t2"] if line.get("prev_t1") is None else line["prev_t1"])
        if isinstance(line["status"], dict):
            try:
                groups = group_statuses(one, line["status"])
            except (AttributeError, KeyError, TypeError) as error:
                mark = Mark(str(one.folder / "status.jsonl.gz"), number, 1)
                raise SourceError(f"this is no ClusterStatus: {error!r}", mark) from None
            yield ev.StatusSeen(t=t, node=node, since=since, groups=groups)
        else:
            yield ev.StatusMissed(t=t, node=node, since=since, reason=str(line["status"]))


def group_statuses(one: Recording, raw: dict[str, Any]) -> dict[str, GroupStatus]:
    """Return the raw content of a ClusterStatus as the journal holds it."""
    return {group: _status(one, metrics) for group, metrics in sorted(raw.items())}


def _status(one: Recording, raw: dict[str, Any]) -> GroupStatus:
    applied, leader = raw.get("last_applied"), raw.get("current_leader")
    membership = raw.get("membership_config", {}).get("membership", {})
    configs = membership.get("configs", [])
    voters = {str(voter) for config in configs for voter in config}
    ack = raw.get("millis_since_quorum_ack")
    return GroupStatus(
        term=raw.get("current_term"),
        role=_ROLES.get(raw.get("state", "")),
        leader=None if leader is None else one.name(leader),
        last_log=raw.get("last_log_index"),
        last_applied=None if applied is None else applied["index"],
        voters=tuple(tuple(sorted(one.name(voter) for voter in config)) for config in configs),
        learners=tuple(sorted(one.name(n) for n in set(membership.get("nodes", {})) - voters)),
        quorum_ack_age=None if ack is None else ack / 1000,
    )


def ticks_of(one: Recording) -> Iterator[ev.Event]:
    """Tell each second how the nodes were watched.

    A recording leaves out polls that changed nothing, but holds one line of a node that answers at
    least every two seconds: a node whose last line was an answer was being polled all the time.
    """
    period, lines = one.gap, one.statuses
    per_second = max(1, round(1 / period))
    answering: dict[str, bool] = {}
    second, place = one.begin, 0
    while second < one.end:
        flawless = {node.name: answering.get(node.name, False) for node in one.nodes}
        while place < len(lines) and lines[place]["t2"] <= second + 1:
            name = one.name(lines[place]["node"])
            answering[name] = isinstance(lines[place]["status"], dict)
            flawless[name] = flawless.get(name, True) and answering[name]
            place += 1
        second += 1
        misses = {
            name: 0 if good else per_second // (2 if answering.get(name) else 1)
            for name, good in flawless.items()
        }
        yield ev.CoverageSampled(
            t=EPOCH + min(second, one.end),
            polls=dict.fromkeys(flawless, per_second),
            misses=misses,
            gap={name: 2 * period if good else 0.0 for name, good in flawless.items()},
        )
