"""`raft_start`: nodes up, one at a time."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.cluster import select
from raftfleet.errors import TaskError
from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.cluster import Control
    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftStart"]


class RaftStart(RaftModule):
    """Start nodes that are down: the next only when the one before is really up.

    Up means: alive in the same incarnation, holding all its ports, and seen as a voter of every
    group by every live node's own view. What a log says is never trusted.
    Arguments: ``node`` (what to start, default ``down``), ``timeout`` (seconds for
    each; default: from the system's timing), ``until`` (``ready``; ``answering``: it says what it
    knows, caught up or not; ``started``: its process exists; `raft_wait` waits for the rest).
    Returns: nodes (those started). Check mode: "changed" when something would be started.
    Idempotence: a node that is up is left alone.
    """

    name = "raft_start"
    arguments = MappingProxyType(
        {
            "node": Argument("raw", default="down"),
            "timeout": Argument("float"),
            "until": Argument(default="ready", choices=("ready", "answering", "started")),
        }
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Start each in turn."""
        control = self.control_as(context)
        view = control.look()
        down = (node for node in select(view, arguments["node"]) if node in view.down)
        wanted = self.within_limit(down)
        if wanted and not context.check_mode:
            context.progress(f"starting {', '.join(wanted)}")
            self._start(control, wanted, arguments["timeout"], arguments["until"])
        return Result(Status.CHANGED if wanted else Status.OK, values={"nodes": wanted})

    def _start(
        self, control: Control, wanted: list[str], timeout: float | None, until: str
    ) -> None:
        if until == "ready":
            control.start(wanted, timeout=timeout)
            return
        control.launch(wanted)
        if until == "answering":
            missing = control.await_answers(wanted, timeout)
            if missing:
                raise TaskError(missing)
