"""Checks: pure functions from a journal to findings, and the verdict they come to."""

from __future__ import annotations

from .evidence import EVIDENCE, adds_up
from .exits import Exit, ExitClass
from .failovers import Failover, Outcome
from .finding import Check, Finding, Severity
from .outages import Outage
from .registry import CHECKS
from .rejoin_times import Rejoin
from .summary import judgement_json
from .timeline import GroupMoved, Timeline
from .verdict import DrillJudgement, Judgement, Verdict, judge

__all__ = [
    "CHECKS",
    "EVIDENCE",
    "Check",
    "DrillJudgement",
    "Exit",
    "ExitClass",
    "Failover",
    "Finding",
    "GroupMoved",
    "Judgement",
    "Outage",
    "Outcome",
    "Rejoin",
    "Severity",
    "Timeline",
    "Verdict",
    "adds_up",
    "judge",
    "judgement_json",
]
