"""Recordings: read from a folder, written to one, in the format of the recordings of the broker.

``events.jsonl`` holds what the recorder did and saw, ``status.jsonl.gz`` each node's own view of
its groups, ``logs/`` each node's log as it wrote it. Times are seconds since the first event.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NODES", "Event", "Line", "Poll", "Recording", "load", "parse_lines", "save"]

NODES = (1, 2, 3)
Event = dict[str, Any]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) +(TRACE|DEBUG|INFO|WARN|ERROR) "
    r"(?:.*?: )??([a-z_][a-z0-9_]*(?:::[a-z_0-9]+)*): (.*)$"
)


class Line(NamedTuple):
    """One line of a node's log; ``t`` on the recording's clock."""

    t: float
    level: str
    target: str
    text: str


class Poll(NamedTuple):
    """One kept poll: what came holds from ``prev`` (start of the poll before) to ``t2``."""

    t1: float
    t2: float
    prev: float
    node: int
    status: dict[str, Any] | str


@dataclass
class Recording:
    """One scenario, recorded: of the broker or of the simulator."""

    name: str
    events: list[Event]
    polls: list[Poll]
    logs: dict[int, list[Line]]
    samples: dict[str, Event] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Event]:
        """Return the events of some kinds, in order."""
        return [event for event in self.events if event["kind"] in kinds]

    @cached_property
    def end(self) -> float:
        return float(self.events[-1]["t"])


def load(folder: Path) -> Recording:
    """Read a recording."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    zero = events[0]["wall"] - events[0]["t"]
    with gzip.open(folder / "status.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    polls = [Poll(r["t1"], r["t2"], r["prev_t1"] or r["t1"], r["node"], r["status"]) for r in rows]
    logs = {}
    for node in NODES:
        path = folder / "logs" / f"n{node}.server.log.gz"
        text = (
            gzip.decompress(path.read_bytes()).decode("utf-8", "replace") if path.exists() else ""
        )
        logs[node] = parse_lines(text, zero)
    samples = {path.stem: json.loads(path.read_text()) for path in folder.glob("api/*.json")}
    return Recording(folder.name, events, polls, logs, samples)


def parse_lines(text: str, zero: float) -> list[Line]:
    """Return a log's lines without those that continue another (banner, dumps, panics)."""
    found = []
    for line in _COLOUR.sub("", text).splitlines():
        if match := _LINE.match(line):
            stamp, level, target, rest = match.groups()
            t = datetime.fromisoformat(stamp).timestamp() - zero
            found.append(Line(t, level, target, rest))
    return found


def save(folder: Path, events: list[Event], polls: list[dict[str, Any]]) -> None:
    """Write events and polls; the logs are put beside them by whoever has them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "events.jsonl").open("w") as out:
        out.writelines(json.dumps(event) + "\n" for event in events)
    with gzip.open(folder / "status.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(poll) + "\n" for poll in polls)
