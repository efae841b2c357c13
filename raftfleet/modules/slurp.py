"""`slurp`: a file's content as a value."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.on_host import OnHost, complaint, word
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Slurp"]


class Slurp(GenericModule):
    """Read a small file from the host.

    Arguments: ``src`` (path, required; also ``path``).
    Returns: content (base64), encoding ("base64"), source.
    Fails for what is no file that can be read, and for more than 4 MiB (`fetch` takes those).
    Never changes anything; the same in check mode. Diff: none. Idempotence: full.
    """

    name = "slurp"
    arguments = arguments(src=Argument("path", required=True, aliases=("path",)))

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Read it."""
        host = OnHost(context)
        path = host.path(arguments["src"])
        outcome = host.run(f"export LC_ALL=C; cat -- {word(path)}")
        if not outcome.ok:
            raise TaskError(f"cannot read {path}: {complaint(outcome)}")
        if outcome.truncated:
            raise TaskError(f"{path} is too large to be a value", hint="use fetch")
        content = base64.b64encode(outcome.stdout).decode()
        return Result(values={"content": content, "encoding": "base64", "source": path})
