"""Asking the person at the terminal, where there is one."""

from __future__ import annotations

import os
import select
import sys
import termios
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, TaskError
from raftfleet.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raftfleet.playbook.module import ModuleContext

__all__ = ["ask", "somebody_is_there"]

_TURN: Final = 0.25  # seconds between two looks at whether the run was interrupted
_LONGEST: Final = 4096  # bytes of a line, as the terminal's own editing limits it


def somebody_is_there() -> bool:
    """Whether standard input is a terminal from which this process may read."""
    try:
        terminal = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or no file at all
        return False
    if not os.isatty(terminal):
        return False
    with suppress(OSError):  # not our own terminal: it does not stop those in the background
        return os.tcgetpgrp(terminal) == os.getpgrp()
    return True


def ask(question: str, context: ModuleContext, *, echo: bool) -> str:
    """Show a question and return the line that is typed; the end of the input is an empty one.

    Raises `TaskError` when nobody answers within the context's deadline, `InterruptedRun`.
    """
    shown = "\n".join(one_line(line) for line in question.splitlines())
    sys.stderr.write(f"\n{shown}:\n")
    sys.stderr.flush()
    terminal = sys.stdin.fileno()
    deadline = Deadline.after(context.deadline, context.clock)
    with _as_typed(terminal, echo=echo):
        while not select.select([terminal], [], [], min(_TURN, deadline.left))[0]:
            if context.stopping():
                raise InterruptedRun("interrupted while asking")
            if deadline.passed:
                raise TaskError(
                    f"nobody answered within {context.deadline:g} s",
                    hint="give the task a longer `timeout:`",
                )
        return os.read(terminal, _LONGEST).decode(errors="replace").rstrip("\r\n")


@contextmanager
def _as_typed(terminal: int, *, echo: bool) -> Iterator[None]:
    """Show what is typed, or not, and leave the terminal as it was."""
    before = termios.tcgetattr(terminal)
    wanted = list(before)
    wanted[3] = before[3] | termios.ECHO if echo else before[3] & ~termios.ECHO
    termios.tcflush(terminal, termios.TCIFLUSH)  # what was typed before is no answer
    termios.tcsetattr(terminal, termios.TCSADRAIN, wanted)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
