"""The outcome of a comparison: rows, each of which agrees, differs, or had nothing to compare."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Outcome", "Range", "Row", "equal", "same_members", "within"]


class Outcome(enum.Enum):
    """What came of comparing one thing."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NO_EVIDENCE = "no evidence"


class Row(NamedTuple):
    """One thing that was compared; ``item`` names it and stays the same from run to run."""

    item: str
    outcome: Outcome
    recorded: str
    simulated: str


class Range(NamedTuple):
    """What a time may be, in seconds, and why: the source of both ends."""

    low: float
    high: float
    source: str

    def holds(self, seconds: float) -> bool:
        """Whether a time is inside."""
        return self.low <= seconds <= self.high


def equal(item: str, recorded: object, simulated: object) -> Row:
    """Both must be the same."""
    outcome = Outcome.AGREES if recorded == simulated else Outcome.DIFFERS
    return Row(item, outcome, str(recorded), str(simulated))


def within(
    item: str, span: Range, recorded: Collection[float], simulated: Collection[float]
) -> Row:
    """Both must lie inside a range; where the recording does not, the range is wrong."""

    def said(times: Collection[float]) -> str:
        return ", ".join(f"{time:.2f}" for time in sorted(times)) + " s" if times else "nothing"

    text = f"in {span.low:g}..{span.high:g} s, {span.source}"
    if not recorded or not simulated:
        return Row(item, Outcome.NO_EVIDENCE, f"{said(recorded)} ({text})", said(simulated))
    fits = all(span.holds(time) for time in (*recorded, *simulated))
    outcome = Outcome.AGREES if fits else Outcome.DIFFERS
    return Row(item, outcome, f"{said(recorded)} ({text})", said(simulated))


def same_members(item: str, recorded: Collection[str], simulated: Collection[str]) -> Row:
    """Both must hold the same things; a difference names only what one side has."""
    outcome = Outcome.AGREES if set(recorded) == set(simulated) else Outcome.DIFFERS
    if outcome is Outcome.AGREES:
        return Row(item, outcome, f"{len(set(recorded))} kinds", f"{len(set(simulated))} kinds")
    only = [sorted(set(one) - set(other)) for one, other in
            ((recorded, simulated), (simulated, recorded))]  # fmt: skip
    return Row(
        item, outcome, "only here: " + "; ".join(only[0]), "only here: " + "; ".join(only[1])
    )
