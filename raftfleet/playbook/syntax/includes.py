"""What a playbook includes while it runs, read beforehand where the name tells already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from raftfleet.errors import SourceError
from raftfleet.inventory.source import MarkedDict, load_yaml
from raftfleet.playbook.syntax.nodes import Block, RoleUse, Settings
from raftfleet.playbook.syntax.reading import place
from raftfleet.playbook.syntax.site import Site, exists, shown, start_of
from raftfleet.playbook.syntax.variables import doubt
from raftfleet.playbook.templating.scope import has_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.nodes import Node, Play, Task
    from raftfleet.playbook.syntax.notices import Notices

__all__ = ["check_includes", "check_vars_files"]

_INCLUDES: Final = ("include_tasks", "include_role")
_LEFT: Final = "it stands behind a condition, so the run goes as far as there"


def check_includes(plays: Iterable[Play], library: Library, playbook_dir: Path) -> None:
    """Read every file of tasks and every role that is included by a name without a template.

    So a wrong argument in them is found before the first host is touched. What does not exist is
    left to the run, and so is what is not supported, with a warning, where a condition stands
    before it: it may never hold. Raises `SourceError`.
    """
    check = _Check(library, playbook_dir)
    for play in plays:
        doubt(play.settings.variables, library.notices)
        nodes = (node for section in play.sections for node in section)
        handlers = (handler.task for handler in play.handlers)
        maybe = bool(play.settings.conditions)
        check.all(_Place(node, None, maybe) for node in (*nodes, *handlers))


def check_vars_files(play: Play, notices: Notices) -> None:
    """Read the files of variables that exist and have a name without a template.

    What is in them counts when the play begins: an earlier play may write them anew. Raises
    `SourceError` for one that cannot be read.
    """
    for name in play.vars_files:
        if not isinstance(name, str) or has_template(name):
            continue
        path = play.file.parent / name
        if exists(path, Path.is_file):
            value = load_yaml(path, file=shown(path))
            if value is not None and not isinstance(value, MarkedDict):
                message = "a file of variables is a mapping"
                raise SourceError(message, place(value) or start_of(path))
            doubt(value or {}, notices)


class _Place(NamedTuple):
    """A node, the folder of its role, and whether a condition stands before it."""

    node: Node
    role_path: Path | None
    maybe: bool


class _Check:
    """Goes through nodes and what they include; each file and each role once."""

    def __init__(self, library: Library, playbook_dir: Path) -> None:
        self._library = library
        self._playbook_dir = playbook_dir
        self._seen: set[object] = set()

    def all(self, places: Iterable[_Place]) -> None:
        """Look into all nodes, in the order they would run."""
        waiting = [*places][::-1]
        while waiting:
            waiting += [*self._inside(waiting.pop())][::-1]

    def _inside(self, at: _Place) -> Iterator[_Place]:
        node, role_path = at.node, at.role_path
        maybe = at.maybe or bool(node.settings.conditions)
        doubt(node.settings.variables, self._library.notices)
        if isinstance(node, Block):
            for inner in (*node.body, *node.rescue, *node.always):
                yield _Place(inner, role_path, maybe)
        elif isinstance(node, RoleUse):
            yield from self._role(node, maybe=maybe)
        elif node.action in _INCLUDES and not has_template(node.arguments):
            site = Site(node.directory, self._playbook_dir, role_path)
            try:
                for inner in self._included(node, site, maybe=maybe):
                    yield _Place(inner, role_path, maybe)
            except SourceError as error:
                if not (maybe and error.unsupported):
                    raise
                self._library.notices.add(f"{error.message}; {_LEFT}", error.mark)

    def _role(self, use: RoleUse, *, maybe: bool) -> Iterator[_Place]:
        role = use.role
        doubt(use.variables, self._library.notices)
        if (id(role), maybe) in self._seen:
            return
        self._seen.add((id(role), maybe))
        for variables in (role.defaults, role.variables):
            doubt(variables, self._library.notices)
        for inner in (*role.tasks, *(handler.task for handler in role.handlers)):
            yield _Place(inner, role.path, maybe)
        for needed in role.dependencies:
            yield _Place(needed, None, maybe)

    def _included(self, task: Task, site: Site, *, maybe: bool) -> tuple[Node, ...]:
        """Return what is included; nothing when it does not exist or was looked into before."""
        if task.action == "include_tasks":
            path = site.existing_tasks_file(str(task.arguments["file"]))
            if path is None or (path, site, maybe) in self._seen:
                return ()
            self._seen.add((path, site, maybe))
            return self._library.tasks(path, site)
        if self._library.role_reader.path_of(str(task.arguments["name"]), site) is None:
            return ()
        given = MarkedDict(task.arguments, task.mark)
        return (self._library.imported_role(given, Settings(), site, task.mark),)
