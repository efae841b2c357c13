"""Taking up again what a broken connection interrupted."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from raftfleet.transport.protocol import Lost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.clock import Deadline
    from raftfleet.transport.protocol import Outcome

__all__ = ["ATTEMPTS", "CLOSED", "attempts", "interrupted"]

ATTEMPTS = 8
CLOSED = "the connection was closed from here"


def attempts(deadline: Deadline) -> Iterator[int]:
    """Yield 1, 2, ... while there is time for another attempt, with growing pauses in between."""
    for attempt in range(1, ATTEMPTS + 1):
        yield attempt
        # With jitter, or all hosts behind one broken router would come back at the same moment.
        pause = random.uniform(0.05, 0.15) * attempt  # noqa: S311 - not a secret
        if deadline.left <= pause:
            return
        time.sleep(pause)


def interrupted(outcome: Outcome) -> bool:
    """Whether the connection broke under a command without anybody here having asked for it."""
    return isinstance(outcome, Lost) and outcome.reason != CLOSED
