"""The differences that are known, from known.toml: which rows they cover, and which cover nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from .rows import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .rows import Row

__all__ = ["FILE", "Known", "read_known"]

FILE = Path(__file__).with_name("known.toml")


@dataclass
class Known:
    """One entry: shell patterns for scenarios (with | between) and item, and why it stays."""

    item: str
    reason: str
    scenario: str = "*"
    chance: bool = False
    """Whether chance decides if the difference shows, so that its absence is no reason to fail."""
    covered: list[Row] = field(default_factory=list)

    def is_about(self, scenario: str) -> bool:
        """Whether it is an entry for a scenario."""
        return any(fnmatchcase(scenario, one.strip()) for one in self.scenario.split("|"))

    def covers(self, scenario: str, row: Row) -> bool:
        """Whether a row that does not agree is this difference."""
        return (row.outcome is not Outcome.AGREES
                and self.is_about(scenario) and fnmatchcase(row.item, self.item))  # fmt: skip

    def is_stale(self, scenarios: Iterable[str]) -> bool:
        """Whether it covered nothing although its scenarios were compared."""
        compared = any(map(self.is_about, scenarios))
        return compared and not self.covered and not self.chance


def read_known(path: Path = FILE) -> list[Known]:
    """Read the entries; raises TypeError for a key that is not one."""
    return [Known(**entry) for entry in tomllib.loads(path.read_text()).get("known", [])]
