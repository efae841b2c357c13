"""The figures of one drill."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from raftfleet.checks import ExitClass, Outcome, Severity, Verdict, adds_up
from raftfleet.journal.events import (
    ClusterDescribed,
    DrillStarted,
    LogTally,
    WriteEnded,
    WriterStarted,
    WriteSkipped,
)

from .figures import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.checks import DrillJudgement, Failover, Timeline
    from raftfleet.journal import Journal, Span
    from raftfleet.journal.values import Interval

    from .figures import Labels

__all__ = ["drill_samples"]

_COUNTED = (Severity.VIOLATION, Severity.GAP, Severity.WARNING)
_LEVELS = {"error", "warn", "info", "debug", "trace"}
_WRITES = ("ok", "refused", "unknown", "skipped")


def drill_samples(
    drill: DrillJudgement, journal: Journal, span: Span, labels: Labels
) -> Iterator[Sample]:
    """Yield what one drill has to say; ``labels`` are its cluster and its id."""
    offset = drill.ended_at - drill.end
    started = journal.events[span.start]
    yield from _outcome(drill, labels, offset)
    for failover in drill.failovers:
        yield from _failover(failover, (*labels, failover.group, failover.cause), offset)
    for timeline in drill.timelines:
        yield from _phases(timeline, labels)
    yield from _exits(drill, labels, offset)
    yield from _rejoins(drill, labels, offset)
    yield from _outages(drill, labels, offset)
    yield from _writes(journal, span, labels)
    yield from _logs(journal, span, labels)
    yield from _findings(drill, labels)
    yield from _evidence(drill, labels)
    if isinstance(started, DrillStarted) and "outage" in started.budget:
        yield Sample("raftfleet_outage_budget_seconds", labels, started.budget["outage"])


def _outcome(drill: DrillJudgement, labels: Labels, offset: float) -> Iterator[Sample]:
    seconds = drill.end - drill.start
    for verdict in Verdict:
        came_to = drill.verdict is verdict
        yield Sample("raftfleet_drills", (*labels, str(verdict)), came_to)
        yield Sample("raftfleet_drill_verdict", (*labels, str(verdict)), came_to)
    yield Sample("raftfleet_drill_duration_seconds", labels, seconds, drill.ended_at)
    yield Sample("raftfleet_drill_last_duration_seconds", labels, seconds)
    began = drill.start + offset
    yield Sample("raftfleet_drill_last_start_timestamp_seconds", labels, began)
    if drill.completed:
        name = "raftfleet_drill_last_completion_timestamp_seconds"
        yield Sample(name, labels, drill.ended_at)
    if drill.verdict is Verdict.PASS:
        yield Sample("raftfleet_drill_last_success_timestamp_seconds", labels, drill.ended_at)


def _findings(drill: DrillJudgement, labels: Labels) -> Iterator[Sample]:
    found = Counter((finding.check, finding.severity) for finding in drill.findings)
    for (check, severity), count in sorted(found.items()):
        if severity in _COUNTED:
            series = (*labels, check, str(severity))
            yield Sample("raftfleet_findings", series, count)
            yield Sample("raftfleet_drill_findings", series, count)


def _evidence(drill: DrillJudgement, labels: Labels) -> Iterator[Sample]:
    for kind, count in drill.evidence.items():
        if kind == "watched_percent":
            yield Sample("raftfleet_drill_watched_ratio", labels, count / 100)
            continue
        yield Sample("raftfleet_drill_evidence", (*labels, kind), count)
        if adds_up(kind):
            yield Sample("raftfleet_evidence", (*labels, kind), count)
    for kind, count in drill.needed.items():
        yield Sample("raftfleet_drill_evidence_needed", (*labels, kind), count)


# --- leaders ---------------------------------------------------------------------------------


def _failover(failover: Failover, labels: Labels, offset: float) -> Iterator[Sample]:
    outcome = failover.outcome
    yield Sample("raftfleet_failovers_censored", labels, outcome is Outcome.CENSORED)
    missed = outcome in {Outcome.NOT_EXERCISED, Outcome.NO_QUORUM}
    yield Sample("raftfleet_failovers_not_exercised", labels, missed)
    yield Sample("raftfleet_failovers_split", labels, failover.elections > 1)
    if failover.predicted is not None:
        for bound, seconds in (("min", failover.predicted.lo), ("max", failover.predicted.hi)):
            yield Sample(f"raftfleet_failover_predicted_{bound}_seconds", labels, seconds)
    if outcome is not Outcome.ELECTED:
        return
    at = failover.t + offset if failover.t is not None else 0.0
    for name, lasted in (("", failover.elected), ("agreed_", failover.agreed)):
        if _known(lasted):
            seconds = lasted.middle if lasted else 0.0
            yield Sample(f"raftfleet_failover_{name}seconds", labels, seconds, at)
            yield Sample(f"raftfleet_failover_{name}last_seconds", labels, seconds, at)


def _phases(timeline: Timeline, labels: Labels) -> Iterator[Sample]:
    """Yield the parts of each group's failover, as far as one follows upon the other."""
    firsts = [first for first in timeline.first_writes.values() if first is not None]
    write = min(firsts, key=lambda first: first.hi, default=None)
    for moved in timeline.groups:
        if moved.new_leader is None:
            continue
        stamps = (
            ("exit", timeline.signalled, timeline.gone),
            ("detection", timeline.gone, moved.raised),
            ("election", moved.raised, moved.elected),
            ("agreement", moved.elected, moved.agreed),
            ("write", moved.agreed, write),
        )
        for phase, begin, end in stamps:
            if begin is not None and end is not None and _known(begin) and _known(end):
                seconds = max(0.0, end.middle - begin.middle)
                series = (*labels, moved.group, timeline.cause, phase)
                yield Sample("raftfleet_failover_phase_last_seconds", series, seconds)


