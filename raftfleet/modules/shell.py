"""`shell`: run a line in a shell."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.commanding import CONDITIONS, Invocation, given_input, perform
from raftfleet.modules.on_host import OnHost, word
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Shell"]

_NOT_FOUND: Final = 127
_NO_SHELL: Final = "raftfleet: no such executable"


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
        line, shell = text, arguments["executable"]
        if shell:
            test = f"[ -x {word(shell)} ] || {{ echo {quote(_NO_SHELL)} >&2; exit {_NOT_FOUND}; }}"
            line = f"{test}; exec {quote(shell)} -c {quote(text)}"
        invocation = Invocation(line, text, given_input(arguments), arguments["strip_empty_ends"])
        result = perform(OnHost(context), invocation, arguments)
        if result.values.get("rc") == _NOT_FOUND and result.values["stderr"] == _NO_SHELL:
            quiet = {"rc": 2, "stderr": "", "stderr_lines": [], "changed": False}
            said = f"there is no executable {shell} on the host"
            return Result(Status.FAILED, said, {**result.values, **quiet})
        return result
