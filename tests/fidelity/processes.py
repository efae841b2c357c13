"""Compares how processes start and end: in which way, how fast, with which signs in their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .raft import is_race
from .ranges import BOOTSTRAP, CUT_OFF, EXITS, JOIN, LISTENERS, RECOVER
from .rows import Outcome, Row, equal, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Event, Recording
    from .side import Side

__all__ = ["age_at", "compare_exits", "compare_starts", "races_the_handler", "starts_of"]

READY, LAST_LISTENER = "Meta Service cluster is ready", "NATS Tcp"
BRANCHES = {
    "No reachable peers, bootstrapping": "bootstraps",
    "Joining cluster via peer": "joins",
    "has persisted state, recovering": "recovers",
}
SPANS = {"bootstraps": BOOTSTRAP, "joins": JOIN, "recovers": RECOVER, "off": CUT_OFF}
HANDLER = (0.25, 0.55)
"""Ages (s) at which the signal handler may or may not be there yet (2.1: 0.35..0.45)."""
LATENESS = 1.5
"""How much longer or shorter (s) the rest of a start may be than in the recording."""


class Start(NamedTuple):
    """One start of a process, as its log tells it."""

    branch: str
    ready: float | None
    listening: float | None


def starts_of(recording: Recording) -> list[tuple[Event, Start]]:
    """Return every start with what the node logged until its next one."""
    starts = recording.of("start")
    found = []
    for start in starts:
        node, t = start["node"], start["t"]
        following = [one["t"] for one in starts if one["node"] == node and one["t"] > t]
        until = min(following, default=recording.end + 60)
        lines = [line for line in recording.logs[node] if t - 0.02 <= line.t < until]
        branch = next(
            (word for line in lines for sign, word in BRANCHES.items() if sign in line.text), ""
        )
        ready, listening = (next((line.t - t for line in lines if sign in line.text), None)
                            for sign in (READY, LAST_LISTENER))  # fmt: skip
        found.append((start, Start(branch, ready, listening)))
    return found


def compare_starts(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Starts in order: their branch, whether they came up, and how fast."""
    there, here = starts_of(recorded.recording), starts_of(simulated.recording)
    times: dict[str, tuple[list[float], list[float]]] = {}
    for number, ((event, theirs), (_, ours)) in enumerate(zip(there, here, strict=True)):
        phase = next(one for one in recorded.phases if one.holds(event["t"]))
        if (
            not theirs.branch
            or is_race(recorded, phase)
            or _stopped_early(recorded.recording, event)
        ):
            continue  # killed before it said so, or its log was not kept
        name = f"start {number:02} n{event['node']}"
        signs = [(one.branch, "ready" if one.ready else "not ready",
                  "listens" if one.listening else "does not listen") for one in (theirs, ours)]  # fmt: skip
        yield equal(name, *(", ".join(sign) for sign in signs))
        cut = any(deed["kind"] == "nft" for deed in phase.deeds)
        for place, one in enumerate((theirs, ours)):
            if cut and one.ready:
                times.setdefault("ready, cut off", ([], []))[place].append(one.ready)
            elif one.ready and theirs.listening:
                times.setdefault(f"ready, {theirs.branch}", ([], []))[place].append(one.ready)
            if one.listening and one.ready and not cut:
                times.setdefault("listens", ([], []))[place].append(one.listening)
    for what, pair in sorted(times.items()):
        yield within(f"start times/{what}", SPANS.get(what.rpartition(" ")[2], LISTENERS), *pair)


def _stopped_early(recording: Recording, start: Event) -> bool:
    """Whether a process was signalled while its handler may not have been there yet."""
    ages = [one["t"] - start["t"] for one in recording.of("signal") if one["node"] == start["node"]]
    return any(0 <= age <= HANDLER[1] for age in ages)


def exit_class(exit_: Event, age: float) -> str:
    """Return how a process ended: the classes of robustmq.md 5.4."""
    lines, status = exit_["lines"], exit_["rc"]
    if status is None:
        return "none"
    if status < 0:
        return "killed" if exit_["sig"] == "SIGKILL" else "killed early"
    if status:
        return f"failed with {status}"
    if not lines["shutdown_requested"]:
        return "left without a word"
    if not lines["termination"]:
        return "watchdog"
    return "late" if age < 3.6 and exit_["latency"] > 0.5 else "graceful"


def compare_exits(recorded: Side, simulated: Side) -> Iterator[Row]:
    """Exits in order: class, signs, and a latency in its class's range."""
    pairs = [side.recording.of("exited", "no-exit") for side in (recorded, simulated)]
    for number, (there, here) in enumerate(zip(*pairs, strict=True)):
        ages = [age_at(side.recording, one) for side, one in ((recorded, there), (simulated, here))]
        classes = [exit_class(one, age) for one, age in zip((there, here), ages, strict=True)]
        item = f"exit {number:02} n{there['node']} {there['sig']}"
        if races_the_handler(recorded.recording, there) and {*classes} <= {"killed early", "late"}:
            yield Row(f"{item} (early or late)", Outcome.AGREES, *classes)
            continue
        signs = [_signs(one) for one in (there, here)]
        yield equal(item, *(f"{name}{sign}" for name, sign in zip(classes, signs, strict=True)))
        if classes[0] == classes[1] and classes[0] in EXITS:
            latencies = [[one["latency"]] for one in (there, here)]
            row = within(f"{item}, latency", EXITS[classes[0]], *latencies)
            apart = abs(there["latency"] - here["latency"])
            if classes[0] == "late" and apart > LATENESS:
                row = row._replace(outcome=Outcome.DIFFERS)
            yield row


def races_the_handler(recording: Recording, exit_: Event) -> bool:
    """Whether the signal came when the handler may or may not have been there yet."""
    return HANDLER[0] <= age_at(recording, exit_) <= HANDLER[1]


def age_at(recording: Recording, exit_: Event) -> float:
    """Return how old a process was when it got the signal."""
    sent = exit_["t"] - exit_["latency"]
    return float(sent - max(start["t"] for start in recording.of("start")
                            if start["node"] == exit_["node"] and start["t"] <= sent))  # fmt: skip


def _signs(exit_: Event) -> str:
    """Return the shutdown lines that are always or never there: two of them vary (0.2, 1.1)."""
    shown = [name for name, there in exit_["lines"].items()
             if there and name not in ("forcing_exit", "raft_shutdown")]  # fmt: skip
    return f" ({', '.join(shown)})" if shown else ""
