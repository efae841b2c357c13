"""Handlers: who is notified by a name, and who is a play's handler at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet.errors import RaftfleetError
from raftfleet.playbook.engine.play_state import HandlerEntry
from raftfleet.playbook.syntax.handlers import unknown_handler
from raftfleet.playbook.syntax.nodes import Block, RoleUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.syntax.nodes import HandlerList, Node
    from raftfleet.playbook.templating import Scope

__all__ = [
    "add_handlers",
    "add_imported_handlers",
    "add_nested_handlers",
    "add_role_handlers",
    "names_of",
    "notify",
    "settle",
]


def add_handlers(
    state: PlayState, handlers: HandlerList, frame: Frame, scope: Scope, *, role: str | None = None
) -> None:
    """Add handlers of one source, behind those that are there."""
    source = 1 + max((entry.source for entry in state.handlers), default=0)
    frame = replace(frame, handling=True, rescuable=False, awaited=False)
    for handler in handlers:
        entry = HandlerEntry(handler, frame, source, role, _name(handler.task.name, scope))
        state.handlers.append(entry)


def add_role_handlers(state: PlayState, use: RoleUse, frame: Frame, scope: Scope) -> None:
    """Add the handlers of a role, behind those of the roles it depends on."""
    inner = frame.enter_role(use)
    for needed in use.role.dependencies:
        add_role_handlers(state, needed, inner, scope)
    add_handlers(state, use.role.handlers, inner, scope, role=use.role.name)


def add_imported_handlers(
    state: PlayState, nodes: Iterable[Node], frame: Frame, scope: Scope
) -> None:
    """Add the handlers of the roles that nodes import; what a role imports comes before it."""
    for node in nodes:
        if isinstance(node, Block):
            parts = (*node.body, *node.rescue, *node.always)
            add_imported_handlers(state, parts, frame.enter(node.settings), scope)
        elif isinstance(node, RoleUse):
            add_nested_handlers(state, node, frame, scope)
            add_role_handlers(state, node, frame, scope)


def add_nested_handlers(state: PlayState, use: RoleUse, frame: Frame, scope: Scope) -> None:
    """Add the handlers of the roles that the tasks of a role import."""
    inner = frame.enter_role(use)
    for needed in use.role.dependencies:
        add_nested_handlers(state, needed, inner, scope)
    add_imported_handlers(state, use.role.tasks, inner, scope)


def names_of(nodes: Iterable[Node]) -> list[str]:
    """Return the names of roles in the order in which Ansible reads them, dependencies left out."""
    found: list[str] = []
    for node in nodes:
        if isinstance(node, Block):
            found += names_of((*node.body, *node.rescue, *node.always))
        elif isinstance(node, RoleUse):
            found += [*names_of(node.role.tasks), node.role.name]
    return found


def _name(name: str | None, scope: Scope) -> str | None:
    try:
        return None if name is None else str(scope.template(name))
    except RaftfleetError:
        return str(name)


def notify(state: PlayState, names: Sequence[str], host: Host, *, flushing: bool) -> None:
    """Notify handlers for a host; raises `SourceError` for a name that nobody has.

    Which handler a name means is settled when handlers are flushed, for an included role may still
    bring another of that name; ``flushing``: they are.
    """
    for name in names:
        if not list(_meant(state, name)):
            known = [entry.name for entry in state.handlers if entry.name]
            raise unknown_handler(name, known, None)
        state.pending.setdefault(host.name, {})[name] = None
    if flushing:
        settle(state, [host])


def settle(state: PlayState, hosts: Sequence[Host]) -> None:
    """Hand the notifications of hosts to the handlers that they mean."""
    for host in hosts:
        for name in state.pending.pop(host.name, {}):
            for entry in _meant(state, name):
                entry.notified[host.name] = None


def _meant(state: PlayState, notification: str) -> Iterator[HandlerEntry]:
    """Yield the handler of this name, and all that listen to it.

    Of handlers with one name the last source wins (a play's over a role's), in it the first.
    """
    by_source = sorted(state.handlers, key=lambda entry: -entry.source)
    for entry in by_source:
        if notification in entry.names:
            yield entry
            break
    seen: set[str] = set()
    for entry in by_source:
        if notification in entry.handler.listen and entry.name not in seen:
            if entry.name:
                seen.add(entry.name)
            yield entry
