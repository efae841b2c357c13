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

    Arguments: ``msg`` (any value).
    Returns: msg. Needs no connection; the same in check mode. Diff: none.
    Idempotence: it always fails; ``when:`` says when.
    """

    name = "fail"
    local = True
    arguments = arguments(msg=Argument("raw", default="Failed as requested from task"))

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:  # noqa: ARG002
        """Fail."""
        return Result(Status.FAILED, str(arguments["msg"]))
