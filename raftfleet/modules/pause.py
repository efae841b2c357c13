"""`pause`: let some time pass."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any, Final

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Pause", "linger"]

_TURN: Final = 0.25


class Pause(GenericModule):
    """Let some time pass, once for all hosts.

    Arguments: ``seconds`` or ``minutes`` (number), ``prompt`` (text, shown while it lasts). Without
    a time it waits for nobody, as Ansible does without a terminal: `wait_for` and `raft_wait`
    wait for something, which is nearly always better. ``echo`` (bool) is accepted and means
    nothing.
    Returns: start, stop, delta (seconds), stdout, stderr, rc, user_input (always empty).
    Needs no connection, never counts as a change; in check mode no time passes. Diff: none.
    Idempotence: full.
    """

    name = "pause"
    local = True
    once = True
    arguments = arguments(
        seconds=Argument("float"),
        minutes=Argument("float"),
        prompt=Argument(),
        echo=Argument("bool", default=True),
    )
    exclusive = (("seconds", "minutes"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Wait, and give up when the run is interrupted."""
        seconds = _seconds(arguments)
        began, start = context.clock.wall(), context.clock.monotonic()
        if arguments["prompt"]:
            context.progress(arguments["prompt"])
        if not context.check_mode:
            linger(context, seconds)
        passed = context.clock.monotonic() - start
        return Result(
            values={
                "start": _shown(began),
                "stop": _shown(context.clock.wall()),
                "delta": round(passed),
                "stdout": _said(passed, in_minutes=arguments["seconds"] is None),
                "stderr": "",
                "rc": 0,
                "echo": arguments["echo"],
                "user_input": "",
            }
        )


def _seconds(arguments: Mapping[str, Any]) -> float:
    seconds, minutes = arguments["seconds"], arguments["minutes"]
    return max(0.0, float(seconds if seconds is not None else (minutes or 0) * 60))


def _said(passed: float, *, in_minutes: bool) -> str:
    if in_minutes:
        return f"Paused for {round(passed / 60, 2)} minutes"
    return f"Paused for {round(passed, 2)} seconds"


def _shown(wall: float) -> str:
    return f"{dt.datetime.fromtimestamp(wall, tz=dt.UTC):%F %T.%f}"


def linger(context: ModuleContext, seconds: float) -> None:
    """Let time pass on the context's clock; `TaskError` if that is too long, `InterruptedRun`."""
    if seconds > context.deadline:
        raise TaskError(
            f"{seconds:g} s are longer than the task may take ({context.deadline:g} s)",
            hint="give the task a longer `timeout:`",
        )
    end = Deadline.after(seconds, context.clock)
    nobody = threading.Condition()
    with nobody:
        while not end.passed:
            if context.stopping():
                raise InterruptedRun("interrupted while pausing")
            context.clock.wait(nobody, min(end.left, _TURN))
