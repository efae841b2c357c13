"""`assert`: stop unless all conditions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.modules.base import GenericModule, arguments
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Assert"]


class Assert(GenericModule):
    """Fail unless all conditions hold.

    Arguments: ``that`` (a condition or a list of conditions, required), ``fail_msg`` (text or
    list; also ``msg``), ``success_msg`` (text or list), ``quiet`` (bool: say nothing when all
    hold).
    Returns: assertion (the first condition that does not hold), evaluated_to.
    Needs no connection, never changes anything; the same in check mode. Diff: none.
    Idempotence: full.
    """

    name = "assert"
    local = True
    raw = frozenset({"that"})
    arguments = arguments(
        that=Argument("raw", required=True),
        fail_msg=Argument("raw", aliases=("msg",)),
        success_msg=Argument("raw"),
        quiet=Argument("bool", default=False),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Evaluate the conditions in order, up to the first that does not hold."""
        that = arguments["that"]
        for condition in that if isinstance(that, list) else [that]:
            if not context.condition(condition):
                values = {"assertion": _plain(condition), "evaluated_to": False}
                message = _text(arguments["fail_msg"], "Assertion failed")
                return Result(Status.FAILED, message, values)
        message = _text(arguments["success_msg"], "All assertions passed")
        return Result(msg=message, quiet=arguments["quiet"])


def _text(message: Any, default: str) -> str:
    if message is None:
        return default
    return "\n".join(map(str, message)) if isinstance(message, list) else str(message)


def _plain(condition: Any) -> Any:
    return str(condition) if isinstance(condition, str) else condition
