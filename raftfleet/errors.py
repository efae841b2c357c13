"""Every exception raftfleet raises on purpose, and the exit codes they lead to.

    RaftfleetError
    ├── UsageError                 5  the request itself is wrong
    │   ├── SourceError            5  a file is wrong, and we know where
    │   └── SandboxError           5  this machine cannot hold sandbox hosts, or not as asked
    ├── TaskError                  2  something asked of a host did not work
    │   ├── NodeError              2  a node of the system under drill did not do what was asked
    │   ├── LockHeldError          2  another controller has the cluster
    │   └── LockLostError          2  a host refused us: the cluster lock is not ours any more
    ├── UnreachableError           4  a host did not answer
    │   ├── HostKeyError           4  a host showed another key than the one remembered
    │   ├── AuthenticationError    4  a host, or a node's API, refused our credentials
    │   ├── ForwardingError        4  a host does not carry connections to its ports for us
    │   └── CertificateError       4  a node's API showed a certificate that is not to be trusted
    ├── JournalError               5  a run folder cannot be read
    └── InterruptedRun           130  SIGINT, SIGTERM or SIGHUP

Anything else that escapes is a defect of raftfleet (exit code 250).
A message says what happened and where; a hint says what to do next.
"""

from __future__ import annotations

import difflib
import enum
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AuthenticationError",
    "CertificateError",
    "ExitCode",
    "ForwardingError",
    "HostKeyError",
    "InterruptedRun",
    "JournalError",
    "LockHeldError",
    "LockLostError",
    "Mark",
    "NodeError",
    "RaftfleetError",
    "SandboxError",
    "SourceError",
    "TaskError",
    "UnreachableError",
    "UsageError",
    "nearest",
    "worst",
]


_WIDEST = 160
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")  # YAML's; str.splitlines knows more
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class ExitCode(enum.IntEnum):
    """What a process of raftfleet says when it ends."""

    PASSED = 0
    TASK_FAILED = 2
    DRILL_FAILED = 3
    UNREACHABLE = 4
    USAGE = 5
    INCONCLUSIVE = 6
    INTERRUPTED = 130
    DEFECT = 250


_PRECEDENCE = (
    ExitCode.DEFECT,
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.DRILL_FAILED,
    ExitCode.TASK_FAILED,
    ExitCode.INCONCLUSIVE,
    ExitCode.UNREACHABLE,
    ExitCode.PASSED,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code that wins when several apply; PASSED for none."""
    return min(codes, key=_PRECEDENCE.index, default=ExitCode.PASSED)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one most resembles, or None."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a source file.

    ``line`` and ``column`` count from 1. ``source`` is the text of the whole file when it is at
    hand, so that the lines around the place can be shown.
    """

    file: str
    line: int
    column: int
    source: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def lines(self) -> list[str]:
        """The lines of the source, numbered as ``line`` counts them; none when it is not at hand."""
        lines = _BREAK.split(self.source or "")
        return lines if lines[-1] else lines[:-1]

    def excerpt(self) -> str:
        """Return the line with one line of context on each side and a caret under the column.

        Of a very long line only the surroundings of the column are shown.
        """
        if self.source is None:
            return ""
        lines = self.lines
        first, last = max(1, self.line - 1), min(len(lines), self.line + 1)
        start = max(0, self.column - 1 - _WIDEST // 2) if self.column > _WIDEST else 0
        shown = []
        for number in range(first, last + 1):
            line = lines[number - 1][start:]
            shown.append(f"{number:>5} | {_CONTROL.sub('?', line[:_WIDEST])}")
            if number == self.line:
                before = line[: self.column - 1 - start]
                shown.append(f"      | {''.join(map(_blank, before))}^")
        return "\n".join(shown)


def _blank(character: str) -> str:
    """Return as much room as a terminal gives a character."""
    if character == "\t":
        return character
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "


class RaftfleetError(Exception):
    """Base of everything raftfleet raises on purpose.

    ``message`` says what happened, ``hint`` what to do next.
    """

    exit_code: ExitCode = ExitCode.DEFECT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(RaftfleetError):
    """The request itself is wrong."""

    exit_code = ExitCode.USAGE


class SourceError(UsageError):
    """A file is wrong at a known place.

    ``unsupported`` tells what Ansible would take from what is wrong in any case. ``more`` are the
    errors that were found behind this one, in their order.
    """

    def __init__(
        self,
        message: str,
        mark: Mark | None,
        *,
        hint: str | None = None,
        unsupported: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.mark = mark
        self.unsupported = unsupported
        self.more: tuple[SourceError, ...] = ()

    def __str__(self) -> str:
        if self.mark is None:
            return super().__str__()
        parts = [f"{self.mark}: {self.message}", self.mark.excerpt()]
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(part for part in parts if part)


class SandboxError(UsageError):
    """This machine cannot hold sandbox hosts, or not as asked."""


class TaskError(RaftfleetError):
    """Something asked of a host did not work."""

    exit_code = ExitCode.TASK_FAILED


class NodeError(TaskError):
    """A node of the system under drill did not do what was asked of it."""


class LockHeldError(TaskError):
    """Another controller holds the cluster lock."""


class LockLostError(TaskError):
    """The cluster lock is not ours (any more), so nothing may be changed."""


class UnreachableError(RaftfleetError):
    """A host did not answer."""

    exit_code = ExitCode.UNREACHABLE


class HostKeyError(UnreachableError):
    """A host showed another key than the one remembered."""


class AuthenticationError(UnreachableError):
    """A host, or a node's API, refused our credentials."""


class ForwardingError(UnreachableError):
    """A host does not carry connections to its ports for us."""


class CertificateError(UnreachableError):
    """A node's API showed a certificate that is not to be trusted."""


class JournalError(UsageError):
    """A run folder cannot be read."""


class InterruptedRun(RaftfleetError):  # noqa: N818 - an interruption is not an error
    """SIGINT, SIGTERM or SIGHUP ended the run early."""

    exit_code = ExitCode.INTERRUPTED
