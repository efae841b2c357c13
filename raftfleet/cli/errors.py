"""Errors as people and programs see them."""

from __future__ import annotations

import click

from raftfleet.errors import ExitCode, RaftfleetError, SourceError
from raftfleet.journal.events import RunError

__all__ = ["all_of", "told"]


def all_of(error: RaftfleetError) -> tuple[RaftfleetError, ...]:
    """Return an error and those that were found with it."""
    return (error, *error.more) if isinstance(error, SourceError) else (error,)


def told(error: Exception) -> RunError:
    """Return an error as an event; lines of a file that is wrong are not quoted in it."""
    if isinstance(error, click.ClickException):
        return RunError(message=error.format_message(), exit_code=ExitCode.USAGE)
    if not isinstance(error, RaftfleetError):
        return RunError(message=f"{type(error).__name__}: {error}", exit_code=ExitCode.DEFECT)
    mark = error.mark if isinstance(error, SourceError) else None
    return RunError(
        message=error.message,
        exit_code=error.exit_code,
        hint=error.hint or "",
        where=str(mark) if mark is not None else "",
    )
