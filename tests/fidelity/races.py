"""Compares what becomes of fresh nodes that are started at one moment.

The outcome is chance; what it follows from is not (robustmq.md 4.5): a node joins the first peer of
its list that has opened its port, or bootstraps when none has. Who joins, in the end, a node that
bootstrapped, is in the cluster; who joins one that itself joins nobody exits with 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .recording import NODES
from .rows import Outcome, Row, equal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Event
    from .side import Side

__all__ = ["compare_races"]

READY = "Meta Service cluster is ready"
JOINS = re.compile(r"Joining cluster via peer (\d)")
BOOTSTRAPS = "No reachable peers, bootstrapping"
LATE_TOPIC = "Failed to initialize inner topics: Timeout waiting for topic"
MANY = 8
"""Rounds in which each of two outcomes, both as likely, comes up but once in a hundred tries."""
REASONS = {LATE_TOPIC, "Meta service failed to start: Failed to join cluster via peer"}
"""Why the broker's nodes died in any of 11 rounds (4.5)."""


def compare_races(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Per round: that its outcome follows from who joined whom; over all: the shares and reasons."""
    kinds = ("n1-first-then-2-at-once", "isolated-start")
    for theirs, ours in zip(*(side.recording.of(*kinds) for side in (recorded, simulated)),
                            strict=True):  # fmt: skip
        yield equal(f"race/{theirs['kind']}", _fate(theirs), _fate(ours))
    there, here = (side.recording.of("simultaneous") for side in (recorded, simulated))
    for theirs, ours in zip(there, here, strict=True):
        item = f"race/simultaneous {theirs['round']}"
        shown = [f"{_fate(one)}{_oddity(one)}" for one in (theirs, ours)]
        outcome = Outcome.DIFFERS if _oddity(theirs) or _oddity(ours) else Outcome.AGREES
        yield Row(item, outcome, *shown)
        if alone := _alone(ours):
            ends = "lives on" if ours["alive"][str(alone)] else "exits with 1"
            yield equal(f"{item}, one alone", "exits with 1", ends)
    if len(there) >= MANY:
        lost = [sum(not any(_entered(one).values()) for one in side) for side in (there, here)]
        outcome = Outcome.AGREES if 0 < lost[1] < len(here) else Outcome.DIFFERS
        shown = [f"no cluster in {count} of {len(there)} rounds" for count in lost]
        yield Row("race/shares", outcome, *shown)
    reasons = [set().union(*map(_reasons, side.recording.of("simultaneous", *kinds)))
               for side in (recorded, simulated)]  # fmt: skip
    if reasons[0]:
        new = reasons[1] - reasons[0] - REASONS
        outcome = Outcome.DIFFERS if new else Outcome.AGREES if reasons[1] else Outcome.NO_EVIDENCE
        yield Row("race/reasons", outcome, *("; ".join(sorted(side)) for side in reasons))


def _entered(event: Event) -> dict[int, bool]:
    """Return whether each node has bootstrapped, or has joined one that is in a cluster itself."""
    text = {node: "\n".join(event["lines"].get(str(node), ())) for node in NODES}
    peers = {node: int(found[1]) for node in NODES if (found := JOINS.search(text[node]))}

    def enters(node: int, seen: tuple[int, ...] = ()) -> bool:
        if node in seen or node not in peers:
            return BOOTSTRAPS in text[node]
        return enters(peers[node], (*seen, node))

    return {node: enters(node) for node in NODES}


def _alone(event: Event) -> int | None:
    """Return the node that bootstrapped while the two others joined each other.

    The broker's exited with 1 as well, in the one round that went so (isolated-start, round 2).
    """
    inside = [node for node, entered in _entered(event).items() if entered]
    return inside[0] if len(inside) == 1 else None


def _oddity(event: Event) -> str:
    """Return what does not follow from who joined whom; nothing when all does.

    Also a node that joined nobody can say "ready" as soon as there is any cluster, for it asks all.
    """
    inside = _entered(event)
    for node, entered in inside.items():
        alive, ready = event["alive"][str(node)], _ready(event)[str(node)]
        late = any(LATE_TOPIC in line for line in event["lines"].get(str(node), ()))
        if not entered and (alive or (ready and not any(inside.values()))):
            return (
                f"; n{node}, which joined nobody in a cluster, is {'alive' if alive else 'ready'}"
            )
        if entered and not (ready and (alive or late or _alone(event) == node)):
            return f"; n{node}, which is in the cluster, is {'dead' if ready else 'not ready'}"
    return ""


def _ready(event: Event) -> dict[str, bool]:
    return event.get("ready_line") or {
        node: any(READY in line for line in lines) for node, lines in event["lines"].items()
    }


def _fate(event: Event) -> str:
    alive = sum(event["alive"].values())
    if alive == len(NODES):
        return "3 alive"
    count = sum(_ready(event).values())
    words = "all" if count == len(NODES) else "none" if not count else str(count)
    return f"{alive or 'none'} alive, ready: {words}"


def _reasons(event: Event) -> set[str]:
    return {
        re.sub(r" (@|\d|'|\[).*", "", line.partition(": ")[2])
        for lines in event["lines"].values()
        for line in lines
        if line.startswith("ERROR broker_server")
    }
