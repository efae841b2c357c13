"""What was done in a recording, as steps that can be done again.

The recorder's own log of a scenario is its script: every start, signal, cut and wait stands in it
with its time, and so does every write. Waits are done again as waits, everything else after the
same pause as then, so both recordings saw the same procedure by construction.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recording import Event, Recording

__all__ = ["ACTIONS", "Step", "Stream", "steps_of", "streams_of"]

ACTIONS = (
    "start",
    "signal",
    "nft",
    "nft-flush",
    "sigstop",
    "sigcont",
    "wipe",
    "setup",
    "round-begin",
)
"""What changes a cluster; everything else only looks at it."""

DONE = (*ACTIONS, "waited", "wait-timeout", "exited", "no-exit", "compare", "view", "api", "bulk",
        "log-window", "grpcweb", "grpcweb-variant", "grpc-port-get", "on-host", "simultaneous",
        "isolated-start", "n1-first-then-2-at-once")  # fmt: skip
AT_ONCE = 0.03
"""Writes closer together than this (s) are a burst: so many, one after the other."""
LONG_CALL = 1.0
"""Calls that took longer (s) went on beside what followed."""


@dataclass(frozen=True)
class Stream:
    """A sequential client: tenants ``<prefix>-1``, ``-2``, ...; a burst goes through nodes in turn."""

    prefix: str
    nodes: tuple[int, ...]
    period: float
    count: int
    first: float
    last: float

    @property
    def burst(self) -> bool:
        return self.period < AT_ONCE

    @property
    def node(self) -> int:
        return self.nodes[0]


@dataclass(frozen=True)
class Step:
    """Something to do, ``pause`` seconds after the step before it is done."""

    kind: str
    pause: float
    event: Event
    stream: Stream | None = None


def streams_of(recording: Recording) -> list[Stream]:
    """Return the clients whose writes a recording holds."""

    def prefix(event: Event) -> str:
        return str(event["name"]).rpartition("-")[0] or str(event["name"])

    streams = []
    for name, group in groupby(sorted(recording.of("write"), key=prefix), key=prefix):
        writes = sorted(group, key=lambda write: write["t1"])
        starts = [write["t1"] for write in writes]
        gaps = [after - before for before, after in pairwise(starts)]
        period = (statistics.median if len(gaps) > 5 else min)(gaps) if gaps else 0.0
        streams.append(
            Stream(
                name,
                tuple(write["node"] for write in writes),
                period,
                len(writes),
                starts[0],
                starts[-1],
            )
        )
    return streams


def steps_of(recording: Recording) -> list[Step]:
    """Return the steps of a recording, in order."""
    steps, before = [], 0.0
    for begin, end, event, stream in sorted(_timed(recording), key=lambda item: item[1]):
        steps.append(Step(event["kind"], max(0.0, begin - before), event, stream))
        before = max(before, end)
    return steps


def _timed(recording: Recording) -> Iterator[tuple[float, float, Event, Stream | None]]:
    """Yield (begin, end, event, stream) of everything to be done."""
    for event in recording.of(*DONE):
        begin = end = event["t"]
        if event["kind"] in ("waited", "wait-timeout"):
            begin = end - event.get("took", 0.0)
        elif event["kind"] == "api":
            begin = end - event["ms"] / 1000
            end = begin if event["ms"] > 1000 * LONG_CALL else end
        elif event["kind"] == "bulk":
            begin = end - event["secs"]
        elif event["kind"] in ("exited", "no-exit"):
            begin = end - event["latency"]
        yield begin, end, event, None
    yield from _untold(recording)
    for stream in streams_of(recording):
        yield stream.first, stream.first, {"kind": "write-begin"}, stream
        if not stream.burst:
            last = stream.last + stream.period
            yield last, last, {"kind": "write-end"}, stream


def _untold(recording: Recording) -> Iterator[tuple[float, float, Event, None]]:
    """Yield the creates that the recorder counted as acknowledged without recording any.

    They were done right after the look before.
    """
    if recording.of("write", "bulk", "api"):
        return
    known, looked = 0, 0.0
    for event in recording.of("view", "compare"):
        if event["kind"] == "compare":
            count = max(result["acked"] for result in event["result"].values())
            if count > known:
                yield looked, looked, {"kind": "creates", "from": known, "to": count}, None
            known = count
        looked = event["t"]
