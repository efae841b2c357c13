"""What checks say, and what a check is."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .window import Window

__all__ = ["Check", "Finding", "Severity"]


class Severity(enum.StrEnum):
    """How much a finding weighs.

    A violation fails a drill, a gap in evidence leaves it inconclusive; a warning does neither
    unless the drill forbids it, a note never does.
    """

    VIOLATION = "violation"
    GAP = "gap"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check has to say.

    ``t`` is when it happened, on the controller's clock; ``cause`` what it is put down to.
    """

    check: str
    severity: Severity
    message: str
    node: str | None = None
    group: str | None = None
    t: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A pure function from a drill's part of the journal to findings, under its name.

    ``unexpected`` is what a violation comes to in a drill that does not expect the check.
    """

    name: str
    judge: Callable[[Window], Iterable[Finding]]
    unexpected: Severity = Severity.NOTE
