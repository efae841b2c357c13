"""A judgement as JSON: what `summary.json` holds and `analyze --json` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .evidence import adds_up
from .failovers import Outcome
from .finding import Severity

if TYPE_CHECKING:
    from raftfleet.journal.values import Interval

    from .exits import Exit
    from .failovers import Failover
    from .finding import Finding
    from .outages import Outage
    from .rejoin_times import Rejoin
    from .timeline import Timeline
    from .verdict import DrillJudgement, Judgement

__all__ = ["judgement_json"]

_WEIGHT = (Severity.VIOLATION, Severity.GAP, Severity.WARNING, Severity.NOTE)


def judgement_json(judgement: Judgement) -> dict[str, object]:
    """Return the judgement as plain values; an end that is not known is null, never infinite."""
    rows = [_finding(finding, "") for finding in judgement.findings]
    for drill in judgement.drills:
        rows += [_finding(finding, drill.drill) for finding in drill.findings]
    rows.sort(key=lambda row: _WEIGHT.index(Severity(str(row["severity"]))))
    return {
        "run": judgement.run,
        "verdict": str(judgement.verdict),
        "drills": [_drill(drill) for drill in judgement.drills],
        "findings": rows,
        "failovers": [
            _failover(failover, drill.drill)
            for drill in judgement.drills
            for failover in drill.failovers
            if failover.outcome in {Outcome.ELECTED, Outcome.CENSORED}
        ],
        "exits": [_exit(one) for one in judgement.exits],
        "outages": [
            _outage(outage, drill.drill) for drill in judgement.drills for outage in drill.outages
        ],
        "timelines": [
            _timeline(one, drill.drill) for drill in judgement.drills for one in drill.timelines
        ],
        "rejoins": [
            _rejoin(one, drill.drill) for drill in judgement.drills for one in drill.rejoins
        ],
        "evidence": _total(judgement),
    }


def _total(judgement: Judgement) -> dict[str, int]:
    """Return the evidence of all drills: counts add up, what was seen does not."""
    total: dict[str, int] = {}
    for drill in judgement.drills:
        for name, count in drill.evidence.items():
            if name not in total:
                total[name] = count
            elif name.endswith("_percent"):
                total[name] = min(total[name], count)
            elif adds_up(name):
                total[name] += count
            else:
                total[name] = max(total[name], count)
    return total


def _drill(drill: DrillJudgement) -> dict[str, object]:
    return {
        "drill": drill.drill,
        "verdict": str(drill.verdict),
        "seconds": _number(drill.end - drill.start),
        "evidence": dict(drill.evidence),
        "needed": dict(drill.needed),
        "not_exercised": [
            {"victim": f.victim, "group": f.group, "term": f.old_term, "why": str(f.outcome)}
            for f in drill.failovers
            if f.outcome in {Outcome.NOT_EXERCISED, Outcome.NO_QUORUM}
        ],
    }


def _finding(finding: Finding, drill: str) -> dict[str, object]:
    return {
        "drill": drill,
        "check": finding.check,
        "severity": str(finding.severity),
        "node": finding.node,
        "group": finding.group,
        "t": None if finding.t is None else _number(finding.t),
        "message": finding.message,
        "cause": finding.cause or None,
    }


def _failover(failover: Failover, drill: str) -> dict[str, object]:
    return {
        "drill": drill,
        "victim": failover.victim,
        "group": failover.group,
        "new_leader": failover.new_leader,
        "term": [failover.old_term, failover.new_term],
        "cause": failover.cause,
        "counted_from": failover.counts_from,
        "seconds_after_exit": _interval(failover.elected),
        "agreed_after_exit": _interval(failover.agreed),
        "predicted": _interval(failover.predicted),
        "place": failover.place or None,
        "censored": failover.outcome is Outcome.CENSORED,
    }


def _outage(outage: Outage, drill: str) -> dict[str, object]:
    return {
        "drill": drill,
        "via": outage.via or None,
        "from": _number(outage.start),
        "to": _number(outage.end) if outage.ended else None,
        "seconds": _number(outage.seconds),
        "lasted": _interval(outage.lasted),
        "failed_writes": outage.failed,
        "cause": outage.cause or None,
    }


def _timeline(one: Timeline, drill: str) -> dict[str, object]:
    return {
        "drill": drill,
        "victim": one.victim,
        "cause": one.cause,
        "signal": _interval(one.signalled),
        "gone": _interval(one.gone),
        "last_write": _interval(one.last_write),
        "groups": [
            {
                "group": moved.group,
                "term": [moved.old_term, moved.new_term],
                "new_leader": moved.new_leader,
                "higher_term": _interval(moved.raised),
                "elected": _interval(moved.elected),
                "agreed": _interval(moved.agreed),
            }
            for moved in one.groups
        ],
        "first_writes": {via: _interval(at) for via, at in one.first_writes.items()},
        "started": _interval(one.started),
        "ready": _interval(one.ready),
        "caught_up": _interval(one.caught_up),
        "rejoin": _interval(one.rejoin),
    }


def _rejoin(one: Rejoin, drill: str) -> dict[str, object]:
    return {
        "drill": drill,
        "node": one.node,
        "cause": one.cause,
        "started": _interval(one.started),
        "ready": _interval(one.ready),
        "caught_up": _interval(one.caught_up),
        "seconds": _interval(one.lasted),
    }


def _exit(one: Exit) -> dict[str, object]:
    return {
        "node": one.node,
        "class": str(one.kind),
        "signal": one.signal or None,
        "seconds": _interval(one.latency),
        "status": one.status,
        "late": one.late,
        "why": one.why,
    }


def _interval(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [_number(interval.lo), _number(interval.hi)]


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
