"""A run as a whole: what it uses, who is lost to it, and where it stands."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raftfleet.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.playbook.engine.job import Services
    from raftfleet.playbook.engine.pool import Pool

__all__ = ["RunState"]


@dataclass(slots=True)
class RunState:
    """``failed`` and ``unreachable`` are hosts that later plays leave out.

    ``dragged`` are those that are in ``failed`` and have failed nothing themselves:
    the loss of another host ended the play for them.
    ``marked`` were rescued from another host's fatal error, and later plays count them as failed.
    ``broken``: no further play. ``start_at`` is the task that `--start-at-task` still waits for.
    ``defects`` are exceptions that nobody meant to happen.
    """

    services: Services
    pool: Pool
    start_at: str | None = None
    failed: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    dragged: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)
    broken: bool = False
    defects: list[Exception] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_task(self) -> int:
        """Return the number of the next task."""
        return next(self.numbers)

    @property
    def exit_code(self) -> ExitCode:
        """What the run comes to so far."""
        if self.defects:
            return ExitCode.DEFECT
        if self.failed - self.dragged:
            return ExitCode.TASK_FAILED
        return ExitCode.UNREACHABLE if self.unreachable else ExitCode.PASSED
