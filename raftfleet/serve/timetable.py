"""When scheduled drills are due: cron expressions and intervals, and what became of missed ones.

A slot is a function of wall time alone, so nothing has to be remembered over a restart: an
interval counts from the Unix epoch (`every: 6h` is due at 0, 6, 12 and 18 o'clock UTC), a cron
expression from its own time zone. A slot that passed while nobody could run it is not made up.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

__all__ = ["LATE", "Cron", "Due", "Every", "Timetable", "When"]

LATE = 60.0
"""Seconds after which a slot counts as missed: whoever planned it for 3 o'clock meant 3 o'clock."""


_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class When(Protocol):
    """A rule for slots."""

    def after(self, wall: float) -> float:
        """Return the first slot later than this (Unix time)."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """A slot every so many seconds."""

    seconds: float

    def after(self, wall: float) -> float:
        """Return the next whole multiple."""
        return (math.floor(wall / self.seconds) + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields of cron, or a word such as `@daily`, in a time zone.

    Where clocks are put forward, what falls into the missing hour is due right after it; where
    they are put back, it is due once, as in Debian's cron. Raises `ValueError` for what is no
    expression or never comes.
    """

    expression: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        """Refuse what can never be due."""
        if len(self._fields.split()) != 5:
            raise ValueError("five fields: minute, hour, day of month, month, day of week")
        try:
            self.after(0.0)
        except CronSimError as error:
            raise ValueError(str(error)) from None
        except StopIteration:
            raise ValueError("it is never due") from None

    def after(self, wall: float) -> float:
        """Return the next minute that matches."""
        return next(CronSim(self._fields, datetime.fromtimestamp(wall, self.zone))).timestamp()

    @property
    def _fields(self) -> str:
        return _SHORT.get(self.expression, self.expression)


@dataclass(frozen=True, slots=True)
class Due:
    """A slot that has come; ``late`` is how many seconds ago."""

    name: str
    late: float

    @property
    def missed(self) -> bool:
        """Whether it is too late for it."""
        return self.late > LATE


class Timetable:
    """The next slot of each rule, by name; ``jitter`` holds the seconds a slot may be put off by."""

    def __init__(
        self, rules: dict[str, When], wall: float, *, jitter: dict[str, float] | None = None
    ) -> None:
        self._rules = rules
        self._jitter = jitter or {}
        self._slots: dict[str, float] = {}
        self._due: dict[str, float] = {}
        for name in rules:
            self._plan(name, wall)

    @property
    def due(self) -> dict[str, float]:
        """When each is due next (Unix time), its jitter included."""
        return dict(self._due)

    def left(self, wall: float) -> float:
        """Return the seconds until the next one is due; infinite when there is none."""
        return max(0.0, min(self._due.values(), default=math.inf) - wall)

    def take(self, wall: float) -> Sequence[Due]:
        """Return what is due by now, the earliest first, and plan the next slot of each.

        When the wall clock went far back, slots are planned anew.
        """
        taken = []
        for name, at in sorted(self._due.items(), key=lambda item: item[1]):
            if at <= wall:
                taken.append(Due(name, wall - at))
                self._plan(name, wall)
            elif self._rules[name].after(wall) < self._slots[name]:
                self._plan(name, wall)
        return taken

    def _plan(self, name: str, wall: float) -> None:
        slot = self._rules[name].after(wall)
        self._slots[name] = slot
        self._due[name] = slot + random.uniform(0.0, self._jitter.get(name, 0.0))  # noqa: S311
