"""Every role that a play names, in Ansible's order, each with the frame inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from raftfleet.playbook.engine.frame import Frame
from raftfleet.playbook.syntax.nodes import Block, RoleUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from raftfleet.playbook.syntax.nodes import Node, Play, Role

__all__ = ["Placed", "imported_by", "needed_by", "places_of", "roles_of"]


class Placed(NamedTuple):
    """A use of a role, and the frame inside it."""

    use: RoleUse
    frame: Frame


def places_of(play: Play, frame: Frame) -> tuple[list[Placed], list[Placed]]:
    """Return the entries of `roles:`, and the roles that tasks import.

    Imports inside the entries come first, then those of pre_tasks, post_tasks and tasks; one inside
    an imported role comes before it.
    """
    entries = [Placed(use, frame.enter_role(use)) for use in play.roles]
    imports = [found for entry in entries for found in _inside(entry.use.role, entry.frame)]
    for section in (play.pre_tasks, play.post_tasks, play.tasks):
        imports += imported_by(section, frame)
    return entries, imports


def roles_of(play: Play) -> list[RoleUse]:
    """Return what `places_of` does, entries first, without the frames."""
    entries, imports = places_of(play, Frame(play.settings))
    return [place.use for place in (*entries, *imports)]


def imported_by(nodes: Iterable[Node], frame: Frame) -> Iterator[Placed]:
    """Yield the roles that tasks import, without those that they need in turn."""
    for node in nodes:
        if isinstance(node, Block):
            parts = (*node.body, *node.rescue, *node.always)
            yield from imported_by(parts, frame.enter(node.settings))
        elif isinstance(node, RoleUse):
            inner = frame.enter_role(node)
            yield from _inside(node.role, inner)
            yield Placed(node, inner)


def _inside(role: Role, frame: Frame) -> Iterator[Placed]:
    for use in role.dependencies:
        yield from _inside(use.role, frame.enter_role(use))
    yield from imported_by(role.tasks, frame)


def needed_by(placed: Placed) -> Iterator[Placed]:
    """Yield the roles that one needs, each after those it needs itself."""
    for use in placed.use.role.dependencies:
        need = Placed(use, placed.frame.enter_role(use))
        yield from needed_by(need)
        yield need
