"""A recording made up from nothing: three nodes, the leader stopped, another elected, all well."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .recordings import write

if TYPE_CHECKING:
    from pathlib import Path

WALL = 1_795_000_000.0
GROUPS = ("metadata_0", "offset_0", "data_0")
EXPECTS = (
    "starts",
    "exits-graceful",
    "membership-agrees",
    "membership-unchanged",
    "one-leader-per-term",
    "terms-monotonic",
    "applied-monotonic",
    "applied-within-log",
    "leader-moves",
    "failover-in-interval",
    "rejoins",
    "converges",
    "stores-equal",
    "writes-survive",
    "cache-agrees",
    "node-list-complete",
    "logs-clean",
)


def make_recording(folder: Path, *expects: str) -> Path:
    """Write it: n1 is stopped at 20 s, n2 leads from 53 s on, n1 is back at 64 s."""
    (folder / "logs").mkdir(parents=True)
    write(folder, _events(), _statuses())
    declared = {"id": "made", "expects": list(expects or EXPECTS), "from_t": 15}
    (folder / "drill.json").write_text(json.dumps(declared))
    for node in (1, 2, 3):
        log = gzip.compress(_log(node).encode(), compresslevel=1)
        (folder / "logs" / f"n{node}.server.log.gz").write_bytes(log)
    return folder


def _event(t: float, kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": t, "wall": WALL + t, "kind": kind, **fields}


def _events() -> list[dict[str, Any]]:
    nodes = {str(n): f"10.0.0.{n}" for n in (1, 2, 3)}
    events = [_event(0.0, "setup", nodes=nodes, poll_gap_s=0.05)]
    for node in (1, 2, 3):
        events.append(_event(node, "start", node=node))
        events.append(_event(node + 0.9, "started", node=node))
        events.append(_event(10.0 + node / 10, "broker_node_list", node=node, list=[1, 2, 3]))
    events += [_write(t, 2, ok=True) for t in (16.0, 17.0, 18.0)]
    events.append(_event(20.0, "signal", node=1, sig="SIGINT"))
    events.append(_event(20.21, "exited", node=1, sig="SIGINT", latency=0.2, rc=0))
    events += [_write(21.0 + n, 2, ok=False) for n in range(30)]
    events += [_write(53.5 + n, 2, ok=True) for n in range(5)]
    events.append(_event(60.0, "start", node=1))
    events.append(_event(64.0, "started", node=1))
    events.append(_event(75.0, "compare", what="end", result=_compared()))
    return events


def _write(t: float, node: int, *, ok: bool) -> dict[str, Any]:
    name = f"w-{t:g}"
    failed = {} if ok else {"err": "200 has to forward request to: Some(1)"}
    return _event(t + 0.1, "write", node=node, name=name, ok=ok, t1=t, t2=t + 0.1, **failed)


def _compared() -> dict[str, Any]:
    one = {
        "store": 9,
        "cache": 9,
        "acked": 8,
        "acked_missing_in_store": 0,
        "acked_missing_sample": [],
        "n_cache_missing": 0,
        "store_minus_cache": [],
        "cache_minus_store": [],
    }
    return {str(n): dict(one) for n in (1, 2, 3)}


def _statuses() -> list[dict[str, Any]]:
    lines = [_line(10.0, n, 1, leader=1, applied=10) for n in (1, 2, 3)]
    for second in range(12, 76, 2):
        t = float(second)
        leader, term = (1, 1) if t < 53 else (2, 2)
        for node in (1, 2, 3):
            if node == 1 and 20.2 < t < 61:
                lines.append(
                    {"node": 1, "t1": t, "t2": t, "prev_t1": t - 0.05, "status": "refused"}
                )
            else:
                lines.append(_line(t, node, term, leader=leader, applied=10 + second))
    lines.append(_line(53.0, 2, 2, leader=2, applied=63))
    lines.append(_line(53.05, 3, 2, leader=2, applied=63))
    return sorted(lines, key=lambda line: line["t2"])


def _line(t: float, node: int, term: int, *, leader: int, applied: int) -> dict[str, Any]:
    one = {
        "id": node,
        "current_term": term,
        "state": "Leader" if node == leader else "Follower",
        "current_leader": leader,
        "last_log_index": applied,
        "last_applied": {"leader_id": {"term": term, "node_id": leader}, "index": applied},
        "millis_since_quorum_ack": 2 if node == leader else None,
        "membership_config": {
            "membership": {"configs": [[1, 2, 3]], "nodes": {"1": {}, "2": {}, "3": {}}}
        },
    }
    status = dict.fromkeys(GROUPS, one)
    return {"node": node, "t1": t - 0.001, "t2": t, "prev_t1": t - 0.05, "status": status}


def _log(node: int) -> str:
    lines = [(node + 0.1, "INFO", "meta_service::raft::manager", "No reachable peers, hello")]
    if node == 1:
        daemon = "broker_server::daemon"
        lines += [
            (20.05, "INFO", daemon, "Shutdown requested, graceful shutdown has up to 20s"),
            (20.1, "INFO", daemon, "Termination signal received, the service starts to stop"),
            (
                60.4,
                "INFO",
                "meta_service::raft::manager",
                "Node 1 has persisted state, recovering existing cluster",
            ),
        ]
    lines.append((74.0, "INFO", "broker_core::heartbeat", "all is well"))
    return "".join(
        f"\x1b[2m{_stamp(t)}\x1b[0m {level:>5} \x1b[2m{target}\x1b[0m\x1b[2m:\x1b[0m {message}\n"
        for t, level, target, message in lines
    )


def _stamp(t: float) -> str:
    return datetime.fromtimestamp(WALL + t, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
