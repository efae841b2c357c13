"""Compares what leaders say of their quorum, and how far logs reach and are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .raft import is_race
from .rows import Row, equal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Event
    from .side import Side

__all__ = ["compare_views"]

SETTLING = 2.5
"""Seconds after a heal in which chance decides what a look at the nodes shows."""


def compare_views(recorded: Side, simulated: Side) -> Iterator[Row]:
    """At the same instants, what leaders say of their quorum, and the logs right after the boot."""
    pairs = zip(recorded.recording.of("view"), simulated.recording.of("view"), strict=True)
    for number, (there, here) in enumerate(pairs):
        item = f"view/{number:02} {there['what']}"
        phase = next(one for one in recorded.phases if one.holds(there["t"] - 1e-6))
        heals = phase.deeds[-1]["kind"] in ("nft-flush", "sigcont")
        if is_race(recorded, phase) or (heals and there["t"] - phase.begin < SETTLING):
            continue  # chance decides what is seen
        if there["what"] == "booted":
            yield equal(f"{item}, logs", *(_logs(one["views"]) for one in (there, here)))
        yield equal(item, *(_quorum(one["views"]) for one in (there, here)))
    if _waits(recorded) or _waits(simulated):
        yield equal("view/entries wait for a quorum", _waits(recorded), _waits(simulated))
    for there, here in zip(
        recorded.recording.of("log-window"), simulated.recording.of("log-window"), strict=True
    ):
        yield equal(
            f"log window n{there['node']} at {there['t']:.0f} s", *map(_window, (there, here))
        )


def _logs(views: dict[str, Any]) -> dict[str, int]:
    return {group: fields[4] for group, fields in sorted(views["1"].items())}


def _quorum(views: dict[str, Any]) -> str:
    """Return how long ago leaders heard from a quorum, as they tell."""
    words = {
        "quorum recent" if (fields[5] or 0) < 2500 else "quorum stale" for fields in _leaders(views)
    }
    return "; ".join(sorted(words)) or "no leader"


def _leaders(views: dict[str, Any]) -> list[Any]:
    return [
        fields
        for view in views.values()
        for fields in (view.values() if isinstance(view, dict) else ())
        if fields[0] == "Leader"
    ]


def _waits(side: Side) -> bool:
    """Whether entries were ever seen to wait for a quorum that was not there, before any heal."""
    heals = [event["t"] for event in side.recording.of("nft-flush", "sigcont")]
    return any(
        event["t"] < min(heals, default=side.recording.end)
        and (fields[5] or 0) >= 2500
        and fields[4] > (fields[3] or 0) + 2
        for event in side.recording.of("view")
        for fields in _leaders(event["views"])
    )


def _window(event: Event) -> str:
    """Whether a log was cut, in the broker's way: snapshots at hundreds, purged a thousand below."""
    snapshot, purged = (event[key] and event[key]["index"] for key in ("snapshot", "purged"))
    if snapshot is None:
        return "no snapshot"
    recent = "recent" if event["last"] - snapshot <= 120 else "old"
    return f"{recent} snapshot, " + (
        "nothing purged" if purged is None
        else "purged to the snapshot" if purged == snapshot
        else "purged 1000 below" if snapshot - purged == 1000 else f"purged {snapshot - purged} below"
    )  # fmt: skip
