"""`ping`: see whether the host answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Ping"]


class Ping(GenericModule):
    """Run nothing on the host, to see that it answers and that its shell works.

    Arguments: ``data`` (text, "pong"; "crash" makes it fail).
    Returns: ping (that text).
    Never changes anything; the same in check mode. Diff: none. Idempotence: full.
    """

    name = "ping"
    arguments = arguments(data=Argument(default="pong"))

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Ask the host."""
        if arguments["data"] == "crash":
            raise TaskError("boom")
        OnHost(context).ask(":", "run a command")
        return Result(values={"ping": arguments["data"]})
