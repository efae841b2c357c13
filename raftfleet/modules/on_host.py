"""One module's dealings with its host, under one deadline."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Final

from raftfleet.clock import Deadline
from raftfleet.errors import TaskError, UnreachableError
from raftfleet.transport.again import attempts, interrupted
from raftfleet.transport.protocol import Command, Exited, Lost, Signalled, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.playbook.module import ModuleContext
    from raftfleet.transport.protocol import Outcome

__all__ = ["OnHost", "complaint", "word"]

_HOME: Final = re.compile(r"~[A-Za-z0-9_.-]*(?=/|\Z)")


def word(path: str) -> str:
    """Quote a path for a shell's command line so that it can never be read as an option."""
    return quote(path if path.startswith("/") else f"./{path}")


def complaint(outcome: Outcome) -> str:
    """Return one line about why a command did not work: the last it said, or how it ended."""
    said = [line for line in outcome.err.splitlines() if line.strip()]
    if said:
        return said[-1].strip()
    if isinstance(outcome, Exited):
        return f"exit status {outcome.status}"
    return f"ended by signal {outcome.signal}" if isinstance(outcome, Signalled) else "no answer"


class OnHost:
    """Runs commands for a module until the module's deadline passes.

    A lost connection raises `UnreachableError`, and so does a host that does not even answer the
    request to end an overdue command; a command that is overdue and was ended raises `TaskError`.
    ``fenced`` makes of each line one that the host refuses unless the cluster lock is ours.
    ``cuts`` counts how often a line was run again because the connection broke under it.
    """

    def __init__(
        self, context: ModuleContext, *, fenced: Callable[[str], str] | None = None
    ) -> None:
        self.context = context
        self.fenced = fenced
        self.transport = context.transport
        self.cuts = 0
        self._deadline = Deadline.after(context.deadline, context.clock)

    @property
    def left(self) -> float:
        """Seconds until the module's deadline."""
        return self._deadline.left

    def run(
        self,
        line: str,
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        within: float | None = None,
        repeatable: bool = True,
        resumable: bool = False,
    ) -> Exited | Signalled:
        """Run a shell line to its end, with the task's environment and user.

        ``within`` bounds this one command in seconds, the module's deadline bounds all. When the
        connection breaks under a line that may be ``repeatable`` without harm it is run again;
        one that is ``resumable`` is asked for its outcome.
        """
        context = self.context
        command = Command(
            self.fenced(line) if self.fenced else line,
            env=context.environment,
            cwd=PurePosixPath(cwd) if cwd is not None else None,
            become=context.become,
            resumable=resumable,
        )
        seconds = self.left if within is None else min(within, self.left)
        deadline = Deadline.after(seconds, context.clock)
        for attempt in attempts(deadline):
            left = seconds if attempt == 1 else deadline.left
            outcome = self.transport.run(command, timeout=left, stdin=stdin)
            if resumable or not (repeatable and interrupted(outcome)):
                break
            self.cuts += 1
        if isinstance(outcome, (Exited, Signalled)):
            return outcome
        raise self._unfinished(outcome, seconds)

    def _unfinished(self, outcome: Outcome, seconds: float) -> Exception:
        name = self.transport.host
        if isinstance(outcome, Lost):
            return UnreachableError(
                f"{name}: the connection was lost ({outcome.reason})",
                hint="whether the command ran to its end is not known",
            )
        if isinstance(outcome, TimedOut) and not outcome.ended_remote:
            return UnreachableError(f"{name} did not answer within {seconds:g} s")
        return TaskError(
            f"not done within {seconds:g} s; the command was ended",
            hint="give the task a longer `timeout:`",
        )

    def ask(self, line: str, what: str, *, stdin: bytes = b"") -> bytes:
        """Run a shell line that must work and return what it says; ``what`` is for the error.

        It is done once, however often the connection breaks.
        """
        outcome = self.run(line, stdin=stdin, resumable=True)
        if not outcome.ok:
            raise TaskError(f"cannot {what}: {complaint(outcome)}")
        if outcome.truncated:
            raise TaskError(f"cannot {what}: the answer is too long")
        return outcome.stdout

    def path(self, path: str) -> str:
        """Return a path of the host with a leading ``~`` or ``~user`` made absolute."""
        if not path:
            raise TaskError("a path is empty")
        if "\0" in path:
            raise TaskError("a path contains a NUL character")
        found = _HOME.match(path)
        if found is None:
            return path
        # The prefix holds only letters, digits and ._-, so it may stand there without quotes.
        home = self.ask(f"printf %s {found[0]}", f"find the home directory {found[0]}").decode()
        if home.startswith("~"):
            raise TaskError(f"there is no user {found[0][1:]!r} on the host")
        return home + path[found.end() :]
