"""`shell`: run a line in a shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.commanding import CONDITIONS, Invocation, given_input, perform
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Shell"]


class Shell(GenericModule):
    """Run a line in the host's ``/bin/sh``, or in another shell.

    Arguments: ``cmd`` (str, also as plain text), ``executable`` (path of another shell),
    ``chdir`` (path), ``creates``, ``removes`` (path or pattern: do not run when it exists, or
    does not), ``stdin`` (str), ``stdin_add_newline`` (bool, true),
    ``strip_empty_ends`` (bool, true: newlines at the end of the output go).
    Returns: cmd (str), rc, stdout, stderr, stdout_lines, stderr_lines, start, end, delta.
    Check mode: skipped, unless creates or removes tell what would happen. Diff: none.
    Idempotence: always "changed"; creates, removes or changed_when make it better.
    """

    name = "shell"
    free_form: str | None = "cmd"
    arguments = arguments(
        cmd=Argument(required=True),
        executable=Argument("path"),
        **CONDITIONS,
        stdin=Argument(),
        stdin_add_newline=Argument("bool", default=True),
        strip_empty_ends=Argument("bool", default=True),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Run it; an exit status other than 0 is a failure."""
        text = str(arguments["cmd"])
        if not text.strip():
            raise TaskError("the command is empty")
        line = text
        if arguments["executable"]:
            line = f"exec {shlex.quote(arguments['executable'])} -c {shlex.quote(text)}"
        invocation = Invocation(line, text, given_input(arguments), arguments["strip_empty_ends"])
        return perform(OnHost(context), invocation, arguments)
