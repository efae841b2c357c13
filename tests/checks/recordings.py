"""Recordings of a real cluster, turned into journals: what happened, with what a judge must find.

Only actions, each node's own status and its log are used, never the recorder's own conclusions.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.checks import CHECKS
from raftfleet.clock import FakeClock
from raftfleet.journal import Recorder
from raftfleet.journal import events as ev
from raftfleet.journal.values import GroupStatus, Incarnation, Interval, NodeIdentity, Role, Timing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.journal import Journal

FOLDER = Path(__file__).parents[3] / "shared" / "recordings" / "robustmq"
MARKERS = {
    "recovering": "has persisted state, recovering existing cluster",
    "joining": "Joining cluster via peer",
    "shutdown_requested": "Shutdown requested, graceful shutdown has up to",
    "terminating": "Termination signal received, the service starts to stop",
    "forced": "forcing exit",
}
EPOCH = 1000.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z +([A-Z]+) (.*)$")
_READY = re.compile(r"n(\d) ready|listeners")


@dataclass(frozen=True)
class Recording:
    """A recording's files, read."""

    folder: Path
    events: list[dict[str, Any]]
    drill: dict[str, Any]
    expect: dict[str, Any]

    @property
    def setup(self) -> dict[str, Any]:
        return self.events[0]

    @property
    def end(self) -> float:
        return float(self.events[-1]["t"])


def recording(name: str) -> Recording:
    """Read a recording; skip the test where the recordings are not at hand."""
    folder = FOLDER / name
    if not folder.is_dir():
        pytest.skip(f"no recordings in {FOLDER}")
    lines = (folder / "events.jsonl").read_text().splitlines()
    return Recording(
        folder,
        [json.loads(line) for line in lines],
        json.loads((folder / "drill.json").read_text()),
        json.loads((folder / "expect.json").read_text()),
    )


def journal_of(one: Recording) -> Journal:
    """Return the journal a run would have left of what was recorded."""
    recorder = Recorder(None, FakeClock(EPOCH))
    told = [*_actions(one), *_statuses(one), *_ticks(one), *_drill(one)]
    last = [*_log_lines(one)]
    recorder.record(_described(one))
    for event in sorted(told, key=lambda event: event.t):
        recorder.record(event)
    for event in last:
        recorder.record(event)
    recorder.record(ev.DrillEnded(t=EPOCH + one.end, drill=one.drill["id"]))
    recorder.record(ev.RunEnded(t=EPOCH + one.end, exit_code=0))
    return recorder.journal()


def _nodes(one: Recording) -> list[str]:
    return [f"n{number}" for number in one.setup["nodes"]]


def _described(one: Recording) -> ev.ClusterDescribed:
    return ev.ClusterDescribed(
        t=EPOCH + min(float(one.setup["t"]), 0.0) - 100,
        system="recorded",
        nodes=tuple(
            NodeIdentity(f"n{number}", number, address, address)
            for number, address in one.setup["nodes"].items()
        ),
        groups=("data_0", "metadata_0", "offset_0"),
        timing=Timing("openraft-0.9", 0.5, 10.0, 20.0, leader_lease=20.0, tick=0.75),
        ports={},
        markers=MARKERS,
        exit_bound=2.0,
        watchdog=20.0,
        poll_period=float(one.setup["poll_gap_s"]),
    )


def _drill(one: Recording) -> list[ev.Event]:
    expects = tuple(name for name in one.drill["expects"] if name in CHECKS)
    started = ev.DrillStarted(
        t=EPOCH + one.drill["from_t"],
        drill=one.drill["id"],
        expects=expects,
        allow_quorum_loss=one.drill.get("allow_quorum_loss", False),
    )
    return [started]


def _actions(one: Recording) -> Iterator[ev.Event]:
    lives: dict[str, Incarnation] = {}
    signals: dict[str, float] = {}
    for event in one.events:
        node, t = f"n{event.get('node')}", EPOCH + event["t"]
        match event["kind"]:
            case "start":
                counter = lives[node].counter + 1 if node in lives else 1
                lives[node] = Incarnation(1000 + counter, counter, counter)
                yield ev.NodeStarted(t=t, node=node, incarnation=lives[node], at=Interval(t, t))
            case "started":
                yield _ready(t, node, lives[node])
            case "waited" if found := _READY.fullmatch(event["what"]):
                name = f"n{found[1] or '1'}"
                yield _ready(t, name, lives[name])
            case "signal":
                signals[node] = t
                yield ev.NodeSignalled(
                    t=t, node=node, signal=event["sig"], incarnation=lives[node], at=Interval(t, t)
                )
            case "exited":
                yield _exited(event, node, t, lives[node], signals[node])
            case "no-exit":
                yield ev.NodeNotExited(
                    t=t,
                    node=node,
                    incarnation=lives[node],
                    signal=event["sig"],
                    waited=event["latency"],
                )
            case "wipe":
                yield ev.NodeWiped(t=t, node=node, paths=())
            case _:
                pass


