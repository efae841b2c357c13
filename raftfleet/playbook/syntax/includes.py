"""What a playbook includes while it runs, read beforehand where the name tells already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raftfleet.inventory.source import MarkedDict
from raftfleet.playbook.syntax.nodes import Block, RoleUse, Settings
from raftfleet.playbook.syntax.site import Site
from raftfleet.playbook.templating.scope import has_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.nodes import Node, Play, Task

__all__ = ["check_includes"]


def check_includes(plays: Iterable[Play], library: Library, playbook_dir: Path) -> None:
    """Read every file of tasks and every role that is included by a name without a template.

    So a wrong argument in them is found before the first host is touched. What does not exist is
    left to the run: its condition may never hold. Raises `SourceError`.
    """
    check = _Check(library, playbook_dir)
    for play in plays:
        check.nodes((node for section in play.sections for node in section), None)
        check.nodes((handler.task for handler in play.handlers), None)


class _Check:
    """Goes through nodes and what they include; each file and each role once."""

    def __init__(self, library: Library, playbook_dir: Path) -> None:
        self._library = library
        self._playbook_dir = playbook_dir
        self._seen: set[object] = set()

    def nodes(self, nodes: Iterable[Node], role_path: Path | None) -> None:
        waiting = [(node, role_path) for node in nodes]
        while waiting:
            node, path = waiting.pop()
            waiting += self._inside(node, path)

    def _inside(self, node: Node, path: Path | None) -> Iterator[tuple[Node, Path | None]]:
        if isinstance(node, Block):
            yield from ((inner, path) for inner in (*node.body, *node.rescue, *node.always))
        elif isinstance(node, RoleUse):
            if id(node.role) not in self._seen:
                self._seen.add(id(node.role))
                role = node.role
                handlers = (handler.task for handler in role.handlers)
                yield from ((inner, role.path) for inner in (*role.tasks, *handlers))
                yield from ((needed, None) for needed in role.dependencies)
        elif not has_template(node.arguments):
            site = Site(node.directory, self._playbook_dir, path)
            if node.action == "include_tasks":
                yield from ((inner, path) for inner in self._file(node, site))
            elif node.action == "include_role":
                yield from self._role(node, site)

    def _file(self, task: Task, site: Site) -> tuple[Node, ...]:
        path = site.existing_tasks_file(str(task.arguments["file"]))
        if path is None or (path, site) in self._seen:
            return ()
        self._seen.add((path, site))
        return self._library.tasks(path, site)

    def _role(self, task: Task, site: Site) -> Iterator[tuple[Node, Path | None]]:
        name = str(task.arguments["name"])
        if self._library.role_reader.path_of(name, site) is not None:
            given = MarkedDict(task.arguments, task.mark)
            yield self._library.imported_role(given, Settings(), site, task.mark), None
