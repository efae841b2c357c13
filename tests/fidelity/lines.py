"""Compares the logs: which lines are written in which situation, and roughly how many.

Compared are all warnings and errors, and those information lines that a tool reads a node's life
by (robustmq.md 4.5 to 4.8 and 5). How much else is narrated is one row of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from .raft import is_race
from .rows import Outcome, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .phases import Phase
    from .recording import Line
    from .side import Side

__all__ = ["compare_lines", "template"]

FEW = 8
"""A template seen less often in a phase may fall to its neighbour by chance."""
RARE = 3
"""Trouble told less often in a whole scenario is there by chance (6.3: "1-3", "0-1"); an error that
the broker never writes is not."""
MAGNITUDE = 5.0
"""By what factor the count of a template may differ."""

TOLD = (
    "has persisted state, recovering existing cluster", "Joining cluster via peer",
    "Successfully joined cluster via peer", "No reachable peers, bootstrapping single-node cluster",
    "Single-node cluster bootstrapped", "Multi-Raft initialized", "Multi-Raft started",
    "Broker Grpc Server start success", "Admin HTTP Server started successfully",
    "Meta Service cluster is ready", "has been successfully registered",
    "Storage Engine startup check completed", "Tcp Server started successfully", "get_initial_state",
    "election timeout passed, check if it is a voter", "do trigger election", "a quorum granted my vote",
    "become leader", "quit leader", "Leader transition has occurred", "Starting to recover snapshot",
    "Successfully recovered", "begin_receiving_snapshot", "install_full_snapshot",
    "Shutdown requested, graceful shutdown", "Termination signal received", "Meta service shutdown",
    "RaftCore exited", "did not finish in 20s", "Waiting for Meta Service cluster",
)  # fmt: skip
SPANS = re.compile(r"^.*?\b(?=openraft::|meta_service::)")
REPLACED = (
    (re.compile(r"\d+\.\d+\.\d+\.\d+(:\d+)?"), "@"),
    (re.compile(r"T\d+-N\d+[:.\w-]*"), "V"),
    (re.compile(r"(MQTT|NATS|KAFKA|AMQP|StorageEngine)\w* (?=Tcp)"), ""),
    (re.compile(r" - @ - .*"), " from @"),
    (re.compile(r"[\w$]*\d[\w$]*(-[\w$]*\d[\w$]*)*"), "#"),
)


def template(line: Line) -> str:
    """Return a line as its level, its target and the beginning of its text without values."""
    text = line.text
    for pattern, sign in REPLACED:
        text = pattern.sub(sign, text)
    return f"{line.level} {line.target} {text[:58].strip()}"


def is_compared(line: Line) -> bool:
    """Whether a line is one whose absence a tool would notice."""
    return line.level in ("WARN", "ERROR") or any(sign in line.text for sign in TOLD)


def compare_lines(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Per phase: the templates on the victim and on the others, in order of magnitude."""
    for place, (there, here) in enumerate(zip(recorded.phases, simulated.phases, strict=True)):
        if is_race(recorded, there) or not _kept(recorded, there):
            continue
        for who in ("victim", "other"):
            lasting = _lasting(recorded, place, who) & _lasting(simulated, place, who)
            theirs, ours = _counted(recorded, there, who), _counted(simulated, here, who)
            seconds = (there.end - there.begin) / max(here.end - here.begin, 0.1)
            for name in sorted({*theirs, *ours} - lasting):
                if max(theirs[name], ours[name]) >= FEW:
                    yield _row(f"log/{there.name}/{who}: {name}", theirs[name], ours[name], seconds)
    yield from _seen_at_all(recorded, simulated)
    yield _narration(recorded, simulated)


def _seen_at_all(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Over the whole scenario: every template is there on both sides, or on none."""
    totals: list[Counter[str]] = [Counter(), Counter()]
    for there, here in zip(recorded.phases, simulated.phases, strict=True):
        if not is_race(recorded, there) and _kept(recorded, there):
            for total, side, phase in ((totals[0], recorded, there), (totals[1], simulated, here)):
                total.update(_counted(side, phase, "victim"))
                total.update(_counted(side, phase, "other"))
    for name in sorted({*totals[0], *totals[1]}):
        theirs, ours = totals[0][name], totals[1][name]
        trouble = name.startswith("WARN") or (name.startswith("ERROR") and not ours)
        by_chance = trouble and max(theirs, ours) < RARE
        outcome = Outcome.AGREES if by_chance or bool(theirs) == bool(ours) else Outcome.DIFFERS
        yield Row(f"log/written: {name}", outcome, f"{theirs} x", f"{ours} x")


def _lasting(side: Side, place: int, who: str) -> set[str]:
    """Return what was written before a start already, and goes on until the node is up."""
    if place == 0 or side.phases[place].deeds[-1]["kind"] != "start":
        return set()
    return set(_counted(side, side.phases[place - 1], who))


def _kept(side: Side, phase: Phase) -> bool:
    """Whether the logs of a phase are there: a new cluster begins with new ones."""
    first = min((lines[0].t for lines in side.recording.logs.values() if lines), default=0.0)
    return phase.end > first


def _counted(side: Side, phase: Phase, who: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for node, lines in side.recording.logs.items():
        if (node == phase.victim) == (who == "victim"):
            found.update(
                template(line) for line in lines if phase.holds(line.t) and is_compared(line)
            )
    return found


def _row(item: str, there: int, here: int, stretch: float) -> Row:
    low, high = sorted((max(there, 1), max(here * stretch, 1)))
    outcome = Outcome.AGREES if high <= MAGNITUDE * low else Outcome.DIFFERS
    return Row(item, outcome, f"{there} x", f"{here} x")


def _narration(recorded: Side, simulated: Side) -> Row:
    kinds = [
        {template(line) for lines in side.recording.logs.values() for line in lines
         if not is_compared(line)}
        for side in (recorded, simulated)
    ]  # fmt: skip
    outcome = Outcome.AGREES if kinds[0] <= kinds[1] else Outcome.DIFFERS
    return Row("log/other information lines", outcome, f"{len(kinds[0])} kinds",
               f"{len(kinds[0] & kinds[1])} of them")  # fmt: skip
