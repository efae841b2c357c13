"""Compares the node lists: who drops out of whose list, and when he is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ranges import BACK_IN_LIST, GONE_FROM_LIST
from .rows import equal, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .phases import Phase
    from .rows import Row
    from .side import Side

__all__ = ["compare_lists"]

FIRST = 1
"""The node that every other asks first: cut off, it takes the time their heartbeats have, so that
which of them drops out of whose list is chance (4.9)."""


def compare_lists(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Per phase: the lists it ends with, and when the victim went and came."""
    if not recorded.recording.of("broker_node_list"):
        return
    for there, here in zip(recorded.phases, simulated.phases, strict=True):
        sides = ((recorded, there), (simulated, here))
        shown = [_ends_with(side, phase) for side, phase in sides]
        if (
            shown[0]
            and there.victim == FIRST
            and there.deeds[-1]["kind"] in ("nft", "nft-flush", "sigstop")
        ):
            whole = [
                "all whole" if all(w.startswith("3") for w in one) else "not whole" for one in shown
            ]
            yield equal(f"node lists/{there.name}, of the others", *whole)
        elif shown[0]:
            yield equal(f"node lists/{there.name}", *(", ".join(one) or "no list" for one in shown))
        for what, span in (("gone", GONE_FROM_LIST), ("back", BACK_IN_LIST)):
            times = [_changes(side, phase, what) for side, phase in sides]
            if times[0] and there.deeds[-1]["kind"] in ("signal", "start"):
                yield within(f"node lists/{there.name}, victim {what}", span, *times)


def _history(side: Side, node: int) -> list[tuple[float, object]]:
    return [(event["t"], event["list"]) for event in side.recording.of("broker_node_list")
            if event["node"] == node]  # fmt: skip


def _ends_with(side: Side, phase: Phase) -> list[str]:
    """Return, for every other node, the victim's place in the lists it ends the phase with."""
    words = []
    for node in (1, 2, 3):
        history = [seen for t, seen in _history(side, node) if t < phase.end]
        if node == phase.victim or not history:
            continue
        known = history[-1]
        if not isinstance(known, list):
            words.append("no answer")
        else:
            there = "with" if phase.victim in known else "without"
            words.append(f"{len(known)} nodes" + (f" {there} the victim" if phase.victim else ""))
    return sorted(set(words))


def _changes(side: Side, phase: Phase, what: str) -> list[float]:
    """Return when the victim left the others' lists, or came back, counted from the deed."""
    found = []
    for node in (1, 2, 3):
        if node == phase.victim:
            continue
        known: object = None
        for t, seen in _history(side, node):
            if phase.holds(t) and isinstance(known, list) and isinstance(seen, list):
                was, is_ = phase.victim in known, phase.victim in seen
                if (was, is_) == ((True, False) if what == "gone" else (False, True)):
                    found.append(t - side.cause(phase))
            known = seen
    return found
