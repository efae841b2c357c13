"""Every metric there is: its name, its kind, its labels and what it means.

Base units, bounded labels: cluster, drill, group, cause, class, check, severity, status, verdict.
What a run is called stands in one info metric and never in a label of another.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["LADDER", "METRICS", "Kind", "Metric"]

_LADDER_START = 0.05
_LADDER_RATIO = 1.1
_LADDER_STEPS = 80

LADDER = tuple(_LADDER_START * _LADDER_RATIO**step for step in range(_LADDER_STEPS))
"""Upper bounds of the histograms' buckets, in seconds: 0.05 to 93.1, each a tenth above the last.

Quantiles read from it are within a few per cent at 0.2 s as at 35 s; the usual buckets end at 10 s
and would hide a failover of half a minute.
"""


class Kind(enum.StrEnum):
    """What kind of metric it is, in Prometheus's words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``name`` is without the suffix that its kind adds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


_DRILL = ("cluster", "drill")
_FAILOVER = (*_DRILL, "group", "cause")
_EXIT = (*_DRILL, "class")

_TABLE = (
    Metric("raftfleet_run", Kind.INFO, "The run these figures are of.", ("run", "version")),
    Metric(
        "raftfleet_run_seconds",
        Kind.GAUGE,
        "Wall time of the run.",
    ),
    Metric(
        "raftfleet_run_overhead_seconds",
        Kind.GAUGE,
        "Wall time of the run minus its waits for the cluster.",
    ),
    Metric("raftfleet_task_results", Kind.COUNTER, "Results of tasks on hosts.", ("status",)),
    Metric(
        "raftfleet_drill_verdict",
        Kind.GAUGE,
        "1 for the verdict the drill came to, 0 for the others.",
        (*_DRILL, "verdict"),
    ),
    Metric("raftfleet_drill_last_duration_seconds", Kind.GAUGE, "How long the drill took.", _DRILL),
    Metric(
        "raftfleet_drill_last_completion_timestamp_seconds",
        Kind.GAUGE,
        "When the drill last ran to its end, whatever its verdict (Unix time).",
        _DRILL,
    ),
    Metric(
        "raftfleet_drill_last_success_timestamp_seconds",
        Kind.GAUGE,
        "When the drill last passed (Unix time).",
        _DRILL,
    ),
    Metric(
        "raftfleet_drill_findings",
        Kind.GAUGE,
        "What checks found in the drill: violations, gaps in evidence, warnings.",
        (*_DRILL, "check", "severity"),
    ),
    Metric(
        "raftfleet_failover_seconds",
        Kind.HISTOGRAM,
        "From the exit of a group's leader to the election of the next; censored ones left out.",
        _FAILOVER,
    ),
    Metric(
        "raftfleet_failover_last_seconds",
        Kind.GAUGE,
        "The latest failover of a group (middle of its interval).",
        _FAILOVER,
    ),
    Metric(
        "raftfleet_failover_agreed_last_seconds",
        Kind.GAUGE,
        "From the exit of a group's leader until a majority of the live voters named the next.",
        _FAILOVER,
    ),
    Metric(
        "raftfleet_failovers_censored",
        Kind.COUNTER,
        "Failovers that nobody had completed when watching ended.",
        _FAILOVER,
    ),
    Metric(
        "raftfleet_failovers_not_exercised",
        Kind.COUNTER,
        "Failovers that did not take place: the old leader was back first, or no quorum was left.",
        _FAILOVER,
    ),
    Metric(
        "raftfleet_exit_latency_seconds",
        Kind.HISTOGRAM,
        "From the signal to the exit of a node's process, by class of exit.",
        _EXIT,
    ),
    Metric(
        "raftfleet_exit_latency_last_seconds",
        Kind.GAUGE,
        "The latest exit latency by class of exit (middle of its interval).",
        _EXIT,
    ),
)

METRICS = {metric.name: metric for metric in _TABLE}
"""The table, by name."""
