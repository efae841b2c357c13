"""Known defects of the real broker, which a simulated node has only when it is asked to.

``RAFTFLEET_SIMULATOR_DEFECTS`` names them, with commas between:

``snapshot-imports-nothing``
    A snapshot that arrives counts as installed although nothing of it reaches the store.
``cache-gap``
    The admin list of tenants misses what was not pushed to it, until the next restart; and a leader
    that has just come back refuses the first creates after it has carried them out.
"""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CACHE_GAP", "DEFECTS", "SNAPSHOT_IMPORTS_NOTHING", "chosen_defects"]

SNAPSHOT_IMPORTS_NOTHING = "snapshot-imports-nothing"
CACHE_GAP = "cache-gap"
DEFECTS = (CACHE_GAP, SNAPSHOT_IMPORTS_NOTHING)
VARIABLE = "RAFTFLEET_SIMULATOR_DEFECTS"


def chosen_defects(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return the defects that the environment asks for; raises SystemExit for an unknown name."""
    names = [name.strip() for name in environment.get(VARIABLE, "").split(",")]
    for name in filter(None, names):
        if name not in DEFECTS:
            near = difflib.get_close_matches(name, DEFECTS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(DEFECTS)}"
            raise SystemExit(f"{VARIABLE}: no such defect: {name} ({hint})")
    return frozenset(filter(None, names))
