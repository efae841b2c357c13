"""Whether everything that is notified exists, as far as that can be known before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raftfleet.errors import Mark, SourceError, nearest
from raftfleet.playbook.syntax.nodes import Block, RoleUse, Task
from raftfleet.playbook.syntax.reading import place
from raftfleet.playbook.templating.scope import is_text_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from raftfleet.playbook.syntax.nodes import Node, Play, Role

__all__ = ["check_notifications", "static_roles", "unknown_handler", "walk"]

_DYNAMIC = frozenset({"include_tasks", "include_role"})


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield all nodes, those inside blocks and roles too, in the order they would run."""
    for node in nodes:
        yield node
        if isinstance(node, Block):
            yield from walk((*node.body, *node.rescue, *node.always))
        elif isinstance(node, RoleUse):
            yield from walk((*node.role.dependencies, *node.role.tasks))


def static_roles(play: Play) -> list[RoleUse]:
    """Return every use of a role that the play names, in the order they would run."""
    nodes = (node for section in play.sections for node in walk(section))
    return [node for node in nodes if isinstance(node, RoleUse)]


def check_notifications(play: Play) -> None:
    """Refuse the name of a handler that nobody has.

    Names that are templates, and handlers that an included role may bring, are left to the run.
    """
    roles = [use.role for use in static_roles(play)]
    known = _names(play, roles)
    if known is None:
        return
    everything = [node for section in play.sections for node in walk(section)]
    everything += [handler.task for handler in play.handlers]
    if any(isinstance(node, Task) and node.action in _DYNAMIC for node in everything):
        return
    for node in everything:
        for name in node.settings.notify:
            if not is_text_template(name) and name not in known:
                raise unknown_handler(name, known, getattr(node, "mark", None))


def unknown_handler(name: str, known: Iterable[str], mark: Mark | None) -> SourceError:
    """Return the error for a notified name that no handler has."""
    close = nearest(name, known)
    hint = (
        f"did you mean {close!r}?" if close else f"handlers: {', '.join(sorted(known)) or 'none'}"
    )
    return SourceError(f"there is no handler {str(name)!r}", place(name, mark), hint=hint)


def _names(play: Play, roles: list[Role]) -> set[str] | None:
    """Return all names and topics that may be notified; None when one of them is a template."""
    found: set[Any] = set()
    for handler in play.handlers:
        found |= {handler.task.name, *handler.listen}
    for role in roles:
        for handler in role.handlers:
            found |= {handler.task.name, f"{role.name} : {handler.task.name}", *handler.listen}
    if any(map(is_text_template, found)):
        return None
    return {str(name) for name in found if name}
