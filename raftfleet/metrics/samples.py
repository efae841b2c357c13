"""The figures of a run: one sample for each series, straight from its judgement and journal."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftfleet.checks import ExitClass, Outcome, Severity, Verdict
from raftfleet.journal.events import ClusterDescribed, RunStarted, TaskResult
from raftfleet.stats import overhead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.checks import DrillJudgement, Failover, Judgement
    from raftfleet.journal import Journal

__all__ = ["Sample", "samples"]

_UNSUCCESSFUL = (Outcome.NOT_EXERCISED, Outcome.NO_QUORUM)
_COUNTED = (Severity.VIOLATION, Severity.GAP, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of one series.

    Several of one series are several observations of a histogram, what a counter adds up, and
    what a gauge was one after another: its last is what it is.
    """

    metric: str
    labels: tuple[str, ...]
    value: float


def samples(judgement: Judgement, journal: Journal) -> Iterator[Sample]:
    """Yield everything a run has to say in figures."""
    yield from _run(judgement, journal)
    described = journal.of(ClusterDescribed)
    cluster = (described[-1].cluster or described[-1].system) if described else ""
    newest = {drill.drill: drill for drill in judgement.drills}
    for drill in judgement.drills:
        labels = (cluster, drill.drill)
        yield from _drill(drill, labels)
        if drill is newest[drill.drill]:
            yield from _findings(drill, labels)


def _run(judgement: Judgement, journal: Journal) -> Iterator[Sample]:
    started = journal.of(RunStarted)
    version = started[0].versions.get("raftfleet", "") if started else ""
    yield Sample("raftfleet_run", (judgement.run, version), 1)
    spent = overhead(journal)
    yield Sample("raftfleet_run_seconds", (), spent.wall)
    yield Sample("raftfleet_run_overhead_seconds", (), spent.own)
    results = Counter(_status(event) for event in journal.of(TaskResult) if event.item is None)
    for status, count in sorted(results.items()):
        yield Sample("raftfleet_task_results", (status,), count)


def _status(event: TaskResult) -> str:
    if event.ignored:
        return "ignored"
    return "rescued" if event.rescued else event.status


def _drill(drill: DrillJudgement, labels: tuple[str, str]) -> Iterator[Sample]:
    for verdict in Verdict:
        value = float(drill.verdict is verdict)
        yield Sample("raftfleet_drill_verdict", (*labels, str(verdict)), value)
    yield Sample("raftfleet_drill_last_duration_seconds", labels, drill.end - drill.start)
    if drill.completed:
        name = "raftfleet_drill_last_completion_timestamp_seconds"
        yield Sample(name, labels, drill.ended_at)
    if drill.verdict is Verdict.PASS:
        yield Sample("raftfleet_drill_last_success_timestamp_seconds", labels, drill.ended_at)
    for failover in drill.failovers:
        yield from _failover(failover, (*labels, failover.group, failover.cause))
    for one in drill.exits:
        if one.latency is not None and one.kind is not ExitClass.NONE:
            exit_labels = (*labels, str(one.kind))
            yield Sample("raftfleet_exit_latency_seconds", exit_labels, one.latency.middle)
            yield Sample("raftfleet_exit_latency_last_seconds", exit_labels, one.latency.middle)


def _findings(drill: DrillJudgement, labels: tuple[str, str]) -> Iterator[Sample]:
    found = Counter((finding.check, finding.severity) for finding in drill.findings)
    for (check, severity), count in sorted(found.items()):
        if severity in _COUNTED:
            yield Sample("raftfleet_drill_findings", (*labels, check, str(severity)), count)


def _failover(failover: Failover, labels: tuple[str, ...]) -> Iterator[Sample]:
    censored = float(failover.outcome is Outcome.CENSORED)
    yield Sample("raftfleet_failovers_censored", labels, censored)
    yield Sample("raftfleet_failovers_not_exercised", labels, failover.outcome in _UNSUCCESSFUL)
    if failover.outcome is Outcome.ELECTED and failover.elected is not None:
        yield Sample("raftfleet_failover_seconds", labels, failover.elected.middle)
        yield Sample("raftfleet_failover_last_seconds", labels, failover.elected.middle)
        if failover.agreed is not None and math.isfinite(failover.agreed.hi):
            yield Sample("raftfleet_failover_agreed_last_seconds", labels, failover.agreed.middle)
