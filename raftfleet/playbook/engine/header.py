"""What the header of a play sees, and what tags see: everything but what depends on a host."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import RaftfleetError
from raftfleet.inventory import Host
from raftfleet.playbook.engine import magic
from raftfleet.playbook.engine.vars_files import read_vars_files
from raftfleet.playbook.together import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from raftfleet.playbook.engine.frame import Frame
    from raftfleet.playbook.engine.variables import Variables
    from raftfleet.playbook.syntax.load import Library
    from raftfleet.playbook.syntax.nodes import Play, RoleUse
    from raftfleet.playbook.templating import Scope

__all__ = ["header_of"]

_OF_ONE_HOST: Final = frozenset(
    {"inventory_hostname", "inventory_hostname_short", "group_names", "ansible_facts"}
)


def header_of(
    play: Play,
    uses: Sequence[RoleUse],
    variables: Variables,
    library: Library,
    frame: Frame | None = None,
) -> Scope:
    """Return the variables that a play has without any host: `-e`, its own, those of its roles.

    ``uses`` are the roles. Of `vars_files` those count that can be read without a host. ``frame``
    adds what holds at a place inside the play.
    """
    roles = [use.role for use in reversed(uses) if use.public]
    weaker = together(
        play.settings.variables,
        *(frame.role_defaults if frame else ()),
        *(part for role in roles for part in (role.defaults, role.needed_defaults)),
    )
    stronger = (
        *((*frame.parameters, *frame.layers, *frame.role_variables) if frame else ()),
        *(part for role in roles for part in (role.variables, role.needed_variables)),
    )
    read = _files(play, variables.of_play(together(*stronger, weaker)), library)
    scope = variables.of_play(together(*stronger, *read, weaker))
    return scope.over(magic.Lazy(_of_run(variables)))


def _files(play: Play, scope: Scope, library: Library) -> Iterator[Mapping[str, Any]]:
    """Yield what stands in the files of variables, the strongest first.

    One that cannot be read may need a host: tasks read all of them again, and say what is wrong.
    """
    for entry in reversed(play.vars_files):
        with suppress(RaftfleetError):
            yield from read_vars_files(replace(play, vars_files=(entry,)), scope, library)


def _of_run(variables: Variables) -> dict[str, Any]:
    """Return the variables that nobody defines and that are the same for all hosts."""
    known = magic.of_host(Host(""), variables)
    return {name: make for name, make in known.items() if name not in _OF_ONE_HOST}
