"""The summary: what a person has to see at a glance when a run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.checks import Outcome, Severity, Verdict

from .advice import advice
from .closing import show_closing
from .terminal import Terminal
from .text import aligned, one_line, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from raftfleet.checks import (
        DrillJudgement,
        Exit,
        Failover,
        Finding,
        Judgement,
        Outage,
        Timeline,
    )
    from raftfleet.journal import Journal
    from raftfleet.journal.values import Interval

__all__ = ["show_judgement"]

_COLOURS = {
    Verdict.PASS: "bold green",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.FAIL: "bold red",
}
_HEADINGS = {
    Severity.VIOLATION: ("violations", "red"),
    Severity.GAP: ("missing evidence", "yellow"),
    Severity.WARNING: ("warnings", "yellow"),
    Severity.NOTE: ("notes", "dim"),
}
_MOST = 8


def show_judgement(
    judgement: Judgement,
    journal: Journal,
    folder: Path | None,
    terminal: Terminal | None = None,
) -> None:
    """Print each drill's verdict with what it rests on, and where the rest is to be found."""
    out = terminal or Terminal()
    for drill in judgement.drills:
        _show_drill(out, drill)
    out.line()
    if judgement.findings:
        _show_findings(out, judgement.findings)
    if judgement.drills:
        out.line(f"verdict: {str(judgement.verdict).upper()}", _COLOURS[judgement.verdict])
    show_closing(out, journal, folder)


def _show_drill(out: Terminal, drill: DrillJudgement) -> None:
    out.line()
    head = f"DRILL [{one_line(drill.drill)}] {drill.end - drill.start:.1f} s: "
    out.line(f"{head}{str(drill.verdict).upper()}", _COLOURS[drill.verdict])
    _show_failovers(out, drill.failovers)
    _show_timelines(out, drill.timelines)
    _show_exits(out, drill.exits)
    _show_outages(out, drill)
    _show_findings(out, drill.findings)
    out.line(f"  evidence: {_evidence(drill)}", "dim")


def _show_failovers(out: Terminal, failovers: Sequence[Failover]) -> None:
    measured = [f for f in failovers if f.outcome in {Outcome.ELECTED, Outcome.CENSORED}]
    if not measured:
        return
    head = ("group", "leader", "term", "elected after", "agreed", "promised", "cause")
    rows = [head, *(_failover_row(failover) for failover in measured)]
    out.line("  failovers")
    for row, line in zip(rows, aligned(rows), strict=True):
        out.line(f"    {line}", "dim" if row is head else "")


def _failover_row(failover: Failover) -> tuple[str, ...]:
    new_term = "?" if failover.new_term is None else str(failover.new_term)
    promised = seconds(failover.predicted)
    return (
        failover.group,
        f"{failover.victim} -> {failover.new_leader or '?'}",
        f"{failover.old_term} -> {new_term}",
        seconds(failover.elected),
        seconds(failover.agreed),
        f"{promised} {failover.place}".rstrip(),
        f"{failover.cause}, from its {failover.counts_from}",
    )


def _show_timelines(out: Terminal, timelines: Sequence[Timeline]) -> None:
    """Print when all of it happened, in seconds from when the leader was gone."""
    moved = [one for one in timelines if any(group.new_leader for group in one.groups)]
    if not moved:
        return
    head = (
        "leader gone", "signal", "last write", "higher term", "all led", "all agreed",
        "first write", "through all", "started", "caught up",
    )  # fmt: skip
    rows = [head, *(_timeline_row(one) for one in moved[:_MOST])]
    out.line("  timeline, seconds from when the leader was gone")
    for row, line in zip(rows, aligned(rows), strict=True):
        out.line(f"    {line}", "dim" if row is head else "")
    if len(moved) > _MOST:
        out.line(f"    and {len(moved) - _MOST} more in summary.json")


