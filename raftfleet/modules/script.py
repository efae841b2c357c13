"""`script`: run a script of ours on the host."""

from __future__ import annotations

import io
import shlex
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.commanding import CONDITIONS, Invocation, perform
from raftfleet.modules.files.contents import refuse_encrypted
from raftfleet.modules.files.landing import place
from raftfleet.modules.files.safeguards import scratch
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Script"]


class Script(GenericModule):
    """Send a script to the host, run it there and remove it again.

    Arguments: ``cmd`` (str, also as plain text: the script's name, looked up in ``files``, and
    its arguments, which a shell of the host reads), ``executable`` (path of what runs it; else its own first line decides),
    ``chdir`` (path), ``creates``, ``removes`` (path or pattern: do not run when it exists, or
    does not), ``decrypt`` (bool, true: refuse what ansible-vault has encrypted).
    Returns: cmd (str), rc, stdout, stderr (with the newlines at their ends), stdout_lines,
    stderr_lines, start, end, delta. Skipped when creates or removes say so.
    Check mode: skipped, unless creates or removes tell what would happen.
    Diff: none. Idempotence: always "changed"; creates, removes or changed_when make it better.
    """

    name = "script"
    free_form: str | None = "cmd"
    arguments = arguments(
        cmd=Argument(required=True),
        executable=Argument("path"),
        **CONDITIONS,
        decrypt=Argument("bool", default=True),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Run it; an exit status other than 0 is a failure."""
        name, words = _split(arguments["cmd"])
        source = context.find("files", name)
        refuse_encrypted(source, decrypt=arguments["decrypt"])
        host = OnHost(context)
        if context.check_mode:
            return perform(host, _invocation("", arguments), arguments)
        with scratch(host) as folder:
            target = f"{folder}/{source.name}"
            place(host, source, target, 0o700)
            program = shlex.split(arguments["executable"] or "")
            # What stands behind the script's name is read by a shell, as Ansible has it.
            line = " ".join([*map(shlex.quote, [*program, target]), words])
            return perform(host, _invocation(line, arguments), arguments)


def _split(text: str) -> tuple[str, str]:
    """Return the script's name, and what stands behind it as it is written."""
    stream = io.StringIO(text)
    reader = shlex.shlex(stream, posix=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        name = reader.get_token()
    except ValueError as error:
        raise TaskError(f"the script's name cannot be read: {error}") from error
    if not name:
        raise TaskError("the script has no name")
    return name, stream.read()


def _invocation(line: str, arguments: Mapping[str, Any]) -> Invocation:
    """As Ansible does, newlines at the end of the output stay, and a needless run is "skipped"."""
    return Invocation(line, arguments["cmd"], strip=False, needless=Status.SKIPPED, relative=False)
