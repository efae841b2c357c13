"""Waiting for a condition, with a deadline and a memory of what was seen last."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from raftfleet.clock import Clock, Deadline, SystemClock
from raftfleet.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PAUSE", "until"]

PAUSE = 0.005
"""Seconds between two looks."""


def until(
    look: Callable[[], str | None],
    *,
    seconds: float,
    what: str,
    hint: str | None = None,
    clock: Clock | None = None,
) -> None:
    """Look until ``look`` returns None; until then it returns what it sees instead.

    Raises SandboxError when that did not happen within ``seconds``.
    """
    clock = clock or SystemClock()
    deadline = Deadline.after(seconds, clock)
    nobody = threading.Condition()
    with nobody:
        while (seen := look()) is not None:
            if deadline.passed:
                raise SandboxError(
                    f"{what}: not within {seconds:g} s; last seen: {seen}", hint=hint
                )
            clock.wait(nobody, PAUSE)
