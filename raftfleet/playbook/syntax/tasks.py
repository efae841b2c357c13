"""From a list in a file to tasks and blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from raftfleet.errors import SourceError, nearest
from raftfleet.inventory.source import MarkedDict, MarkedList
from raftfleet.playbook.syntax.actions import DYNAMIC, META, META_REFUSED, STATIC
from raftfleet.playbook.syntax.arguments import check_arguments, read_arguments
from raftfleet.playbook.syntax.loops import read_loop, read_retry
from raftfleet.playbook.syntax.naming import Naming
from raftfleet.playbook.syntax.nodes import Block, Handler, Settings, Task
from raftfleet.playbook.syntax.reading import Reader, place
from raftfleet.playbook.syntax.settings import read_settings
from raftfleet.playbook.syntax.site import static_name
from raftfleet.playbook.syntax.templates import check_keywords
from raftfleet.playbook.syntax.words import BLOCK, HANDLER, TASK, bare
from raftfleet.playbook.templating.scope import is_text_template
from raftfleet.playbook.together import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from raftfleet.errors import Mark
    from raftfleet.playbook.module import Module
    from raftfleet.playbook.syntax.arguments import Declares
    from raftfleet.playbook.syntax.nodes import HandlerList, Node, RoleUse
    from raftfleet.playbook.syntax.site import Site

__all__ = ["Importer", "TaskReader"]

_INCLUDES = ("include_tasks", "include_role")
_PARTS = ("block", "rescue", "always")


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
        self, modules: Mapping[str, Module], importer: Importer, instead: Mapping[str, str]
    ) -> None:
        self._modules = modules
        self._actions: Mapping[str, Declares] = together(modules, STATIC, DYNAMIC)
        self._importer = importer
        self._naming = Naming(self._actions, instead)

    def file(self, path: Path, site: Site, mark: Mark | None) -> tuple[Node, ...]:
        """Read a file of tasks."""
        return self.nodes(self._importer.document(path), site.inside(path, mark), mark)

    def nodes(self, value: Any, site: Site, mark: Mark | None = None) -> tuple[Node, ...]:
        """Read a list of tasks and blocks."""
        return tuple(self._node(item, site, at) for item, at in _items(value, "tasks", mark))

    def handlers(self, value: Any, site: Site, mark: Mark | None = None) -> HandlerList:
        """Read a list of handlers; imported ones stand in the place of their import.

        So do those of a block: its keywords hold for each of them.
        """
        found: list[Handler] = []
        for item, at in _items(value, "handlers", mark):
            reader = Reader(item, "a handler", at)
            if "block" in reader:
                found += self._handlers_of_block(reader, site)
                continue
            node = self._task(reader, site, HANDLER)
            if isinstance(node, Task):
                found.append(Handler(node, reader.texts("listen")))
            elif isinstance(node, _ImportedFile):
                found += self._imported_handlers(node)
            else:
                raise SourceError(
                    "a role cannot be a handler", reader.mark, hint="use include_role"
                )
        return tuple(found)

    def _imported_handlers(self, file: _ImportedFile) -> list[Handler]:
        inner = self.handlers(
            self._importer.document(file.path), file.site.inside(file.path, file.mark)
        )
        return _within(file.settings, inner)

    def _handlers_of_block(self, reader: Reader, site: Site) -> list[Handler]:
        """Read the handlers of a block, which is one level deep and has no other parts."""
        self._only_block(reader)
        value = reader.data["block"]
        inner = [
            Reader(item, "a handler", at)
            for item, at in _items(value, "handlers", reader.at("block"))
        ]
        strange = [(inside, "block") for inside in inner if "block" in inside]
        strange += [(reader, part) for part in _PARTS[1:] if part in reader]
        for inside, word in strange:
            raise SourceError(
                f"{word}: cannot stand here: of several handlers each runs for itself",
                inside.key_at(word),
                hint="notify several handlers through one listen:",
            )
        return _within(read_settings(reader), self.handlers(value, site))

    def _node(self, item: Any, site: Site, mark: Mark | None) -> Node:
        reader = Reader(item, "a task", mark)
        if "block" in reader:
            return self._block(reader, site)
        for word in _PARTS[1:]:
            if word in reader:
                hint = "put the tasks that may fail into block:"
                raise SourceError(
                    f"{word}: stands beside block: only", reader.key_at(word), hint=hint
                )
        node = self._task(reader, site, TASK)
        if not isinstance(node, _ImportedFile):
            return node
        body = self.file(node.path, node.site, node.mark)
        return Block(node.settings, body, name=reader.text("name"), mark=reader.mark)

    def _block(self, reader: Reader, site: Site) -> Block:
        self._only_block(reader)
        return Block(
            settings=read_settings(reader),
            body=self._part(reader, "block", site),
            rescue=self._part(reader, "rescue", site),
            always=self._part(reader, "always", site),
            name=reader.text("name"),
            mark=reader.mark,
        )

    @staticmethod
    def _only_block(reader: Reader) -> None:
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
        check_keywords(reader.data, but=_PARTS)

    def _part(self, reader: Reader, key: str, site: Site) -> tuple[Node, ...]:
        return self.nodes(reader.data.get(key), site, reader.at(key))

    def _task(
        self, reader: Reader, site: Site, keywords: frozenset[str]
    ) -> Task | RoleUse | _ImportedFile:
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
            _check_meta(arguments)
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
        )

    def _import(
        self, action: str, arguments: MarkedDict, settings: Settings, reader: Reader, site: Site
    ) -> RoleUse | _ImportedFile:
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
        return _ImportedFile(site.tasks_file(name, mark), site, settings, mark)


@dataclass(frozen=True, slots=True)
class _ImportedFile:
    """An `import_tasks`, whose file is yet to be read as tasks or as handlers."""

    path: Path
    site: Site
    settings: Settings
    mark: Mark


def _items(value: Any, what: str, mark: Mark | None) -> list[tuple[Any, Mark | None]]:
    if value is None:
        return []
    if not isinstance(value, MarkedList):
        raise SourceError(
            f"{what} are a list", place(value, mark), hint="each task starts with '- '"
        )
    return [(item, value.item_mark(index)) for index, item in enumerate(value)]


def _within(settings: Settings, handlers: Iterable[Handler]) -> list[Handler]:
    """Return handlers for which these settings hold too."""
    return [
        replace(
            handler,
            task=replace(handler.task, settings=settings.around(handler.task.settings)),
        )
        for handler in handlers
    ]


def _check_meta(arguments: MarkedDict) -> None:
    action = arguments["action"]
    mark = arguments.value_mark("action")
    if is_text_template(action):
        raise SourceError("meta: the action cannot be a template", mark, hint="use when:")
    if action in META_REFUSED:
        raise SourceError(
            f"meta: {action} is not supported",
            mark,
            hint=META_REFUSED[action],
            unsupported=True,
        )
    if action not in META:
        close = nearest(str(action), META)
        hint = f"did you mean {close}?" if close else f"known: {', '.join(META)}"
        raise SourceError(f"meta: there is no action {action!r}", mark, hint=hint)


def _apply(arguments: MarkedDict) -> Settings | None:
    if arguments.get("apply") is None:
        return None
    reader = Reader(arguments["apply"], "apply", arguments.value_mark("apply"))
    reader.only(BLOCK - set(_PARTS))
    return read_settings(reader)
