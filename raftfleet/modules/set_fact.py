"""`set_fact`: variables that last for the rest of the run."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["SetFact"]


class SetFact(GenericModule):
    """Set variables of the host for the rest of the run, later plays included.

    Arguments: each is a variable; ``cacheable`` (bool) puts them into ansible_facts too. Facts are
    not kept between runs.
    Returns: ansible_facts (the variables). Needs no connection, never counts as a change; the same
    in check mode. Diff: none. Idempotence: full.
    """

    name = "set_fact"
    local = True
    arguments = arguments(**{"cacheable": Argument("bool", default=False), "*": Argument("raw")})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:  # noqa: ARG002
        """Return the variables as facts; `TaskError` for a name that cannot be one."""
        facts = {name: value for name, value in arguments.items() if name != "cacheable"}
        if not facts:
            raise TaskError("set_fact names no variable")
        for name in facts:
            if not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
                raise TaskError(
                    f"{name!r} cannot be the name of a variable",
                    hint="letters, digits and _, no digit first, and no word of Python's own",
                )
        gathered = facts if arguments["cacheable"] else {}
        return Result(values={"ansible_facts": facts}, facts=facts, gathered=gathered)
