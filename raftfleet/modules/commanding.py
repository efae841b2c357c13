"""What `command`, `shell` and `script` share: when to run, and what a run registers."""

from __future__ import annotations

import datetime as dt
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from raftfleet.modules.on_host import word
from raftfleet.playbook.module import Argument, Result, Status
from raftfleet.transport.protocol import Exited, Signalled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["CONDITIONS", "Invocation", "perform", "skipped_because"]

QUOTE: Final = "'"
_CANNOT_ENTER: Final = 125
CONDITIONS: Final = {
    "chdir": Argument("path"),
    "creates": Argument("path"),
    "removes": Argument("path"),
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command that is about to run; ``shown`` is what is registered as ``cmd``.

    ``needless`` is what the task comes to when it does not have to run; ``relative`` says whether
    `creates` and `removes` are meant inside of `chdir`.
    """

    line: str
    shown: str | list[str]
    stdin: bytes = b""
    strip: bool = True
    needless: Status = Status.OK
    relative: bool = True


def given_input(arguments: Mapping[str, Any]) -> bytes:
    """Return what `stdin` and `stdin_add_newline` make of standard input."""
    text: str | None = arguments["stdin"]
    if text is None:
        return b""
    return f"{text}\n".encode() if arguments["stdin_add_newline"] else text.encode()


def perform(host: OnHost, invocation: Invocation, arguments: Mapping[str, Any]) -> Result:
    """Run a command unless `creates`, `removes` or check mode say not to."""
    chdir = host.path(arguments["chdir"]) if arguments["chdir"] else None
    if chdir is not None and invocation.relative and _depends(host, arguments):
        entered = host.run(":", cwd=chdir)
        if _was_kept_out(entered):
            return _kept_out(entered, _values(invocation, 0, "", ""))
    reason = skipped_because(host, arguments, chdir if invocation.relative else None)
    if reason:
        values = _values(invocation, 0, f"skipped, since {reason.replace(QUOTE, '')}", "")
        run = "Would not run" if host.context.check_mode else "Did not run"
        return Result(invocation.needless, f"{run} command since {reason}", values)
    if host.context.check_mode:
        return _predicted(invocation, arguments)
    began = host.context.clock.wall()
    # What somebody else's command does may not be done twice.
    outcome = host.run(invocation.line, stdin=invocation.stdin, cwd=chdir, repeatable=False)
    values = _values(invocation, _status(outcome), outcome.out, outcome.err)
    values |= _times(began, host.context.clock.wall())
    if outcome.truncated:
        values["truncated"] = True
    if outcome.ok:
        return Result(Status.CHANGED, values=values | {"msg": ""})
    if chdir is not None and _was_kept_out(outcome):
        return _kept_out(outcome, values)
    # It ran, so what it changed before it failed counts.
    return Result(Status.FAILED, _failure(outcome), values | {"changed": True})


def _depends(host: OnHost, arguments: Mapping[str, Any]) -> bool:
    """Return whether it may not come to running the command."""
    return bool(host.context.check_mode or arguments["creates"] or arguments["removes"])


def _kept_out(outcome: Exited | Signalled, values: Mapping[str, Any]) -> Result:
    """Return the failure that the folder to run in cannot be entered."""
    nothing: dict[str, Any] = {"rc": None, "stderr": "", "stderr_lines": [], "changed": False}
    said = f"Unable to change directory before execution: {outcome.err.strip()}"
    return Result(Status.FAILED, said, {**values, **nothing})


def skipped_because(
    host: OnHost, arguments: Mapping[str, Any], chdir: str | None = None
) -> str | None:
    """Say why `creates` and `removes` make it needless, or None; patterns are allowed."""
    for name, wanted in (("creates", True), ("removes", False)):
        path = arguments[name]
        if path and _matches(host, host.path(path), chdir) is wanted:
            return f"'{path}' {'exists' if wanted else 'does not exist'}"
    return None


def _matches(host: OnHost, pattern: str, chdir: str | None) -> bool:
    # Without IFS the unquoted variable is neither split nor evaluated: only its * ? [ count.
    line = f'IFS=; p={word(pattern)}; set -- $p; [ -e "$1" ] || [ -L "$1" ]'
    return host.run(line, cwd=chdir).ok


def _predicted(invocation: Invocation, arguments: Mapping[str, Any]) -> Result:
    status = Status.CHANGED if arguments["creates"] or arguments["removes"] else Status.SKIPPED
    message = "Command would have run if not in check mode"
    return Result(status, message, _values(invocation, 0, "", ""))


def _values(invocation: Invocation, status: int, out: str, err: str) -> dict[str, Any]:
    if invocation.strip:
        out, err = out.rstrip("\r\n"), err.rstrip("\r\n")
    return {
        "cmd": invocation.shown,
        "rc": status,
        "stdout": out,
        "stderr": err,
        "stdout_lines": out.splitlines(),
        "stderr_lines": err.splitlines(),
    }


def _status(outcome: Exited | Signalled) -> int:
    """Return the exit status; a signal counts as its negative number."""
    if isinstance(outcome, Exited):
        return outcome.status
    known = signal.Signals.__members__.get(f"SIG{outcome.signal}")
    return -known if known else -int(outcome.signal) if outcome.signal.isdecimal() else -1


def _was_kept_out(outcome: Exited | Signalled) -> bool:
    """Return whether it was the transport that could not enter the folder."""
    if not isinstance(outcome, Exited) or outcome.status != _CANNOT_ENTER:
        return False
    return outcome.err.startswith("cannot enter ")


def _failure(outcome: Exited | Signalled) -> str:
    if isinstance(outcome, Signalled):
        return f"ended by signal {outcome.signal}"
    return "non-zero return code"


def _times(began: float, ended: float) -> dict[str, str]:
    """Return when it ran, for people; durations for measuring come from the journal."""
    start = dt.datetime.fromtimestamp(began, tz=dt.UTC)
    end = dt.datetime.fromtimestamp(max(began, ended), tz=dt.UTC)
    return {"start": f"{start:%F %T.%f}", "end": f"{end:%F %T.%f}", "delta": str(end - start)}
