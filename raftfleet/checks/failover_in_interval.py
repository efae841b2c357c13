"""`failover-in-interval`: each failover took as long as the system's own timing promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failovers import Failover, Outcome
from .finding import Check, Finding, Severity
from .leader_moves import not_exercised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .window import Window

__all__ = ["FAILOVER_IN_INTERVAL"]

_NAME = "failover-in-interval"


def _judge(window: Window) -> Iterator[Finding]:
    failovers = window.succession.failovers
    for failover in failovers:
        yield from _failover(failover)
    if not failovers:
        yield Finding(_NAME, Severity.NOTE, "no group lost its leader, so none had to fail over")


def _failover(failover: Failover) -> Iterator[Finding]:
    if failover.outcome in {Outcome.NOT_EXERCISED, Outcome.NO_QUORUM}:
        yield not_exercised(_NAME, failover)
        return
    if failover.predicted is None or failover.elected is None:
        text = f"{failover.group}: this system's timing is not known, so nothing is promised"
        yield Finding(_NAME, Severity.GAP, text, group=failover.group)
        return
    promised = f"{failover.predicted.lo:.2f}-{failover.predicted.hi:.2f} s"
    if failover.outcome is Outcome.CENSORED:
        yield _censored(failover, promised)
        return
    took = f"{failover.elected.lo:.2f}-{failover.elected.hi:.2f} s"
    if failover.place != "inside":
        text = (
            f"{failover.group}: {failover.new_leader} led {took} after the {failover.counts_from} of {failover.victim}, "
            f"{failover.place} the {promised} that the timing promises"
        )
        yield _finding(failover, Severity.VIOLATION, text)
    if failover.elections > 1:
        text = f"{failover.group}: it took {failover.elections} elections (split votes)"
        yield _finding(failover, Severity.NOTE, text)


def _censored(failover: Failover, promised: str) -> Finding:
    assert failover.elected is not None  # noqa: S101 - a censored failover has its lower end
    assert failover.predicted is not None  # noqa: S101 - the caller asks only for those
    waited = f"{failover.elected.lo:.2f} s"
    if failover.elected.lo > failover.predicted.hi:
        text = f"{failover.group}: nobody led within {waited}; the timing promises {promised}"
        return _finding(failover, Severity.VIOLATION, text)
    text = f"{failover.group}: watched for only {waited} of the {promised} that a failover may take"
    return _finding(failover, Severity.GAP, text)


def _finding(failover: Failover, severity: Severity, text: str) -> Finding:
    return Finding(_NAME, severity, text, failover.victim, failover.group, failover.t)


FAILOVER_IN_INTERVAL = Check(_NAME, _judge)
