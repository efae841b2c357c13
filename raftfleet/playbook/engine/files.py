"""Where a task's files are looked for: the role, the folder of the tasks, the playbook's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.errors import TaskError

if TYPE_CHECKING:
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.syntax.nodes import Task

__all__ = ["Finder"]


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks up files in folders, nearest first."""

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, task: Task | None, frame: Frame, playbook_dir: Path) -> Finder:
        """Return the finder of a task."""
        roles = [role.path for role in frame.roles]
        beside = [task.directory] if task else []
        return cls(tuple(dict.fromkeys([*roles, *beside, playbook_dir])))

    def find(self, kind: str, name: str) -> Path:
        """Return a file or folder by name, first in each folder's ``kind`` (files, templates, vars).

        Raises `TaskError` naming the places where it was looked for.
        """
        path = Path(name).expanduser()
        if path.is_absolute():
            tried = [path]
        else:
            tried = [place / name for folder in self.folders for place in (folder / kind, folder)]
        for candidate in tried:
            if candidate.exists():
                return candidate
        places = ", ".join(str(candidate.parent) for candidate in tried)
        raise TaskError(f"the file {name} does not exist", hint=f"looked in {places}")
