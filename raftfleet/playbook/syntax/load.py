"""From a file to a playbook that has been read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError
from raftfleet.inventory import load_yaml
from raftfleet.inventory.source import MarkedList
from raftfleet.playbook.builtin import BUILTIN
from raftfleet.playbook.syntax.faults import Faults
from raftfleet.playbook.syntax.handler_lists import HandlerReader
from raftfleet.playbook.syntax.handlers import check_notifications
from raftfleet.playbook.syntax.includes import check_includes, check_vars_files
from raftfleet.playbook.syntax.notices import Notices
from raftfleet.playbook.syntax.plays import PlayReader
from raftfleet.playbook.syntax.reading import Reader, place
from raftfleet.playbook.syntax.roles import RoleReader
from raftfleet.playbook.syntax.settings import read_settings
from raftfleet.playbook.syntax.site import Site, first_file, shown, start_of, static_name
from raftfleet.playbook.syntax.tasks import TaskReader
from raftfleet.playbook.syntax.words import IMPORT_PLAYBOOK, bare
from raftfleet.playbook.together import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raftfleet.errors import Mark
    from raftfleet.playbook.extension import PlayExtension
    from raftfleet.playbook.module import Module
    from raftfleet.playbook.syntax.nodes import Node, Play, RoleUse, Settings

__all__ = ["Library", "Playbook", "load_playbook"]

_DEEPEST: Final = 50
_OF_A_COLLECTION: Final = re.compile(r"\w+\.\w+(\.\w+)+")
_COPY: Final = "copy the playbook into the project, and name its file"


class Library:
    """Everything that is read from files, each file once; also while a playbook runs (includes)."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        role_paths: Sequence[Path] = (),
        instead: Mapping[str, str] | None = None,
    ) -> None:
        self.modules = together(modules, BUILTIN)
        self.notices = Notices()
        self.faults = Faults()
        self.task_reader = TaskReader(self.modules, self, instead or {}, self.faults)
        self.handler_reader = HandlerReader(self.task_reader, self)
        self.role_reader = RoleReader(
            self.task_reader, self.handler_reader, self.document, role_paths, self.notices
        )
        self._documents: dict[Path, Any] = {}
        self._tasks: dict[tuple[Path, Site], tuple[Node, ...]] = {}

    def document(self, path: Path) -> Any:
        """Return what a YAML file holds."""
        if path not in self._documents:
            self._documents[path] = load_yaml(path, file=shown(path))
        return self._documents[path]

    def tasks(self, path: Path, site: Site) -> tuple[Node, ...]:
        """Return the tasks of a file that is included from a site."""
        key = (path, site)
        if key not in self._tasks:
            self._tasks[key] = self.task_reader.file(path, site, None)
        return self._tasks[key]

    def imported_role(
        self, arguments: Mapping[str, Any], settings: Settings, site: Site, mark: Mark
    ) -> RoleUse:
        """Return the role that a task imports or includes."""
        return self.role_reader.imported(arguments, settings, site, mark)


@dataclass(frozen=True, slots=True)
class Playbook:
    """Plays, read and checked. ``library`` reads what they include while they run.

    ``warnings`` are for the user, one line each.
    """

    path: Path
    plays: tuple[Play, ...]
    library: Library
    warnings: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """The folder of the playbook: `playbook_dir`."""
        return self.path.parent


def load_playbook(
    path: Path,
    *,
    modules: Mapping[str, Module],
    extensions: Mapping[str, PlayExtension] | None = None,
    role_paths: Sequence[Path] = (),
    instead: Mapping[str, str] | None = None,
) -> Playbook:
    """Read a playbook with everything it imports, and check it as far as no template stands in the way.

    Roles are looked for in `roles` beside the playbook, in `roles` beside its folder, and then in
    ``role_paths``. ``instead`` names modules that are not offered, each with what to write instead.
    Raises `SourceError` for the first thing that is wrong, with what else is wrong in other tasks
    and plays, and `UsageError` for a file that cannot be read.
    """
    library = Library(modules, role_paths, instead)
    reader = PlayReader(library, extensions or {})
    path = Path(path).absolute()
    with library.faults.going_on():
        plays = _plays(path, library, reader, (path,))
    library.faults.tell()
    for play in plays:
        check_notifications(play)
        check_vars_files(play, library.notices)
    check_includes(plays, library, path.parent)
    return Playbook(path, tuple(plays), library, library.notices.texts)


def _plays(
    path: Path, library: Library, reader: PlayReader, opened: tuple[Path, ...]
) -> list[Play]:
    document = library.document(path)
    if not isinstance(document, MarkedList):
        raise SourceError(
            "a playbook is a list of plays",
            place(document, start_of(path)),
            hint="each play starts with '- hosts:'",
        )
    plays: list[Play] = []
    for index, item in enumerate(document):
        with library.faults.going_on():
            entry = Reader(item, "a play", document.item_mark(index))
            key = next((word for word in entry.data if bare(str(word)) == "import_playbook"), None)
            if key is None:
                plays.append(reader.play(entry, path))
            else:
                plays += _imported(entry, str(key), path, library, reader, opened)
    return plays


def _imported(
    entry: Reader,
    key: str,
    path: Path,
    library: Library,
    reader: PlayReader,
    opened: tuple[Path, ...],
) -> list[Play]:
    """Return the plays of an imported playbook; its vars, when and tags hold for all of them."""
    entry.what = "import_playbook"
    entry.only(IMPORT_PLAYBOOK, also=[key])
    name = entry.text(key) or ""
    mark = entry.at(key)
    way_out = "name the file, and give the plays conditions"
    name = static_name(name, "import_playbook", mark, way_out, Site(path.parent, path.parent))
    if _OF_A_COLLECTION.fullmatch(name) and not (path.parent / name).exists():
        message = f"playbooks of collections are not supported: {name}"
        raise SourceError(message, mark, hint=_COPY, unsupported=True)
    file = first_file([path.parent / name], name, mark).absolute()
    if len(opened) > _DEEPEST:
        raise SourceError(f"playbooks import each other deeper than {_DEEPEST} files", mark)
    if file in opened:
        raise SourceError(f"{name} is imported inside itself", mark)
    settings = read_settings(entry)
    plays = _plays(file, library, reader, (*opened, file))
    return [replace(play, settings=_imposed(settings, play.settings)) for play in plays]


def _imposed(imported: Settings, own: Settings) -> Settings:
    """Return a play's settings inside an import, whose variables win over the play's own."""
    around = imported.around(own)
    return replace(around, variables={**own.variables, **imported.variables})
