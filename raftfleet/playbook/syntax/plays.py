"""From an item of a playbook to a play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import SourceError
from raftfleet.inventory.source import MarkedList
from raftfleet.playbook.syntax.nodes import Play
from raftfleet.playbook.syntax.settings import read_settings
from raftfleet.playbook.syntax.site import Site
from raftfleet.playbook.syntax.templates import check_keywords
from raftfleet.playbook.syntax.words import PLAY
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from raftfleet.playbook.extension import PlayExtension
    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.reading import Reader

__all__ = ["ONLY_LINEAR", "ORDERS", "STRATEGIES", "PlayReader"]

_INSIDE = ("roles", "tasks", "pre_tasks", "post_tasks", "handlers")
_COLLECTIONS = "collections: is accepted and changes nothing: modules go by their own name"
_OF_SETUP = ("gather_subset", "gather_timeout", "fact_path")
ORDERS: Final = ("inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle")
STRATEGIES: Final = ("linear", "ansible.builtin.linear")
ONLY_LINEAR: Final = "leave it out: every task runs on all hosts before the next one begins"


class PlayReader:
    """Reads plays against the modules, roles and extensions that exist."""

    def __init__(self, library: Library, extensions: Mapping[str, PlayExtension]) -> None:
        self._tasks = library.task_reader
        self._handlers = library.handler_reader
        self._roles = library.role_reader
        self._modules = library.modules
        self._notices = library.notices
        self._extensions = extensions

    def play(self, reader: Reader, file: Path) -> Play:
        """Read one play; ``file`` is where it stands."""
        reader.what = "a play"
        site = Site(file.parent, file.parent)
        pre_tasks, tasks, post_tasks = (  # first, for an error in the header ends the reading
            self._tasks.nodes(reader.data.get(key), site, reader.at(key))
            for key in ("pre_tasks", "tasks", "post_tasks")
        )
        reader.only(PLAY, also=self._extensions)
        check_keywords(reader.data, but=_INSIDE)
        if "collections" in reader:
            self._notices.add(_COLLECTIONS, reader.key_at("collections"))
        return Play(
            name=reader.text("name"),
            hosts=_hosts(reader),
            settings=read_settings(reader),
            file=file,
            mark=reader.mark,
            pre_tasks=pre_tasks,
            roles=reader.list_of("roles", lambda item, at: self._roles.entry(item, site, at)),
            tasks=tasks,
            post_tasks=post_tasks,
            handlers=self._handlers.handlers(
                reader.data.get("handlers"), site, reader.at("handlers")
            ),
            vars_files=_vars_files(reader),
            gather_facts=self._gather_facts(reader),
            fact_arguments={key: reader.data[key] for key in _OF_SETUP if key in reader},
            serial=_serial(reader),
            max_fail_percentage=_percentage(reader),
            force_handlers=reader.flag("force_handlers"),
            order=_order(reader),
            strategy=_strategy(reader),
            extensions=self._extended(reader),
        )

    def _gather_facts(self, reader: Reader) -> Any:
        wanted = reader.flag("gather_facts")
        if wanted is True and "setup" not in self._modules:
            raise SourceError(
                "gather_facts: true needs the module setup, which does not exist",
                reader.at("gather_facts"),
                hint="gather_facts: false",
            )
        return wanted

    def _extended(self, reader: Reader) -> dict[str, object]:
        """Let each extension read its key, and refuse the keywords it cannot live with."""
        parsed: dict[str, object] = {}
        for key, extension in self._extensions.items():
            if key not in reader:
                continue
            for other in extension.forbids:
                if other in reader:
                    raise SourceError(
                        f"{other}: does not go with {key}:",
                        reader.key_at(other),
                        hint="leave it out",
                    )
            parsed[key] = extension.parse(reader.data[key], reader.at(key))
        return parsed


def _hosts(reader: Reader) -> Any:
    value = reader.data.get("hosts")
    if isinstance(value, MarkedList) and value and all(isinstance(item, str) for item in value):
        return value
    if isinstance(value, str) and value.strip():
        return value
    if "hosts" not in reader:
        raise SourceError("a play needs hosts:", reader.mark, hint="for example `hosts: all`")
    raise reader.wrong("hosts", "a pattern, or a list of patterns")


def _vars_files(reader: Reader) -> tuple[Any, ...]:
    for item, mark in reader.items("vars_files"):
        texts = item if isinstance(item, MarkedList) else [item]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise reader.wrong_item("vars_files", item, mark, "a list of file names")
    return tuple(item for item, _ in reader.items("vars_files"))


def _serial(reader: Reader) -> tuple[Any, ...]:
    for item, mark in reader.items("serial"):
        text = str(item).strip().removesuffix("%")
        if isinstance(item, bool) or not (is_text_template(item) or text.isdecimal()):
            wanted = 'a number, a percentage ("30%"), or a list of those'
            raise reader.wrong_item("serial", item, mark, wanted)
    return tuple(item for item, _ in reader.items("serial"))


def _percentage(reader: Reader) -> Any:
    """Return a number or a template; a percent sign may follow."""
    value = reader.data.get("max_fail_percentage")
    if isinstance(value, str) and value.strip().removesuffix("%").strip().isdecimal():
        return value
    return reader.number("max_fail_percentage")


def _order(reader: Reader) -> str:
    order = reader.text("order") or ORDERS[0]
    if order not in ORDERS and not is_text_template(order):
        raise reader.wrong("order", f"one of {', '.join(ORDERS)}")
    return order


def _strategy(reader: Reader) -> str:
    strategy = reader.text("strategy") or STRATEGIES[0]
    if strategy not in STRATEGIES and not is_text_template(strategy):
        message = f"the strategy {strategy!s} is not supported"
        raise SourceError(message, reader.at("strategy"), hint=ONLY_LINEAR, unsupported=True)
    return strategy
