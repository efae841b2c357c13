"""What the generic modules have in common."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.playbook.module import Argument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext, Result

__all__ = ["ATTRIBUTES", "REFUSED_ATTRIBUTES", "GenericModule", "arguments"]


def arguments(**declared: Argument) -> Mapping[str, Argument]:
    """Return a module's declared arguments, in the order of the call."""
    return MappingProxyType(declared)


ATTRIBUTES: Final = {
    "mode": Argument("mode"),
    "owner": Argument(),
    "group": Argument(),
    "unsafe_writes": Argument("bool", default=False),
}
"""Whose a file is; ``unsafe_writes`` is taken and does nothing: a file is always replaced whole."""

_SELINUX: Final = "command: chcon, behind a test for SELinux"
REFUSED_ATTRIBUTES: Final = MappingProxyType(
    {
        "attributes": "command: chattr",
        "attr": "command: chattr",
        "selevel": _SELINUX,
        "serole": _SELINUX,
        "setype": _SELINUX,
        "seuser": _SELINUX,
    }
)
"""Arguments of Ansible's modules that write files, which are refused, each with what to do."""


class GenericModule:
    """A task module: it keeps no state, so one object serves all hosts and threads.

    Of the arguments in each group of ``exclusive`` at most one may be given, of those in each
    group of ``one_of`` at least one has to be; that is looked at before the first host is touched. Those
    in ``idle`` are taken for the sake of playbooks that have them, and do nothing. ``refused`` are
    arguments that Ansible's module has, each with what to write instead. A null given to one in
    ``nullable`` is a value; elsewhere it counts as not given.
    """

    name: str = ""
    arguments: Mapping[str, Argument] = MappingProxyType({})
    free_form: str | None = None
    once: bool = False
    local: bool = False
    raw: frozenset[str] = frozenset()
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    nullable: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    refused: Mapping[str, str] = MappingProxyType({})

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Do it; raise `TaskError` to fail with a message."""
        raise NotImplementedError


def exactly_one(given: Mapping[str, Any], *names: str) -> str:
    """Return which of several arguments is given; `TaskError` unless it is exactly one."""
    found = [name for name in names if given.get(name) is not None]
    if len(found) != 1:
        raise TaskError(f"exactly one of {', '.join(names)} is wanted, given: {len(found)}")
    return found[0]
