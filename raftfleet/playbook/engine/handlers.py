"""Handlers: who is notified by a name, and who is a play's handler at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raftfleet.errors import RaftfleetError
from raftfleet.playbook.engine.play_state import HandlerEntry
from raftfleet.playbook.engine.role_places import needed_by
from raftfleet.playbook.syntax.handlers import unknown_handler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from raftfleet.inventory import Host
    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.play_state import PlayState
    from raftfleet.playbook.engine.role_places import Placed
    from raftfleet.playbook.syntax.nodes import HandlerList
    from raftfleet.playbook.templating import Scope

__all__ = ["add_handlers", "add_role_handlers", "notify", "settle"]


def add_handlers(
    state: PlayState, handlers: HandlerList, frame: Frame, scope: Scope, *, role: str | None = None
) -> None:
    """Add handlers of one source, behind those that are there."""
    source = 1 + max((entry.source for entry in state.handlers), default=0)
    frame = replace(frame, handling=True, rescuable=False, awaited=False)
    for handler in handlers:
        entry = HandlerEntry(handler, frame, source, role, _name(handler.task.name, scope))
        state.handlers.append(entry)


def add_role_handlers(state: PlayState, places: Iterable[Placed], scope: Scope) -> None:
    """Add the handlers of roles, behind those of the roles that they need, for each use anew."""
    for place in places:
        for use, frame in (*needed_by(place), place):
            add_handlers(state, use.role.handlers, frame, scope, role=use.role.name)


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
