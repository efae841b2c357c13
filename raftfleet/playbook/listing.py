"""What a playbook would do, without doing it: its hosts, tasks and tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raftfleet.playbook.engine.engine import check_limit
from raftfleet.playbook.engine.options import Options
from raftfleet.playbook.engine.play_run import pattern_of
from raftfleet.playbook.engine.population import Population
from raftfleet.playbook.engine.tags import Selection
from raftfleet.playbook.engine.variables import Variables
from raftfleet.playbook.syntax.nodes import Block, RoleUse, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from raftfleet.inventory import Inventory
    from raftfleet.playbook.syntax import Play, Playbook
    from raftfleet.playbook.syntax.nodes import Node

__all__ = ["PlayHosts", "PlayTasks", "list_hosts", "list_tags", "list_tasks"]


@dataclass(frozen=True, slots=True)
class PlayHosts:
    """A play, its pattern, and the hosts it would run on."""

    play: str
    pattern: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlayTasks:
    """A play and the tasks it would run, each with its tags; includes are not looked into."""

    play: str
    tasks: tuple[tuple[str, tuple[str, ...]], ...]


def list_hosts(
    playbook: Playbook,
    inventory: Inventory,
    *,
    extra_vars: Mapping[str, Any] | None = None,
    limit: str | None = None,
) -> list[PlayHosts]:
    """Return the hosts of every play; raises `UsageError` for a limit that matches nobody."""
    inventory = inventory.beside(playbook.directory)
    check_limit(inventory, limit)
    variables = Variables(Options(extra_vars=extra_vars or {}), Population(inventory))
    found = []
    for play in playbook.plays:
        pattern = pattern_of(play, variables.of_play(play.settings.variables))
        hosts = tuple(host.name for host in inventory.select(pattern, limit))
        found.append(PlayHosts(_title(play, pattern), pattern, hosts))
    return found


def list_tasks(
    playbook: Playbook, *, tags: Collection[str] = (), skip_tags: Collection[str] = ()
) -> list[PlayTasks]:
    """Return the tasks of every play that these tags leave."""
    chosen = Selection(frozenset(tags) or frozenset({"all"}), frozenset(skip_tags))
    found = []
    for play in playbook.plays:
        tasks = [(title, tuple(sorted(own))) for title, own in _tasks(play) if chosen.takes(own)]
        found.append(PlayTasks(_title(play, str(play.hosts)), tuple(tasks)))
    return found


def list_tags(playbook: Playbook) -> list[tuple[str, tuple[str, ...]]]:
    """Return every play with the tags of its tasks."""
    return [
        (
            _title(play, str(play.hosts)),
            tuple(sorted({tag for _, own in _tasks(play) for tag in own})),
        )
        for play in playbook.plays
    ]


def _title(play: Play, pattern: str) -> str:
    return str(play.name or pattern)


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
