"""The whole comparison of two recordings of one scenario: pure, from recordings to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answers import compare_answers
from .figures import FIGURES
from .lines import compare_lines
from .lists import compare_lists
from .processes import compare_exits, compare_starts
from .quorums import compare_views
from .races import compare_races
from .raft import compare_raft
from .side import side_of
from .stores import compare_stores
from .variants import VARIANTS
from .writing import compare_writes

if TYPE_CHECKING:
    from .recording import Recording
    from .rows import Row

__all__ = ["compare"]

PARTS = (
    compare_raft,
    compare_starts,
    compare_exits,
    compare_races,
    compare_writes,
    compare_stores,
    compare_views,
    compare_answers,
    compare_lists,
    compare_lines,
)
LIKE = (compare_raft, compare_starts, compare_stores)
"""What a variant has in common with the recording that it goes like."""


def compare(recorded: Recording, simulated: Recording) -> list[Row]:
    """Compare a simulated scenario with the recorded one, thing by thing.

    Raises ValueError when the two are not the same procedure.
    """
    if recorded.name in FIGURES:
        return list(FIGURES[recorded.name](side_of(simulated, recorded)))
    sides = side_of(recorded, recorded), side_of(simulated, recorded)
    parts = LIKE if recorded.name in VARIANTS else PARTS
    return [row for part in parts for row in part(*sides)]
