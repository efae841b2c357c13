"""`debug`: show a message or a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError, TaskError
from raftfleet.inventory.source import MarkedStr
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Debug"]


class Debug(GenericModule):
    """Show a message or a variable.

    Arguments: ``msg`` (any value) or ``var`` (a variable's name or an expression), ``verbosity``
    (int: only from that many ``-v`` on).
    Returns: msg, or the value under the name that ``var`` gives.
    Needs no connection, never changes anything; the same in check mode. Diff: none.
    Idempotence: full.
    """

    name = "debug"
    local = True
    raw = frozenset({"var"})
    exclusive = (("msg", "var"),)
    nullable = frozenset({"msg"})
    arguments = arguments(
        msg=Argument("raw", default="Hello world!"),
        var=Argument("raw"),
        verbosity=Argument("int", default=0),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Return what is to be shown."""
        # A host's output never becomes an expression, so only the author's own text is one.
        if arguments["var"] is not None and not isinstance(arguments["var"], MarkedStr):
            raise TaskError("var is a variable's name or an expression, as written in a file")
        wanted = arguments["verbosity"]
        if int(context.variables.get("ansible_verbosity", 0)) < wanted:
            values = {"skipped_reason": "Verbosity threshold not met."}
            return Result(Status.SKIPPED, values=values)
        if arguments["var"] is None:
            return _message(arguments["msg"])
        expression = arguments["var"]
        return Result(values={str(expression): _value(expression, context)})


def _message(message: Any) -> Result:
    """Return a message; one that is no text is registered as what it is, and an empty one too."""
    if isinstance(message, str) and message:
        return Result(msg=message)
    return Result(values={"msg": message})


def _value(expression: MarkedStr, context: ModuleContext) -> Any:
    text = expression if "{{" in expression else f"{{{{ {expression} }}}}"
    try:
        return context.template(MarkedStr(text, expression.mark))
    except RaftfleetError as error:
        if getattr(error, "undefined", False):
            return f"<< error 1 - {getattr(error, 'message', error)} >>"
        raise
