"""The recap: what the run came to on each host, counted from the events alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from raftfleet.errors import ExitCode
from raftfleet.journal.events import TaskResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.journal.events import Event

__all__ = ["Counters", "Recap"]


@dataclass(slots=True)
class Counters:
    """How many tasks came out how on one host; a changed or ignored one counts as ok too."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0

    def add(self, result: TaskResult) -> None:
        """Count one task's result."""
        changed = result.status == "changed" or bool(result.result.get("changed"))
        if result.status == "skipped":
            self.skipped += 1
        elif result.ignored:
            self.ok += 1
            self.ignored += 1
            self.changed += changed
        elif result.status == "unreachable":
            self.unreachable += 1
        elif result.status == "failed":
            self.failed += not result.rescued
            self.rescued += result.rescued
        else:
            self.ok += 1
            self.changed += changed


@dataclass(slots=True)
class Recap:
    """Counters per host, hosts in the order in which they were first heard of."""

    hosts: dict[str, Counters] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Recap:
        """Count a run's events."""
        recap = cls()
        for event in events:
            recap.add(event)
        return recap

    def add(self, event: Event) -> None:
        """Take note of an event; results of single loop items are part of their task's result."""
        if isinstance(event, TaskResult) and event.item is None:
            self.hosts.setdefault(event.host, Counters()).add(event)

    @property
    def exit_code(self) -> ExitCode:
        """What the run comes to by its hosts: a failed task outranks an unreachable host."""
        if any(counters.failed for counters in self.hosts.values()):
            return ExitCode.TASK_FAILED
        if any(counters.unreachable for counters in self.hosts.values()):
            return ExitCode.UNREACHABLE
        return ExitCode.PASSED

    def plain(self) -> dict[str, dict[str, int]]:
        """Return the counters as ordinary values, ready for JSON."""
        return {host: asdict(counters) for host, counters in self.hosts.items()}