def _timeline_row(one: Timeline) -> tuple[str, ...]:
    zero = one.gone.middle

    def since(*moments: Interval | float | None, last: bool = True) -> str:
        known = [m if isinstance(m, float) else m.hi for m in moments if m is not None]
        if not known or (last and len(known) < len(moments)):
            return "?"
        return f"{(max(known) if last else min(known)) - zero:+.2f}"

    firsts = list(one.first_writes.values())
    return (
        f"{one.victim} ({one.cause})",
        since(one.signalled),
        since(one.last_write),
        since(*(group.raised for group in one.groups), last=False),
        since(*(group.elected for group in one.groups)),
        since(*(group.agreed for group in one.groups)),
        since(*firsts, last=False),
        since(*firsts),
        since(one.started),
        since(one.caught_up),
    )


def _show_exits(out: Terminal, exits: Sequence[Exit]) -> None:
    if not exits:
        return
    head = ("node", "class", "latency", "signal", "status")
    rows = [head, *(_exit_row(one) for one in exits)]
    out.line("  exits")
    for row, line in zip(rows, aligned(rows), strict=True):
        out.line(f"    {line}", "dim" if row is head else "")


def _exit_row(one: Exit) -> tuple[str, ...]:
    return (
        one.node,
        f"{one.kind}{' (late)' if one.late else ''}",
        seconds(one.latency),
        f"SIG{one.signal}" if one.signal else "none",
        "?" if one.status is None else str(one.status),
    )


def _show_outages(out: Terminal, drill: DrillJudgement) -> None:
    if not drill.outages:
        return
    longest = sorted(drill.outages, key=lambda outage: -outage.seconds)[:_MOST]
    head = ("writes through", "began after", "outage", "not acknowledged", "put down to")
    rows = [head, *(_outage_row(outage, drill.start) for outage in longest)]
    out.line("  outages")
    for row, line in zip(rows, aligned(rows), strict=True):
        out.line(f"    {line}", "dim" if row is head else "")
    if len(drill.outages) > len(longest):
        out.line(f"    and {len(drill.outages) - len(longest)} shorter ones in summary.json")


def _outage_row(outage: Outage, start: float) -> tuple[str, ...]:
    return (
        outage.via or "any node",
        f"{outage.start - start:.2f} s",
        f"{'' if outage.ended else '> '}{outage.seconds:.2f} s",
        str(outage.failed),
        outage.cause or "nothing that was done",
    )


def _show_findings(out: Terminal, findings: Sequence[Finding]) -> None:
    for severity, (heading, colour) in _HEADINGS.items():
        shown = [finding for finding in findings if finding.severity is severity]
        if not shown:
            continue
        out.line(f"  {heading}", colour)
        told: set[str] = set()
        for finding in shown[:_MOST]:
            out.line(f"    {finding.check}: {one_line(finding.message)}", colour)
            step = advice(finding)
            if step and step not in told:
                told.add(step)
                out.line(f"      next: {step}", "dim")
        if len(shown) > _MOST:
            out.line(f"    and {len(shown) - _MOST} more in summary.json", colour)


def _evidence(drill: DrillJudgement) -> str:
    counts = dict(drill.evidence)
    wanted = [f"{name} {counts.get(name, 0)} of {need}" for name, need in drill.needed.items()]
    happened = [
        f"{name} {count}"
        for name, count in counts.items()
        if count and name not in drill.needed and name not in _SCENE
    ]
    return ", ".join([*wanted, *happened, *_scene(counts)])


_SCENE = (
    "nodes_seen",
    "groups_seen",
    "polls",
    "missed_polls",
    "log_lines",
    "nodes_read",
    "watched_percent",
    "acknowledged_before",
    "acknowledged_during",
    "acknowledged_after",
)


def _scene(counts: dict[str, int]) -> list[str]:
    polls, missed = counts.get("polls", 0), counts.get("missed_polls", 0)
    return [
        f"{counts.get('nodes_seen', 0)} nodes and {counts.get('groups_seen', 0)} groups seen",
        f"{polls} polls ({missed} without an answer)",
        f"{counts.get('log_lines', 0)} log lines",
        f"the stores of {counts.get('nodes_read', 0)} nodes read",
    ]
