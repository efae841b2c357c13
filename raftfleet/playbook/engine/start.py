"""Where a run begins: `--start-at-task`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from raftfleet.errors import UsageError, nearest
from raftfleet.playbook.syntax.nodes import Block, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from raftfleet.playbook.syntax.load import Playbook
    from raftfleet.playbook.syntax.nodes import Node, Play

__all__ = ["begins_in", "starts_at", "which_starts"]


def starts_at(wanted: str, title: str, role: str | None) -> bool:
    """Whether this is the task to start at: by name or glob, with its role's name before it or not."""
    names = (title, f"{role} : {title}") if role else (title,)
    return any(wanted == name or fnmatchcase(name, wanted) for name in names)


def begins_in(play: Play, wanted: str) -> bool:
    """Whether a play has the task to start at."""
    return any(starts_at(wanted, title, role) for role, title in _titles(play))


def which_starts(playbooks: Sequence[Playbook], title: str | None) -> int:
    """Return which of the playbooks has the task to start at; the first for no task.

    Refuses, as `UsageError`, a task that is not there: nothing would run and look like success.
    """
    if title is None:
        return 0
    for number, playbook in enumerate(playbooks):
        if any(begins_in(play, title) for play in playbook.plays):
            return number
    plays = (play for playbook in playbooks for play in playbook.plays)
    close = nearest(title, [one for play in plays for _, one in _titles(play)])
    hint = f"did you mean {close!r}?" if close else "tasks of included files cannot be started at"
    raise UsageError(f"--start-at-task: there is no task {title!r}", hint=hint)


def _titles(play: Play) -> Iterator[tuple[str | None, str]]:
    """Yield every task's title with the name of the role that it is part of."""
    for section in play.sections:
        for role, task in _tasks(section, None):
            yield role, task.title


def _tasks(nodes: Iterable[Node], role: str | None) -> Iterator[tuple[str | None, Task]]:
    for node in nodes:
        if isinstance(node, Task):
            yield role, node
        elif isinstance(node, Block):
            yield from _tasks((*node.body, *node.rescue, *node.always), role)
        else:
            yield from _tasks((*node.role.dependencies, *node.role.tasks), node.role.name)
