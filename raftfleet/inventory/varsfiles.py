"""``group_vars`` and ``host_vars``: variables in files or folders named after groups and hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import Mark, SourceError
from raftfleet.inventory.marked import MarkedDict, mark_of
from raftfleet.inventory.source import load_yaml, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["VarsFolder", "load_variables"]

_SUFFIXES: Final = ("", ".yml", ".yaml", ".json")


def load_variables(path: Path) -> dict[str, Any]:
    """Read a file of variables; an empty one has none. Raises `SourceError` when it is no mapping."""
    document = load_yaml(path)
    if document is None:
        return {}
    if not isinstance(document, MarkedDict):
        raise SourceError(
            f"{path} must be a mapping of variables",
            mark_of(document) or Mark(str(path), 1, 1, read_text(path, str(path))),
            hint="write `name: value`",
        )
    for key in document:
        if not isinstance(key, str):
            raise SourceError(
                f"a variable's name must be a text, not {key!r}",
                document.key_mark(key),
                hint="quote it",
            )
    return dict(document)


class VarsFolder:
    """The ``group_vars`` and ``host_vars`` below one folder.

    For a name, the first that exists is taken of `name` (a file, or a folder whose files are read
    in name order), `name.yml`, `name.yaml`, `name.json`. Each folder is listed once and each file
    read once, however many hosts there are.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, frozenset[str]] = {}
        self._read: dict[tuple[str, str], dict[str, Any]] = {}

    def group(self, name: str) -> dict[str, Any]:
        """Return the variables of a group."""
        return self._variables("group_vars", name)

    def host(self, name: str) -> dict[str, Any]:
        """Return the variables of a host."""
        return self._variables("host_vars", name)

    def _variables(self, kind: str, name: str) -> dict[str, Any]:
        if (kind, name) not in self._read:
            merged: dict[str, Any] = {}
            for path in self._files(kind, name):
                merged |= load_variables(path)
            self._read[kind, name] = merged
        return self._read[kind, name]

    def _files(self, kind: str, name: str) -> list[Path]:
        entries = self._entries(kind)
        found = next((name + suffix for suffix in _SUFFIXES if name + suffix in entries), None)
        if found is None:
            return []
        path = self.root / kind / found
        return list(_inside(path)) if path.is_dir() else [path]

    def _entries(self, kind: str) -> frozenset[str]:
        if kind not in self._listed:
            folder = self.root / kind
            names = (entry.name for entry in folder.iterdir()) if folder.is_dir() else ()
            self._listed[kind] = frozenset(names)
        return self._listed[kind]


def _inside(folder: Path) -> Iterator[Path]:
    """Yield the variable files of a folder in name order, hidden and backup files left out."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _inside(path)
        elif path.is_file() and path.suffix in _SUFFIXES:
            yield path
