"""The system that stories are told of: its timing, the lines of its log and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.journal.events import ClusterDescribed
from raftfleet.journal.log_rules import LogRule, LogVerdict, LogWindow
from raftfleet.journal.values import NodeIdentity, Port, Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GRACEFUL", "MARKERS", "POLL", "RULES", "TIMING", "cluster_told"]

POLL = 0.02
TIMING = Timing("openraft-0.9", 0.5, 1.5, 3.0, leader_lease=3.0, tick=0.75)
"""Predicts 3.75 to 6.75 s for one election."""
MARKERS = {
    "configured": "this is my configuration",
    "recovering": "found state, recovering",
    "joining": "joining through a peer",
    "shutdown_requested": "shutdown requested",
    "terminating": "stopping now",
    "forced": "forcing exit",
}
GRACEFUL = ("shutdown_requested", "terminating")
RULES = (
    LogRule("defect", LogVerdict.PROBLEM, message="state is broken", why="the state is broken"),
    LogRule(
        "dead-peer",
        LogVerdict.BENIGN,
        levels=("WARN", "ERROR"),
        message="cannot reach (?P<peer>n[0-9])",
        during=(LogWindow.PEER_AWAY,),
        by="leader",
        after_cut=5.0,
    ),
    LogRule("start-up", LogVerdict.BENIGN, message="no peer yet", during=(LogWindow.START,)),
    LogRule("grumble", LogVerdict.BENIGN, message="grumbling", most=30),
)
"""Rules for the lines of a story, one of each sort."""


def cluster_told(
    nodes: Sequence[str], groups: Sequence[str], timing: Timing | None
) -> ClusterDescribed:
    """Return the cluster of a story as a run describes its own."""
    return ClusterDescribed(
        system="told",
        nodes=tuple(NodeIdentity(name, name[1:], "127.0.0.1", name) for name in nodes),
        groups=tuple(groups),
        timing=timing,
        ports={name: (Port("raft", 7000),) for name in nodes},
        markers=MARKERS,
        exit_bound=2.0,
        watchdog=20.0,
        poll_period=POLL,
        cluster="raft",
        log_rules=RULES,
    )
