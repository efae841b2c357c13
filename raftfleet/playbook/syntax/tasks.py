"""From a list in a file to tasks and blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from raftfleet.errors import SourceError
from raftfleet.inventory.source import MarkedDict, MarkedList
from raftfleet.playbook.syntax.actions import DYNAMIC, STATIC, check_meta
from raftfleet.playbook.syntax.arguments import check_arguments, read_arguments
from raftfleet.playbook.syntax.loops import read_loop, read_retry
from raftfleet.playbook.syntax.naming import Naming
from raftfleet.playbook.syntax.nodes import Block, Settings, Task
from raftfleet.playbook.syntax.reading import Reader, place
from raftfleet.playbook.syntax.settings import read_settings
from raftfleet.playbook.syntax.site import start_of, static_name
from raftfleet.playbook.syntax.templates import check_keywords
from raftfleet.playbook.syntax.words import BLOCK, HANDLER, TASK, bare
from raftfleet.playbook.together import together

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.errors import Mark
    from raftfleet.playbook.module import Module
    from raftfleet.playbook.syntax.faults import Faults
    from raftfleet.playbook.syntax.free_form import Declares
    from raftfleet.playbook.syntax.nodes import Node, RoleUse
    from raftfleet.playbook.syntax.site import Site

__all__ = ["PARTS", "ImportedFile", "Importer", "TaskReader", "items", "only_block"]

_INCLUDES = ("include_tasks", "include_role")
PARTS = ("block", "rescue", "always")


class Importer(Protocol):
    """Reads what tasks import: other files of tasks, and roles."""

    def document(self, path: Path) -> Any:
        """Return what a YAML file holds."""
        ...

    def imported_role(
        self, arguments: Mapping[str, Any], settings: Settings, site: Site, mark: Mark
    ) -> RoleUse:
        """Return the role that a task imports."""
        ...


class TaskReader:
    """Reads lists of tasks against the modules that exist."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        importer: Importer,
        instead: Mapping[str, str],
        faults: Faults,
    ) -> None:
        self._modules = modules
        self._actions: Mapping[str, Declares] = together(modules, STATIC, DYNAMIC)
        self._importer = importer
        self._faults = faults
        self._naming = Naming(self._actions, instead)

    def file(self, path: Path, site: Site, mark: Mark | None) -> tuple[Node, ...]:
        """Read a file of tasks; ``mark`` is where it is named."""
        document = self._importer.document(path)
        return self.nodes(document, site.inside(path, mark), mark or start_of(path))

    def nodes(self, value: Any, site: Site, mark: Mark | None = None) -> tuple[Node, ...]:
        """Read a list of tasks and blocks."""
        found: list[Node] = []
        for item, at in items(value, "tasks", mark):
            with self._faults.going_on():
                found.append(self._node(item, site, at))
        return tuple(found)

    def _node(self, item: Any, site: Site, mark: Mark | None) -> Node:
        reader = Reader(item, "a task", mark)
        if "block" in reader:
            return self._block(reader, site)
        for word in PARTS[1:]:
            if word in reader:
                hint = "put the tasks that may fail into block:"
                raise SourceError(
                    f"{word}: stands beside block: only", reader.key_at(word), hint=hint
                )
        node = self.task(reader, site, TASK)
        if not isinstance(node, ImportedFile):
            return node
        body = self.file(node.path, node.site, node.mark)
        return Block(node.settings, body, name=reader.text("name"), mark=reader.mark)

    def _block(self, reader: Reader, site: Site) -> Block:
        only_block(reader)
        return Block(
            settings=read_settings(reader),
            body=self._part(reader, "block", site),
            rescue=self._part(reader, "rescue", site),
            always=self._part(reader, "always", site),
            name=reader.text("name"),
            mark=reader.mark,
        )

    def _part(self, reader: Reader, key: str, site: Site) -> tuple[Node, ...]:
        return self.nodes(reader.data.get(key), site, reader.at(key))

    def task(
        self, reader: Reader, site: Site, keywords: frozenset[str]
    ) -> Task | RoleUse | ImportedFile:
        """Read one task or handler; ``keywords`` are the words that it may use."""
        key = self._naming.key_of(reader, keywords)
        declared = self._actions[bare(key)]
        mark = reader.at(key)
        arguments = read_arguments(declared, reader.data[key], reader.mapping("args"), mark)
        check_arguments(declared, arguments, reader.key_at(key))
        check_keywords(reader.data, but=(key, "args"))
        settings = read_settings(reader)
        if declared.name in STATIC:
            return self._import(declared.name, arguments, settings, reader, site)
        if declared.name == "meta":
            check_meta(arguments)
        return Task(
            name=reader.text("name"),
            action=declared.name,
            module=self._modules.get(declared.name),
            arguments=arguments,
            settings=settings,
            mark=reader.mark,
            directory=site.directory,
            loop=read_loop(reader),
            register=reader.word("register"),
            retry=read_retry(reader),
            changed_when=reader.conditions("changed_when"),
            failed_when=reader.conditions("failed_when"),
            apply=_apply(arguments) if declared.name in _INCLUDES else None,
            written=key,
        )

    def _import(
        self, action: str, arguments: MarkedDict, settings: Settings, reader: Reader, site: Site
    ) -> RoleUse | ImportedFile:
        for key in ("loop", "with_items", "with_dict"):
            if key in reader:
                hint = f"use {action.replace('import', 'include')}"
                raise SourceError(
                    f"{action} cannot be repeated by {key}", reader.key_at(key), hint=hint
                )
        if action == "import_role":
            return self._importer.imported_role(arguments, settings, site, reader.mark)
        mark = arguments.value_mark("file") or reader.mark
        name = static_name(arguments["file"], action, mark, "use include_tasks", site)
        return ImportedFile(site.tasks_file(name, mark), site, settings, mark)


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """An `import_tasks`, whose file is yet to be read as tasks or as handlers."""

    path: Path
    site: Site
    settings: Settings
    mark: Mark


def only_block(reader: Reader) -> None:
    """Refuse what a block cannot say."""
    reader.what = "a block"
    for word in reader.data:
        if word in HANDLER and word not in BLOCK:
            raise SourceError(
                f"a block takes no {word}:",
                reader.key_at(word),
                hint="put it on the tasks inside; a loop over several tasks is a loop over include_tasks",
            )
    reader.only(BLOCK)
    check_keywords(reader.data, but=PARTS)


def items(value: Any, what: str, mark: Mark | None) -> list[tuple[Any, Mark | None]]:
    """Return the items of a list of tasks or handlers, each with its place."""
    if value is None:
        return []
    if not isinstance(value, MarkedList):
        raise SourceError(
            f"{what} are a list", place(value, mark), hint="each task starts with '- '"
        )
    return [(item, value.item_mark(index)) for index, item in enumerate(value)]


def _apply(arguments: MarkedDict) -> Settings | None:
    if arguments.get("apply") is None:
        return None
    reader = Reader(arguments["apply"], "apply", arguments.value_mark("apply"))
    reader.only(BLOCK - set(PARTS))
    return read_settings(reader)
