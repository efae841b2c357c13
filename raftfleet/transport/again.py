"""Taking up again what a broken connection interrupted."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.clock import Deadline

__all__ = ["ATTEMPTS", "attempts"]

ATTEMPTS = 8


def attempts(deadline: Deadline) -> Iterator[int]:
    """Yield 1, 2, ... while there is time for another attempt, with growing pauses in between."""
    for attempt in range(1, ATTEMPTS + 1):
        yield attempt
        # With jitter, or all hosts behind one broken router would come back at the same moment.
        pause = random.uniform(0.05, 0.15) * attempt  # noqa: S311 - not a secret
        if deadline.left <= pause:
            return
        time.sleep(pause)
