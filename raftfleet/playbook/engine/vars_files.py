"""A play's `vars_files`, whose names may depend on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import Mark, SourceError
from raftfleet.inventory.source import MarkedDict, MarkedList
from raftfleet.playbook.syntax.reading import place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.nodes import Play
    from raftfleet.playbook.templating import Scope

__all__ = ["read_vars_files"]


def read_vars_files(play: Play, scope: Scope, library: Library) -> tuple[Mapping[str, Any], ...]:
    """Return the variables of each file, the strongest (last) first.

    Of a list inside the list the first file that exists is taken. Raises `SourceError` when none
    does, or when a file holds no mapping.
    """
    found = [_read(_first(entry, play, scope), library) for entry in play.vars_files]
    return tuple(reversed(found))


def _first(entry: Any, play: Play, scope: Scope) -> Path:
    names = entry if isinstance(entry, MarkedList) else [entry]
    folder = play.file.parent
    tried = [folder / str(scope.template(name)) for name in names]
    for path in tried:
        if path.is_file():
            return path
    looked = ", ".join(map(str, tried))
    raise SourceError(
        "vars_files: the file does not exist", place(entry, play.mark), hint=f"looked for {looked}"
    )


def _read(path: Path, library: Library) -> Mapping[str, Any]:
    value = library.document(path)
    if value is not None and not isinstance(value, MarkedDict):
        raise SourceError("a file of variables is a mapping", place(value, Mark(str(path), 1, 1)))
    return value or {}