def _known(interval: Interval | None) -> bool:
    return interval is not None and math.isfinite(interval.hi)


# --- nodes -----------------------------------------------------------------------------------


def _exits(drill: DrillJudgement, labels: Labels, offset: float) -> Iterator[Sample]:
    for kind in ExitClass if drill.exits else ():
        count = sum(one.kind is kind for one in drill.exits)
        yield Sample("raftfleet_exits", (*labels, str(kind)), count)
    for one in drill.exits:
        if one.latency is not None and one.kind is not ExitClass.NONE:
            series, seconds = (*labels, str(one.kind)), one.latency.middle
            at = one.at.hi + offset if one.at else 0.0
            yield Sample("raftfleet_exit_latency_seconds", series, seconds, at)
            yield Sample("raftfleet_exit_latency_last_seconds", series, seconds, at)


def _rejoins(drill: DrillJudgement, labels: Labels, offset: float) -> Iterator[Sample]:
    for one in drill.rejoins:
        series, lasted = (*labels, one.cause), one.lasted
        yield Sample("raftfleet_rejoins_censored", series, lasted is None)
        if lasted is not None and one.caught_up is not None:
            at = one.caught_up.hi + offset
            yield Sample("raftfleet_rejoin_seconds", series, lasted.middle, at)
            yield Sample("raftfleet_rejoin_last_seconds", series, lasted.middle, at)


def _logs(journal: Journal, span: Span, labels: Labels) -> Iterator[Sample]:
    events = journal.events[span.start : span.until]
    described = [
        event for event in journal.events[: span.until] if isinstance(event, ClusterDescribed)
    ]
    rules = {rule.name: str(rule.judge) for rule in described[-1].log_rules} if described else {}
    lines: Counter[tuple[str, str]] = Counter()
    for event in events:
        if isinstance(event, LogTally):
            level = event.level.lower() if event.level.lower() in _LEVELS else "other"
            lines[level, rules.get(event.rule, "unknown")] += event.count
    for (level, verdict), count in sorted(lines.items()):
        yield Sample("raftfleet_log_lines", (*labels, level, verdict), count)


# --- writes ----------------------------------------------------------------------------------


def _outages(drill: DrillJudgement, labels: Labels, offset: float) -> Iterator[Sample]:
    everywhere = sorted(
        (outage for outage in drill.outages if not outage.via), key=lambda outage: outage.end
    )
    for outage in everywhere:
        yield Sample("raftfleet_outages_censored", labels, not outage.ended)
        if outage.ended:
            at = outage.end + offset
            yield Sample("raftfleet_outage_seconds", labels, outage.seconds, at)
            yield Sample("raftfleet_outage_last_seconds", labels, outage.seconds, at)
    if everywhere or drill.evidence.get("acknowledged_writes"):
        longest = max((outage.seconds for outage in everywhere), default=0.0)
        yield Sample("raftfleet_outage_longest_seconds", labels, longest)


def _writes(journal: Journal, span: Span, labels: Labels) -> Iterator[Sample]:
    end = span.until if span.end is None else span.end + 1
    results: Counter[str] = Counter()
    wrote = False
    for event in journal.events[span.start : end]:
        if isinstance(event, WriteEnded):
            results[event.outcome] += 1
        elif isinstance(event, WriteSkipped):
            results["skipped"] += event.count
        wrote = wrote or isinstance(event, WriterStarted)
    for result in _WRITES if wrote or results else ():
        yield Sample("raftfleet_writes", (*labels, result), results[result])
