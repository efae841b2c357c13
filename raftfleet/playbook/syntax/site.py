"""Where a list of tasks stands, and where the files that it names are looked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from raftfleet.errors import SourceError
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from raftfleet.errors import Mark

__all__ = ["Site", "first_file", "static_name"]


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
        folders = [self.directory]
        if self.role_path is not None:
            folders += [self.role_path / "tasks", self.role_path]
        folders.append(self.playbook_dir)
        return first_file([folder / name for folder in folders], name, mark)

    def inside(self, file: Path, mark: Mark | None) -> Site:
        """Return the site of tasks in a file that is read from here."""
        if file in self.opened:
            raise SourceError(
                f"{file.name} is imported inside itself",
                mark,
                hint="include_tasks with a condition may do that, import_tasks never ends",
            )
        return replace(self, directory=file.parent, opened=(*self.opened, file))


def first_file(candidates: Iterable[Path], name: str, mark: Mark | None) -> Path:
    """Return the first file that exists; `SourceError` names where it was looked for."""
    tried = list(dict.fromkeys(candidates))
    for path in tried:
        if path.is_file():
            return path
    places = ", ".join(str(path.parent) for path in tried)
    raise SourceError(f"the file {name} does not exist", mark, hint=f"looked in {places}")


def static_name(name: str, what: str, mark: Mark | None, way_out: str) -> str:
    """Return a name that must be known while the playbook is read."""
    if is_text_template(name):
        raise SourceError(f"{what}: the name cannot be a template", mark, hint=way_out)
    return str(name)
