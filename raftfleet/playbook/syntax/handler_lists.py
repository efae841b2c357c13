"""From a list in a file to handlers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError
from raftfleet.playbook.syntax.nodes import Handler, Task
from raftfleet.playbook.syntax.reading import Reader, place
from raftfleet.playbook.syntax.settings import read_settings
from raftfleet.playbook.syntax.tasks import PARTS, ImportedFile, items, only_block
from raftfleet.playbook.syntax.words import HANDLER, bare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raftfleet.errors import Mark
    from raftfleet.playbook.syntax.faults import Faults
    from raftfleet.playbook.syntax.nodes import HandlerList, Settings
    from raftfleet.playbook.syntax.site import Site
    from raftfleet.playbook.syntax.tasks import Importer, TaskReader

__all__ = ["HandlerReader"]

_ROLES: Final = ("include_role", "import_role")
_NO_ROLE: Final = "notify a handler of the role, or include_tasks here"
# What `meta` cannot do once handlers run.
_NOT_HERE: Final = ("flush_handlers", "end_role")


class HandlerReader:
    """Reads lists of handlers."""

    def __init__(self, tasks: TaskReader, importer: Importer, faults: Faults) -> None:
        self._tasks = tasks
        self._importer = importer
        self._faults = faults

    def handlers(self, value: Any, site: Site, mark: Mark | None = None) -> HandlerList:
        """Read a list of handlers; imported ones stand in the place of their import.

        So do those of a block: its keywords hold for each of them.
        """
        found: list[Handler] = []
        for item, at in items(value, "handlers", mark):
            with self._faults.going_on():
                found += self._item(Reader(item, "a handler", at), site)
        return tuple(found)

    def _item(self, reader: Reader, site: Site) -> Iterable[Handler]:
        if "block" in reader:
            return self._of_block(reader, site)
        node = self._tasks.task(reader, site, HANDLER)
        return self._imported(node) if isinstance(node, ImportedFile) else [_handler(node, reader)]

    def _imported(self, file: ImportedFile) -> list[Handler]:
        inside = file.site.inside(file.path, file.mark)
        inner = self.handlers(self._importer.document(file.path), inside)
        return _within(file.settings, inner)

    def _of_block(self, reader: Reader, site: Site) -> list[Handler]:
        """Read the handlers of a block, which is one level deep and has no other parts."""
        only_block(reader)
        value = reader.data["block"]
        inner = [
            Reader(item, "a handler", at)
            for item, at in items(value, "handlers", reader.at("block"))
        ]
        strange = [(inside, "block") for inside in inner if "block" in inside]
        strange += [(reader, part) for part in PARTS[1:] if part in reader]
        for inside, word in strange:
            raise SourceError(
                f"{word}: cannot stand here: of several handlers each runs for itself",
                inside.key_at(word),
                hint="notify several handlers through one listen:",
            )
        return _within(read_settings(reader), self.handlers(value, site))


def _handler(node: object, reader: Reader) -> Handler:
    """Return a handler; refuse a role, and what makes no sense while handlers run."""
    if not isinstance(node, Task) or node.action == "include_role":
        key = next(word for word in reader.data if bare(word) in _ROLES)
        raise SourceError("a role cannot be a handler", reader.key_at(key), hint=_NO_ROLE)
    said = node.arguments["action"] if node.action == "meta" else None
    if said in _NOT_HERE:
        raise SourceError(f"meta: {said} cannot be a handler", place(said), hint="leave it out")
    return Handler(node, reader.texts("listen"))


def _within(settings: Settings, handlers: Iterable[Handler]) -> list[Handler]:
    """Return handlers for which these settings hold too."""
    return [
        replace(
            handler,
            task=replace(handler.task, settings=settings.around(handler.task.settings)),
        )
        for handler in handlers
    ]
