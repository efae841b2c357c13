"""`script`: run a script of ours on the host."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError, TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.commanding import CONDITIONS, Invocation, perform
from raftfleet.modules.delivery import place
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Script"]


class Script(GenericModule):
    """Send a script to the host, run it there and remove it again.

    Arguments: ``cmd`` (str, also as plain text: the script's name, looked up in ``files``, and
    its arguments), ``executable`` (path of what runs it; else its own first line decides),
    ``chdir`` (path), ``creates``, ``removes`` (path or pattern: do not run when it exists, or
    does not).
    Returns: as `shell`. Check mode: skipped, unless creates or removes tell what would happen.
    Diff: none. Idempotence: always "changed"; creates, removes or changed_when make it better.
    """

    name = "script"
    free_form: str | None = "cmd"
    arguments = arguments(cmd=Argument(required=True), executable=Argument("path"), **CONDITIONS)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Run it; an exit status other than 0 is a failure."""
        try:
            name, *words = shlex.split(arguments["cmd"])
        except ValueError as error:
            raise TaskError(f"the script's arguments cannot be read: {error}") from error
        source = context.find("files", name)
        host = OnHost(context)
        if context.check_mode:
            return perform(host, Invocation("", arguments["cmd"]), arguments)
        made = host.ask("mktemp -d", "make a temporary directory").decode().strip()
        try:
            target = f"{made}/script"
            place(host, source, target, 0o700)
            program = [arguments["executable"]] if arguments["executable"] else []
            line = "exec " + " ".join(map(shlex.quote, [*program, target, *words]))
            return perform(host, Invocation(line, arguments["cmd"]), arguments)
        finally:
            with contextlib.suppress(RaftfleetError):  # the run's own error is the one to tell
                host.run(f"rm -rf -- {word(made)}")
