"""`leader-moves`: a group moves when its leader was stopped, at a higher term, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failovers import Failover, Move, Outcome
from .finding import Check, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import Window

__all__ = ["LEADER_MOVES", "not_exercised"]

_NAME = "leader-moves"


def _judge(window: Window) -> Iterator[Finding]:
    found = window.succession
    if not found.departed:
        yield Finding(_NAME, Severity.GAP, "no node was stopped, paused or cut off")
    for node, group in found.unknown:
        text = f"{group}: nothing says whether {node} led it when it was stopped"
        yield Finding(_NAME, Severity.GAP, text, node, group)
    for failover in found.failovers:
        yield from _failover(window, failover)
    for move in found.moves:
        if not move.returned:
            yield _move(move)


def _failover(window: Window, failover: Failover) -> Iterator[Finding]:
    if failover.outcome in {Outcome.NOT_EXERCISED, Outcome.NO_QUORUM}:
        yield not_exercised(_NAME, failover)
    if failover.outcome is Outcome.CENSORED:
        waited = failover.elected.lo if failover.elected else 0.0
        short = failover.predicted is not None and waited < failover.predicted.hi
        severity = Severity.GAP if window.cut or short else Severity.VIOLATION
        text = (
            f"{failover.group}: nobody took it over from {failover.victim} "
            f"(term {failover.old_term}) within {waited:.2f} s of its {failover.counts_from}"
        )
        yield Finding(_NAME, severity, text, failover.victim, failover.group)


def not_exercised(check: str, failover: Failover) -> Finding:
    """Say that a failover did not take place, and why."""
    if failover.outcome is Outcome.NO_QUORUM:
        why = "too few voters were left to elect anybody"
    else:
        why = f"{failover.victim} was back before anybody else led (term {failover.old_term})"
    text = f"{failover.group}: failover not exercised: {why}"
    t = failover.counted_from.hi
    return Finding(check, Severity.GAP, text, failover.victim, failover.group, t)


def _move(move: Move) -> Finding:
    """Say that a group moved for no reason; one that a node caused is `leader-undisturbed`."""
    text = (
        f"{move.group} moved from {move.old} (term {move.old_term}) to {move.new} "
        f"(term {move.new_term}), though {move.old} had not been stopped"
    )
    return Finding(_NAME, Severity.VIOLATION, text, move.old, move.group, move.t)


LEADER_MOVES = Check(_NAME, _judge)
