"""What a playbook would do, without doing it: its hosts, tasks and tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError
from raftfleet.playbook.engine.header import header_of
from raftfleet.playbook.engine.options import Options
from raftfleet.playbook.engine.play_run import pattern_of
from raftfleet.playbook.engine.population import Population
from raftfleet.playbook.engine.role_places import roles_of
from raftfleet.playbook.engine.tags import Selection, settled_play
from raftfleet.playbook.engine.variables import Variables
from raftfleet.playbook.syntax.nodes import Block, RoleUse, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from raftfleet.inventory import Inventory
    from raftfleet.playbook.syntax import Play, Playbook
    from raftfleet.playbook.syntax.nodes import Node
    from raftfleet.playbook.templating import Scope

__all__ = ["PlayListing", "TaskListing", "list_plays"]


@dataclass(frozen=True, slots=True)
class TaskListing:
    """A task, its name not templated, and its tags: its own and those of what it stands in."""

    name: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlayListing:
    """A play, its patterns, the hosts it would run on and the tasks it would run.

    ``unmatched`` are the parts of its patterns that name nobody. What an `include_tasks` or `include_role` would bring is not looked into.
    """

    name: str
    patterns: tuple[str, ...]
    tags: tuple[str, ...]
    hosts: tuple[str, ...]
    tasks: tuple[TaskListing, ...]
    unmatched: tuple[str, ...] = ()

    @property
    def task_tags(self) -> tuple[str, ...]:
        """The tags of all its tasks."""
        return tuple(sorted({tag for task in self.tasks for tag in task.tags}))


def list_plays(
    playbook: Playbook,
    inventory: Inventory,
    *,
    extra_vars: Mapping[str, Any] | None = None,
    limit: str | None = None,
    tags: Collection[str] = (),
    skip_tags: Collection[str] = (),
) -> list[PlayListing]:
    """Return every play with what the limit and the tags leave of it.

    Raises `UsageError` for a limit that matches nobody.
    """
    inventory = inventory.beside(playbook.directory)
    inventory.check_limit(limit)
    options = Options(extra_vars=extra_vars or {}, playbook_dir=playbook.directory)
    variables = Variables(options, Population(inventory))
    chosen = Selection(frozenset(tags) or frozenset({"all"}), frozenset(skip_tags))
    found = []
    for play in playbook.plays:
        header = header_of(play, roles_of(play), variables, playbook.library)
        play = settled_play(play, header)  # noqa: PLW2901 - from here on it has no template in a tag
        pattern = pattern_of(play, header)
        hosts = tuple(host.name for host in inventory.select(pattern, limit))
        tasks = tuple(
            TaskListing(title, tuple(sorted(own)))
            for title, own in _tasks(play)
            if chosen.takes(own)
        )
        patterns, unmatched = _patterns(play, header), tuple(inventory.unmatched(pattern))
        title, own = _title(play, patterns, header), tuple(sorted(play.settings.tags))
        found.append(PlayListing(title, patterns, own, hosts, tasks, unmatched))
    return found


def _patterns(play: Play, header: Scope) -> tuple[str, ...]:
    value = header.template(play.hosts)
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _title(play: Play, patterns: tuple[str, ...], header: Scope) -> str:
    try:
        return str(header.template(play.name) or ",".join(patterns))
    except RaftfleetError:
        return str(play.name)


def _tasks(play: Play) -> Iterator[tuple[str, frozenset[str]]]:
    for section in play.sections:
        yield from _walk(section, play.settings.tags, "")


def _walk(
    nodes: Iterable[Node], tags: frozenset[str], prefix: str
) -> Iterator[tuple[str, frozenset[str]]]:
    for node in nodes:
        inner = tags | node.settings.tags
        if isinstance(node, Task):
            yield f"{prefix}{node.title}", inner
        elif isinstance(node, Block):
            yield from _walk((*node.body, *node.rescue, *node.always), inner, prefix)
        elif isinstance(node, RoleUse):
            role = node.role
            yield from _walk((*role.dependencies, *role.tasks), inner, f"{role.name} : ")
