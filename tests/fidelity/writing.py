"""Compares what became of writes, and how long they took."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING

from .rows import Outcome, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .phases import Phase
    from .side import Side

__all__ = ["compare_writes", "refusal"]

RARE = 0.04
"""A share of the outcomes of a phase with several kinds, below which chance decides on a kind."""
FEW = 5
"""Answers of a class below which their median says nothing."""
FACTOR = 4.0
"""How many times longer or shorter the median of a class may be, from `FLOOR` seconds on."""
FLOOR = 0.2
UNDER_WAY = 1.0
"""Seconds before a deed in which a write that it spoils may have been sent."""
BROKE = "connection refused or broken"
BROKEN = ("ConnectionRefused", "ConnectionReset", "RemoteDisconnected", "BrokenPipe")


def refusal(error: str | None) -> str:
    """Return the class of what a write came to: its text without names, numbers and addresses."""
    if error is None:
        return "acknowledged"
    if error.startswith(BROKEN):
        return BROKE
    if error.startswith(("TimeoutError", "timeout")):
        return "no answer in time"
    text = re.sub(r"\d+\.\d+\.\d+\.\d+(:\d+)?", "@", error)
    text = re.sub(r"Tenant \S+ ", "Tenant X ", text)
    return re.sub(r"\d+", "#", text)[:150]


def compare_writes(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Per phase and way in: the classes of outcomes, and how long each takes."""
    for place, (there, here) in enumerate(zip(recorded.phases, simulated.phases, strict=True)):
        for via in ("victim", "other"):
            theirs, ours = _outcomes(recorded, there, via), _outcomes(simulated, here, via)
            if max(sum(map(len, found.values())) for found in (theirs, ours)) < 3:
                continue
            item = f"writes/{there.name} via {via}"
            mixed = len(theirs) > 1
            frequent = [{name for name, times in found.items() if not mixed or _frequent(found, times)}
                        for found in (theirs, ours)]  # fmt: skip
            lasting = [_before(side, place, via) for side in (recorded, simulated)]
            only = [frequent[0] - set(ours) - lasting[1], frequent[1] - set(theirs) - lasting[0]]
            outcome = Outcome.DIFFERS if any(only) or not ours or not theirs else Outcome.AGREES
            yield Row(item, outcome, _shown(theirs), _shown(ours))
            for name in sorted(frequent[0] & frequent[1]):
                if min(len(theirs[name]), len(ours[name])) < FEW:
                    continue
                yield _pace(f"pace/{there.name} via {via}/{name[:40]}", theirs[name], ours[name])


def _before(side: Side, place: int, via: str) -> set[str]:
    """Return what failed in the phase before, which lasts on until the deed has its effect."""
    if place == 0 or side.phases[place].deeds[-1]["kind"] != "start":
        return set()
    return set(_outcomes(side, side.phases[place - 1], via)) - {"acknowledged"}


def _outcomes(side: Side, phase: Phase, via: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for write in side.recording.of("write"):
        if phase.holds(write["t1"]) and (write["node"] == phase.victim) == (via == "victim"):
            if not write["ok"] and phase.end - UNDER_WAY < write["t1"] and write["t2"] > phase.end:
                continue  # it was under way when the next deed met it
            if refusal(write.get("err")) == BROKE and phase.victim == write["node"]:
                continue  # its process had not yet come up, or had just gone
            took = write["t2"] - write["t1"]
            found.setdefault(refusal(write.get("err")), []).append(took)
    return found


def _frequent(found: dict[str, list[float]], times: list[float]) -> bool:
    return len(times) >= 3 and len(times) >= RARE * sum(map(len, found.values()))


def _shown(found: dict[str, list[float]]) -> str:
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return "; ".join(f"{len(times)} x {name[:90]}" for name, times in ordered) or "no write"


def _pace(item: str, theirs: list[float], ours: list[float]) -> Row:
    middle = [max(median(times), FLOOR) for times in (theirs, ours)]
    fits = 1 / FACTOR <= middle[1] / middle[0] <= FACTOR
    outcome = Outcome.AGREES if fits else Outcome.DIFFERS
    return Row(item, outcome, f"median {median(theirs):.3f} s", f"median {median(ours):.3f} s")
