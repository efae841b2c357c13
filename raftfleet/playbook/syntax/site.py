"""Where a list of tasks stands, and where the files that it names are looked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raftfleet.errors import Mark, SourceError, nearest
from raftfleet.inventory.source import MarkedStr, read_text
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Site", "exists", "first_file", "shown", "start_of", "static_name"]

_DEEPEST: Final = 50
_FOLDER: Final = re.compile(r"\{\{-?\s*(playbook_dir|role_path)\s*-?\}\}")


@dataclass(frozen=True, slots=True)
class Site:
    """The folder of a file with tasks, its role's folder if any, and the playbook's folder.

    ``opened`` are the files and roles on the way here, so that none is read inside itself.
    """

    directory: Path
    playbook_dir: Path
    role_path: Path | None = None
    opened: tuple[Path, ...] = ()

    def tasks_file(self, name: str, mark: Mark | None) -> Path:
        """Return the file of tasks that is meant; `SourceError` when there is none."""
        return first_file(self._tasks_files(name), name, mark)

    def existing_tasks_file(self, name: str) -> Path | None:
        """Return the file of tasks that is meant, or None when there is none."""
        return next((p for p in self._tasks_files(name) if exists(p, Path.is_file)), None)

    def _tasks_files(self, name: str) -> list[Path]:
        folders = [self.directory]
        if self.role_path is not None:
            folders += [self.role_path / "tasks", self.role_path]
        return [folder / name for folder in (*folders, self.playbook_dir)]

    def resolved(self, name: str) -> str:
        """Return a name with the folders in it that are known already."""
        if not isinstance(name, MarkedStr):
            return name
        known = {"playbook_dir": self.playbook_dir, "role_path": self.role_path}

        def folder(found: re.Match[str]) -> str:
            return str(known[found[1]] or found[0])

        return MarkedStr(_FOLDER.sub(folder, name), name.mark)

    def inside(self, file: Path, mark: Mark | None) -> Site:
        """Return the site of tasks in a file that is read from here."""
        if len(self.opened) > _DEEPEST:
            raise SourceError(f"imports are nested deeper than {_DEEPEST} files", mark)
        if file in self.opened:
            raise SourceError(
                f"{file.name} is imported inside itself",
                mark,
                hint="include_tasks with a condition may do that, import_tasks never ends",
            )
        return replace(self, directory=file.parent, opened=(*self.opened, file))


def exists(path: Path, kind: Callable[[Path], bool]) -> bool:
    """Whether a path is of a kind (`Path.is_file`); one that no file system can hold is not."""
    try:
        return kind(path)
    except OSError:
        return False


def shown(path: Path) -> str:
    """Return a path as errors show it: short, when it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def start_of(path: Path) -> Mark:
    """Return the place where a file starts, for what is wrong with it as a whole."""
    return Mark(shown(path), 1, 1, read_text(path, shown(path)))


def first_file(candidates: Iterable[Path], name: str, mark: Mark | None) -> Path:
    """Return the first file that exists; `SourceError` names where it was looked for."""
    tried = list(dict.fromkeys(candidates))
    for path in tried:
        if exists(path, Path.is_file):
            return path
    close = nearest(Path(name).name, _neighbours(tried))
    hint = f"looked in {', '.join(str(path.parent) for path in tried)}"
    if close:
        hint = f"did you mean {close}? {hint}"
    raise SourceError(f"the file {name} does not exist", mark, hint=hint)


def _neighbours(paths: Iterable[Path]) -> list[str]:
    """Return the names of what lies in the folders of these paths."""
    folders = (path.parent for path in paths)
    return [p.name for folder in folders if exists(folder, Path.is_dir) for p in folder.iterdir()]


def static_name(
    name: str, what: str, mark: Mark | None, way_out: str, site: Site | None = None
) -> str:
    """Return a name that must be known while the playbook is read.

    Of templates that is `{{ playbook_dir }}`, and inside a role `{{ role_path }}`.
    """
    if site is not None:
        name = site.resolved(name)
    if is_text_template(name):
        message = f"{what}: the name cannot be a template"
        raise SourceError(message, mark, hint=way_out, unsupported=True)
    return str(name)