def _ready(t: float, node: str, incarnation: Incarnation) -> ev.NodeReady:
    return ev.NodeReady(t=t, node=node, incarnation=incarnation, listening=(), seen_by=(node,))


def _exited(
    event: dict[str, Any], node: str, t: float, incarnation: Incarnation, signalled: float
) -> ev.NodeExited:
    latency = Interval(event["latency"] - 0.001, event["latency"] + 0.001)
    return ev.NodeExited(
        t=t,
        node=node,
        incarnation=incarnation,
        at=Interval(signalled + latency.lo, min(t, signalled + latency.hi + 0.01)),
        status=event["rc"],
        latency=latency,
        signal=event["sig"],
    )


def _lines(one: Recording) -> list[dict[str, Any]]:
    with gzip.open(one.folder / "status.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def _statuses(one: Recording) -> Iterator[ev.Event]:
    for line in _lines(one):
        node, since, t = f"n{line['node']}", EPOCH + line["prev_t1"], EPOCH + line["t2"]
        if isinstance(line["status"], str):
            yield ev.StatusMissed(t=t, node=node, since=since, reason=line["status"])
        else:
            groups = {name: _status(raw) for name, raw in line["status"].items()}
            yield ev.StatusSeen(t=t, node=node, since=since, groups=groups)


def _status(raw: dict[str, Any]) -> GroupStatus:
    applied, leader = raw["last_applied"], raw["current_leader"]
    configs = raw["membership_config"]["membership"]["configs"]
    return GroupStatus(
        term=raw["current_term"],
        role=Role(raw["state"].lower()),
        leader=None if leader is None else f"n{leader}",
        last_log=raw["last_log_index"],
        last_applied=None if applied is None else applied["index"],
        voters=tuple(tuple(f"n{voter}" for voter in config) for config in configs),
    )


def _ticks(one: Recording) -> Iterator[ev.Event]:
    """Tell each second how the nodes were watched; unchanged polls are not in the recording."""
    period = float(one.setup["poll_gap_s"])
    lines = _lines(one)
    answering: dict[str, bool] = {}
    second, place = 0, 0
    while second < one.end:
        flawless = {name: answering.get(name, False) for name in _nodes(one)}
        while place < len(lines) and lines[place]["t2"] <= second + 1:
            name = f"n{lines[place]['node']}"
            answering[name] = not isinstance(lines[place]["status"], str)
            flawless[name] = flawless[name] and answering[name]
            place += 1
        polls = {name: round(1 / period) for name in flawless}
        second += 1
        yield ev.CoverageSampled(
            t=EPOCH + second,
            polls=polls,
            misses={
                name: 0 if flawless[name] else polls[name] // (2 if answering.get(name) else 1)
                for name in polls
            },
            gap={name: 2 * period if flawless[name] else 0.0 for name in polls},
        )


def _log_lines(one: Recording) -> Iterator[ev.Event]:
    shift = EPOCH + one.setup["t"] - one.setup["wall"]
    for node in _nodes(one):
        file = one.folder / "logs" / f"{node}.server.log.gz"
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        for line in lines:
            found = _STAMP.match(_COLOUR.sub("", line))
            marker = found and next((m for m, text in MARKERS.items() if text in found[3]), None)
            if not found or not marker:
                continue
            t = datetime.fromisoformat(found[1] + "+00:00").timestamp() + shift
            yield ev.LogLine(
                t=EPOCH + one.end,
                node=node,
                marker=marker,
                level=found[2],
                target="",
                message=found[3],
                at=Interval(t - 0.001, t + 0.001),
            )
        yield ev.LogCollected(
            t=EPOCH + one.end, node=node, path=str(file), start=0, end=1, lines=len(lines)
        )
