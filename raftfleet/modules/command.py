"""`command`: run a program without a shell."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import GenericModule, arguments, exactly_one
from raftfleet.modules.commanding import CONDITIONS, Invocation, given_input, perform
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Command"]

_VARIABLE: Final = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})", re.ASCII
)
# The slash belongs to it: a shell expands ~name only up to a slash outside of quotes.
_HOME: Final = re.compile(r"~[A-Za-z0-9_.-]*(?:/|\Z)")
# A shell has these even when the environment has not.
_SHELLS_OWN: Final = frozenset({"IFS", "OPTIND", "PPID", "PS1", "PS2", "PS4", "LINENO", "_"})
_NOT_FOUND: Final = "raftfleet: no such program"
_NOT_ALLOWED: Final = "raftfleet: not a program that may be run"
_RUN: Final = f"""
[ "${{1#-}}" = "$1" ] || set -- "./$@"
case $1 in
*/*) rf_found=$1 ;;
*) IFS=:; rf_found=; for rf_dir in $PATH; do
     [ -f "${{rf_dir:-.}}/$1" ] && rf_found=${{rf_dir:-.}}/$1 && [ -x "$rf_found" ] && break
   done; unset IFS ;;
esac
[ -f "$rf_found" ] || {{ echo "{_NOT_FOUND}: $1" >&2; exit 127; }}
[ -x "$rf_found" ] || {{ echo "{_NOT_ALLOWED}: $1" >&2; exit 126; }}
exec "$@"
"""


class Command(GenericModule):
    """Run a program without a shell.

    Arguments: ``cmd`` (str, also as plain text; split like a shell would, but nothing in it is
    evaluated) or ``argv`` (list), ``chdir`` (path), ``creates``, ``removes`` (path or pattern:
    do not run when it exists, or does not), ``stdin`` (str), ``stdin_add_newline`` (bool, true),
    ``strip_empty_ends`` (bool, true: newlines at the end of the output go),
    ``expand_argument_vars`` (bool, true: ``$NAME``, ``${NAME}`` and a leading ``~`` are
    replaced; a name that is not in the environment stays as it is). ``executable`` is taken and
    does nothing, as in Ansible: `shell` has one.
    Returns: cmd (list), rc, stdout, stderr, stdout_lines, stderr_lines, start, end, delta.
    rc is negative for a signal; 2 when there is no such program, 13 when it may not be run.
    Check mode: skipped, unless creates or removes tell what would happen. Diff: none.
    Idempotence: always "changed"; creates, removes or changed_when make it better.
    """

    name = "command"
    free_form: str | None = "cmd"
    arguments = arguments(
        cmd=Argument(),
        argv=Argument("list"),
        **CONDITIONS,
        stdin=Argument(),
        stdin_add_newline=Argument("bool", default=True),
        strip_empty_ends=Argument("bool", default=True),
        expand_argument_vars=Argument("bool", default=True),
        executable=Argument("path"),
    )
    idle = frozenset({"executable"})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Run it; an exit status other than 0 is a failure."""
        words = _words(arguments)
        expand = _expanded if arguments["expand_argument_vars"] else shlex.quote
        line = f"set -- {' '.join(map(expand, words))}\n{_RUN}"
        stdin = given_input(arguments)
        invocation = Invocation(line, words, stdin, arguments["strip_empty_ends"])
        return _explained(perform(OnHost(context), invocation, arguments), words[0])


def _words(arguments: Mapping[str, Any]) -> list[str]:
    if exactly_one(arguments, "cmd", "argv") == "argv":
        words = [str(item) for item in arguments["argv"]]
    else:
        try:
            words = shlex.split(arguments["cmd"])
        except ValueError as error:
            raise TaskError(f"the command cannot be split into words: {error}") from error
    if not words or not words[0]:
        raise TaskError("the command is empty")
    return words


def _expanded(argument: str) -> str:
    """Quote an argument so that the shell replaces variables and a leading ``~`` and no more."""
    home = _HOME.match(argument)
    parts = [home[0]] if home else []
    at = home.end() if home else 0
    for found in _VARIABLE.finditer(argument, at):
        name = found["bare"] or found["braced"]
        if name in _SHELLS_OWN:
            continue
        parts += [_quoted(argument[at : found.start()]), _variable(name, found[0])]
        at = found.end()
    return "".join([*parts, _quoted(argument[at:])]) or "''"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'" if text else ""


def _variable(name: str, written: str) -> str:
    untouched = written.replace("$", "\\$").replace("}", "\\}")
    return f'"${{{name}-{untouched}}}"'


def _explained(result: Result, program: str) -> Result:
    """Say that there is no such program the way Ansible does, with its errno as rc."""
    said = str(result.values["stderr"])
    for text, errno, reason in (
        (_NOT_FOUND, 2, "No such file or directory"),
        (_NOT_ALLOWED, 13, "Permission denied"),
    ):
        if result.status is Status.FAILED and said.startswith(f"{text}: "):
            quiet = {"rc": errno, "stderr": "", "stderr_lines": [], "changed": False}
            values = {**result.values, **quiet}
            return Result(Status.FAILED, f"{program}: {reason}", values)
    return result
