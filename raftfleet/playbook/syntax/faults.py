"""What is wrong in a playbook: found in one reading, told all at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from raftfleet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Faults"]


class Faults:
    """Collects errors where reading can go on behind them, until they are told.

    That is at the next task, play or playbook. Once they are told nothing is collected any more:
    who reads a file while the playbook runs gets its first error at once.
    """

    def __init__(self) -> None:
        self._found: list[SourceError] = []
        self._told = False

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Keep an error that is raised inside for later."""
        try:
            yield
        except SourceError as error:
            if self._told:
                raise
            self._found += [error, *error.more]

    def tell(self) -> None:
        """Raise the first error in the order of the files, the others with it, if there is any."""
        self._told = True
        unlike = {str(error): error for error in self._found}  # a file may be read twice
        files = list(dict.fromkeys(_place(error)[0] for error in unlike.values()))
        ordered = sorted(
            unlike.values(), key=lambda error: (files.index(_place(error)[0]), *_place(error)[1:])
        )
        if ordered:
            first, *more = ordered
            first.more = tuple(more)
            raise first


def _place(error: SourceError) -> tuple[str, int, int]:
    mark = error.mark
    return (mark.file, mark.line, mark.column) if mark is not None else ("", 0, 0)
