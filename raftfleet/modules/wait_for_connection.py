"""`wait_for_connection`: until the host can be reached and its shell works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.clock import Deadline
from raftfleet.errors import HostKeyError, InterruptedRun, TaskError, UnreachableError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.on_host import OnHost
from raftfleet.modules.pause import linger
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["WaitForConnection"]

_FIRST: Final = 0.1


class WaitForConnection(GenericModule):
    """Wait until the host can be reached and runs commands, as after a reboot.

    Arguments: ``timeout`` (seconds, 600), ``delay`` (seconds before the first try, 0; it gives a
    host that is about to go down the time to do so), ``sleep`` (the longest pause between two
    tries, in seconds, 1), ``connect_timeout`` (seconds that one try may take, 5).
    Returns: elapsed (seconds). A failure says what was last seen; the host then counts as failed,
    not as unreachable. A host key that has changed fails at once.
    Never counts as a change. Check mode: skipped. Diff: none. Idempotence: full.
    """

    name = "wait_for_connection"
    arguments = arguments(
        timeout=Argument("float", default=600),
        delay=Argument("float", default=0),
        sleep=Argument("float", default=1),
        connect_timeout=Argument("float", default=5),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Try until a command runs; a failure when the time is up."""
        if context.check_mode:
            return Result(Status.SKIPPED, "nothing is waited for in check mode")
        began = context.clock.monotonic()
        if arguments["delay"] > 0:
            linger(context, arguments["delay"])
        end = Deadline.after(min(arguments["timeout"], context.deadline), context.clock)
        pause = min(_FIRST, arguments["sleep"])
        while True:
            seen = _try(context, min(arguments["connect_timeout"], max(end.left, 0.1)))
            elapsed = round(context.clock.monotonic() - began)
            if seen is None:
                return Result(values={"elapsed": elapsed})
            if context.stopping():
                raise InterruptedRun(f"interrupted while waiting; last seen: {seen}")
            if end.left <= pause:
                late = f"not reachable within {arguments['timeout']:g} s: {seen}"
                return Result(Status.FAILED, late, {"elapsed": elapsed, "last_seen": seen})
            context.progress(f"waiting, {end.left:.0f} s left: {seen}")
            linger(context, pause)
            pause = min(pause * 2, arguments["sleep"])


def _try(context: ModuleContext, seconds: float) -> str | None:
    """Run nothing on the host; return why that did not work, or None."""
    try:
        context.transport.connect(timeout=seconds)
        outcome = OnHost(context).run(":", within=seconds)
    except HostKeyError:
        raise
    except (UnreachableError, TaskError) as error:
        return error.message
    return None if outcome.ok else f"its shell does not work: {outcome.err.strip()}"
