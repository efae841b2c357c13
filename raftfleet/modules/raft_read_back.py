"""`raft_read_back`: what every node's own store holds of what was written, at rest."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from raftfleet.modules.raft_base import RaftModule
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["RaftReadBack"]


class RaftReadBack(RaftModule):
    """Pause the writers, wait until all agree and have caught up, and read every node's own store.

    What is missing is a finding of `writes-survive` or `stores-equal`, not a failed task. A drill
    does this once more at its end by itself.
    Arguments: ``timeout`` (seconds to come to rest; default: from the system's timing).
    Returns: lacks (node -> how many acknowledged keys it lacks), at_rest (bool).
    Check mode: nothing is read. Idempotence: never "changed".
    """

    name = "raft_read_back"
    arguments = MappingProxyType({"timeout": Argument("float")})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Read."""
        control = self.control_as(context)
        if context.check_mode:
            return Result(values={"lacks": {}, "at_rest": True})
        lacks, restless = control.read_back(arguments["timeout"])
        short = [f"{node} lacks {count}" for node, count in lacks.items() if count]
        msg = "; ".join(filter(None, [restless, *short]))
        return Result(msg=msg, values={"lacks": lacks, "at_rest": restless is None})
