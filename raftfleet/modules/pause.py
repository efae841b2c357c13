"""`pause`: let some time pass, or wait for the person at the terminal."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any, Final

from raftfleet.clock import Deadline
from raftfleet.errors import InterruptedRun, TaskError
from raftfleet.modules.asking import ask, somebody_is_there
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
    a time it asks the person at the terminal and waits for a line; ``echo`` (bool) says whether
    what is typed is seen. Where there is no terminal it goes on at once, as Ansible does:
    `wait_for` and `raft_wait` wait for something, which is nearly always better.
    Returns: start, stop, delta (seconds), stdout, stderr, rc, user_input.
    Needs no connection, never counts as a change; in check mode no time passes and nobody is
    asked. Diff: none. Idempotence: full.
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
        answer = ""
        if seconds is None and not context.check_mode and somebody_is_there():
            answer = _asked(arguments, context)
        else:
            if arguments["prompt"]:
                context.progress(arguments["prompt"])
            if not context.check_mode:
                linger(context, seconds or 0.0)
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
                "user_input": answer,
            }
        )


def _seconds(arguments: Mapping[str, Any]) -> float | None:
    seconds, minutes = arguments["seconds"], arguments["minutes"]
    if seconds is None and minutes is None:
        return None
    return max(0.0, float(seconds if seconds is not None else minutes * 60))


def _asked(arguments: Mapping[str, Any], context: ModuleContext) -> str:
    question = arguments["prompt"] or "Press enter to continue, Ctrl+C to interrupt"
    hidden = "" if arguments["echo"] else " (output is hidden)"
    return ask(f"{question}{hidden}", context, echo=arguments["echo"])


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
