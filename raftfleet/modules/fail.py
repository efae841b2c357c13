"""`fail`: stop with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.modules.base import GenericModule, arguments
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Fail"]


class Fail(GenericModule):
    """Fail with a message.

    Arguments: ``msg`` (text). Returns: nothing else. Needs no connection; the same in check mode.
    """

    name = "fail"
    local = True
    arguments = arguments(msg=Argument(default="Failed as requested from task"))

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:  # noqa: ARG002
        """Fail."""
        return Result(Status.FAILED, arguments["msg"])
