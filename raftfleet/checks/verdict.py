"""The verdict: every check on every drill of a journal, and what they come to together.

fail > inconclusive > pass, worst wins. A violation found in thin evidence still fails.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from raftfleet.errors import ExitCode

from .coverage import coverage_gaps
from .evidence import counted, evidence_gaps
from .exits import Exit, exits_of
from .finding import Finding, Severity
from .lives import lives_of
from .registry import CHECKS
from .rejoin_times import Rejoin, rejoin_times
from .timeline import Timeline, timelines
from .window import windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from raftfleet.journal.events import DrillStarted
    from raftfleet.journal.reader import Journal

    from .failovers import Failover
    from .finding import Check
    from .outages import Outage
    from .window import Window

__all__ = ["DrillJudgement", "Judgement", "Verdict", "judge"]


class Verdict(enum.StrEnum):
    """What a drill, or a whole run, comes to."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Verdict:
        """Return what these findings come to."""
        severities = {finding.severity for finding in findings}
        if Severity.VIOLATION in severities:
            return cls.FAIL
        return cls.INCONCLUSIVE if Severity.GAP in severities else cls.PASS

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """Return the worst of several; pass for none."""
        order = (cls.FAIL, cls.INCONCLUSIVE, cls.PASS)
        return min(verdicts, key=order.index, default=cls.PASS)


@dataclass(frozen=True, slots=True)
class DrillJudgement:
    """One drill, judged.

    ``evidence`` counts what there was, ``needed`` what the drill asked for. ``start`` and ``end``
    are on the controller's clock, ``ended_at`` is Unix time. ``completed``: it ran to its end.
    """

    drill: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    failovers: tuple[Failover, ...]
    exits: tuple[Exit, ...]
    outages: tuple[Outage, ...]
    timelines: tuple[Timeline, ...]
    rejoins: tuple[Rejoin, ...]
    evidence: Mapping[str, int]
    needed: Mapping[str, int]
    start: float
    end: float
    ended_at: float
    completed: bool

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A run, judged: its drills in order, and what concerns the run as a whole.

    ``exits`` are those of the whole run, in and between its drills.
    """

    run: str
    drills: tuple[DrillJudgement, ...]
    findings: tuple[Finding, ...]
    exits: tuple[Exit, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all; a run without a drill proved nothing, so it is inconclusive."""
        if not self.drills:
            return Verdict.INCONCLUSIVE
        return Verdict.worst([Verdict.of(self.findings), *(drill.verdict for drill in self.drills)])

    @property
    def exit_code(self) -> ExitCode:
        """What the drills mean for the process's exit code; a run without any asks for nothing."""
        if not self.drills:
            return ExitCode.INCONCLUSIVE if self.findings else ExitCode.PASSED
        return {
            Verdict.PASS: ExitCode.PASSED,
            Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
            Verdict.FAIL: ExitCode.DRILL_FAILED,
        }[self.verdict]

    @property
    def failovers(self) -> tuple[Failover, ...]:
        """The failovers of all drills."""
        return tuple(failover for drill in self.drills for failover in drill.failovers)


def judge(journal: Journal) -> Judgement:
    """Judge a journal; the same journal always gives the same judgement."""
    drills = tuple(_drill(window) for window in windows(journal))
    exits = tuple(exits_of(journal, lives_of(journal.events)))
    return Judgement(journal.run, drills, tuple(_run_findings(journal)), exits)


def _run_findings(journal: Journal) -> Iterator[Finding]:
    if journal.cut_short:
        text = "run cut short: its controller was gone before it could end it"
        yield Finding("evidence", Severity.GAP, text)
    if journal.torn and not journal.live:
        text = f"the last line of the journal was never finished ({len(journal.torn)} bytes)"
        yield Finding("evidence", Severity.NOTE, text)


def _drill(window: Window) -> DrillJudgement:
    counts = counted(window)
    findings = (*evidence_gaps(window, counts), *coverage_gaps(window), *_checked(window))
    end = window.journal.events[window.last]
    return DrillJudgement(
        drill=window.drill.drill,
        verdict=Verdict.of(findings),
        findings=findings,
        failovers=tuple(window.succession.failovers),
        exits=window.exits,
        outages=window.outages,
        timelines=timelines(window),
        rejoins=rejoin_times(window),
        evidence=counts,
        needed=dict(window.drill.evidence),
        start=window.start,
        end=window.end,
        ended_at=end.wall,
        completed=not window.cut,
    )


def _checked(window: Window) -> Iterator[Finding]:
    """Run every check; what the drill does not expect is shown as a note."""
    drill = window.drill
    for name in drill.expects:
        if name not in CHECKS:
            text = f"this version of raftfleet has no check {name}"
            yield Finding(name, Severity.GAP, text)
    for check in CHECKS.values():
        for finding in check.judge(window):
            yield from _weighed(window.drill, check, finding)


def _weighed(drill: DrillStarted, check: Check, finding: Finding) -> Iterator[Finding]:
    expected = check.name in {*drill.expects, *drill.forbids}
    if check.name in drill.forbids and finding.severity is Severity.WARNING:
        yield replace(finding, severity=Severity.VIOLATION)
    elif expected or finding.severity is Severity.WARNING:
        yield finding
    elif finding.severity is Severity.VIOLATION:
        text = f"{finding.message} (this drill does not expect {finding.check})"
        yield replace(finding, severity=check.unexpected, message=text)
